"""The messages of one stream in order, in chunks and segments. Nothing leaves but the oldest segments.

Offsets count from 0, without gaps. A segment is full once it has its octets; the next message begins a new one, so
that the newest segment is never empty. Whether full ones go is `retention`'s matter.

`kept_log` is the same on a disk; nobody else knows chunks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

from amqpd.broker.message import Account, Message
from amqpd.broker.stream.chunk import CHUNK, Chunk, OpenChunk, Sealed
from amqpd.broker.work import Work

if TYPE_CHECKING:
    from amqpd.broker.stream.filters import Filter

FREED_A_UNIT: Final = 64
"""Messages that are freed for one unit of the turn's budget."""


@attrs.frozen
class Segment:
    """A full segment."""

    chunks: int
    octets: int
    """Of headers and bodies."""
    last_time: int
    """When its newest messages were published, in milliseconds since 1970."""


class Log:
    """A log in memory, which the broker's account counts."""

    __slots__ = (
        "_account",
        "_chunks",
        "_firsts",
        "_open",
        "_segment_chunks",
        "_segment_limit",
        "_time",
        "end",
        "octets",
        "segments",
    )

    def __init__(self, account: Account, segment_limit: int) -> None:
        """`segment_limit`: octets from which a segment is full."""
        self.end = 0
        """The offset of the next message."""
        self.octets = 0
        """Of the newest segment."""
        self.segments: deque[Segment] = deque()
        """The full ones, oldest first."""
        self._account = account
        self._segment_limit = segment_limit
        self._segment_chunks = 0
        """Sealed ones of the newest segment."""
        self._chunks: list[Sealed] = []
        """All but the open one."""
        self._firsts: list[int] = []
        self._open = OpenChunk(0)
        self._time = 0

    # -- in --------------------------------------------------------------------------------------------------------

    def begin_batch(self, time: int) -> None:
        """What is appended from now on is published together, at `time` in milliseconds since 1970."""
        self._time = max(time, self._time)
        self._open.batches.begin(self._open.count, self._time)

    def append(self, message: Message, value: bytes | None) -> bool:
        """Add a message with its filter value; its number becomes its offset. Return whether a segment became full."""
        filled = self.octets >= self._segment_limit and self.octets > 0
        if filled:
            self._finish_segment()
        elif self._open.count >= CHUNK:
            self._seal()
        message.number = self.end
        self.end += 1
        self.octets += len(message.body) + len(message.properties.raw)
        self._account.charge(self._open.append(message, value))
        return filled

    # -- out -------------------------------------------------------------------------------------------------------

    @property
    def first(self) -> int:
        """The offset of the oldest message; `end` while there is none."""
        return self._firsts[0] if self._firsts else self._open.first

    def read(self, offset: int, limit: int, wanted: Filter | None = None) -> tuple[Iterator[Message], int]:
        """Messages from an offset on, at most `limit` of them looked at, and the offset that was not.

        Only below `end`. What has gone is passed over.
        """
        offset = max(offset, self.first)
        chunk = self._chunk(offset)
        start = offset - chunk.first
        stop = min(start + limit, chunk.count)
        return chunk.read(start, stop, wanted), chunk.first + stop

    def last_batch(self) -> int:
        """The offset at which the newest batch begins; `end` while there is none."""
        chunk = self._open if self._open.count or not self._chunks else self._chunks[-1]
        return chunk.first + chunk.batches.last_start if chunk.count else self.end

    def at_time(self, time: int) -> int:
        """The offset of the first message published at `time` or later; `end` if there is none."""
        if time > self._time:
            return self.end
        at = bisect_left(self._chunks, time, key=_last_time)
        chunk = self._chunks[at] if at < len(self._chunks) else self._open
        return chunk.first + chunk.batches.at_time(time) if chunk.count else self.end

    # -- retention -------------------------------------------------------------------------------------------------

    def drop_segments(self, count: int) -> Work | None:
        """Forget the oldest segments at once; what is returned frees their memory."""
        chunks = sum(self.segments.popleft().chunks for _ in range(count))
        return self._drop(chunks)

    def clear(self) -> Work | None:
        """Forget everything, for good; what is returned frees the memory."""
        self._seal()
        self.segments.clear()
        return self._drop(len(self._chunks))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _chunk(self, offset: int) -> Sealed | OpenChunk:
        if offset >= self._open.first:
            return self._open
        return self._chunks[bisect_right(self._firsts, offset) - 1]

    def _seal(self) -> None:
        full = self._open
        if full.count:
            chunk = self._keep(full.sealed())
            self._account.charge(chunk.cost - full.cost)
            self._chunks.append(chunk)
            self._firsts.append(chunk.first)
            self._segment_chunks += 1
        self._open = OpenChunk(self.end)
        self._open.batches.begin(0, self._time)

    def _keep(self, chunk: Chunk) -> Sealed:
        """What is to stand for a chunk that is full."""
        return chunk

    def _finish_segment(self) -> None:
        self._seal()
        self.segments.append(Segment(self._segment_chunks, self.octets, self._chunks[-1].last_time))
        self._segment_chunks = 0
        self.octets = 0

    def _drop(self, chunks: int) -> Work | None:
        dropped = self._chunks[:chunks]
        del self._chunks[:chunks]
        del self._firsts[:chunks]
        return Release(dropped, self._account) if dropped else None


class Release(Work):
    """Frees chunks one after the other, since freeing a million messages at once would stall everybody."""

    __slots__ = ("_account", "_chunks")

    def __init__(self, chunks: list[Sealed], account: Account) -> None:
        self._chunks = chunks[::-1]
        self._account = account

    def step(self, budget: int) -> bool:
        units = 0
        while self._chunks and units < budget:
            chunk = self._chunks.pop()
            chunk.free(self._account)
            units += 1 + chunk.count // FREED_A_UNIT
        return bool(self._chunks)


def _last_time(chunk: Sealed) -> int:
    return chunk.last_time
