"""Chunks of streams in append-only logs, one for each stream, with an index in memory.

What comes with one row of the shard is one row of each stream's log, and names that row: it counts once the row of the
shard is there. So after a crash in between, the newest row of a stream's log may count for nothing, and is cut off.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from amqpd.storage.engine import ChunkHead, ChunkRow
from amqpd.storage.segments import Broken, Log

_ROW: Final = Struct("<QI")
_CHUNK: Final = Struct("<QQII")

OpenLog: TypeAlias = Callable[[int, Callable[[bytes], bool]], Log]
"""Opens the log of a stream; rows that are not accepted are cut off its end."""


class Place(NamedTuple):
    """Where a chunk is."""

    head: ChunkHead
    seq: int
    """The row of its log."""
    begin: int
    end: int


class Written(NamedTuple):
    """What came to the log of a stream with one row of the shard."""

    stream: int
    seq: int
    payload: bytes


class ChunkLogs:
    """The chunks of all streams of one shard."""

    def __init__(self, streams: Iterable[int], open_log: OpenLog, last: int) -> None:
        """`last`: the number of the last row of the shard."""
        self._open_log = open_log
        self._last = last
        self._logs: dict[int, Log] = {}
        self._places: dict[int, list[Place]] = {}
        for stream in streams:
            self._places[stream] = []
            for seq, payload in self._log(stream).read(0):
                self._index(stream, seq, payload)

    def append(self, chunks: Iterable[ChunkRow], row: int) -> list[Written]:
        """Write what comes with a row of the shard that is about to be written. Raises OSError: then nothing is there,
        or Broken if that is not certain.
        """
        self._last = row
        written: list[Written] = []
        for stream, group in groupby(sorted(chunks, key=_stream), key=_stream):
            payload, log = _packed(list(group), row), self._log(stream)
            try:
                written.append(Written(stream, log.append(payload), payload))
            except OSError as error:
                self.take_back(written)
                if log.is_broken:
                    raise Broken(str(error)) from error
                raise
        return written

    def keep(self, written: Iterable[Written]) -> None:
        """The row of the shard is there: from now on these count."""
        for stream, seq, payload in written:
            self._index(stream, seq, payload)

    def take_back(self, written: Iterable[Written]) -> None:
        """There is no such row. Raises Broken."""
        for stream, _, _ in written:
            try:
                self._log(stream).take_back()
            except OSError as error:
                raise Broken(str(error)) from error

    def heads(self) -> Iterator[ChunkHead]:
        """All there are, by stream, in order."""
        for stream in sorted(self._places):
            yield from (place.head for place in self._places[stream])

    def read(self, stream: int, first: int) -> bytes | None:
        """One chunk; None: there is none. Raises OSError if it is damaged."""
        places = self._places.get(stream, [])
        at = bisect_left(places, first, key=_first)
        if at == len(places) or places[at].head.first != first:
            return None
        _, seq, begin, end = places[at]
        return self._log(stream).fetch(seq)[begin:end]

    def drop(self, stream: int, below: int) -> None:
        """Forget those that end at or below an offset; a stream without any leaves nothing behind."""
        places = self._places.get(stream, [])
        del places[: bisect_right(places, below, key=_end)]
        if places:
            self._log(stream).trim(places[0].seq)
        elif stream in self._places:
            self._log(stream).clear()
            del self._logs[stream], self._places[stream]

    @property
    def octets(self) -> int:
        """What they take up."""
        return sum(log.octets for log in self._logs.values())

    def close(self) -> None:
        """Finish in order."""
        for log in self._logs.values():
            log.close()

    def _log(self, stream: int) -> Log:
        log = self._logs.get(stream)
        if log is None:
            log = self._logs[stream] = self._open_log(stream, self._counts)
        return log

    def _counts(self, payload: bytes) -> bool:
        """Whether the row of the shard is there that these chunks came with."""
        row: int = _ROW.unpack_from(payload)[0]
        return row <= self._last

    def _index(self, stream: int, seq: int, payload: bytes) -> None:
        places = self._places.setdefault(stream, [])
        for head, begin, end in _unpacked(stream, payload):
            at, behind = (bisect_left(places, offset, key=_first) for offset in (head.first, head.end))
            places[at:behind] = [Place(head, seq, begin, end)]


def _packed(chunks: list[ChunkRow], row: int) -> bytes:
    parts = [_ROW.pack(row, len(chunks))]
    parts += [_CHUNK.pack(each.first, each.end, len(each.head), len(each.payload)) for each in chunks]
    for each in chunks:
        parts += (each.head, each.payload)
    return b"".join(parts)


def _unpacked(stream: int, payload: bytes) -> Iterator[tuple[ChunkHead, int, int]]:
    """Each chunk of a row, and where its payload is."""
    _, count = _ROW.unpack_from(payload)
    at = _ROW.size + count * _CHUNK.size
    for number in range(count):
        first, end, head, size = _CHUNK.unpack_from(payload, _ROW.size + number * _CHUNK.size)
        yield ChunkHead(stream, first, end, payload[at : at + head]), at + head, at + head + size
        at += head + size


_stream = attrgetter("stream")


def _first(place: Place) -> int:
    return place.head.first


def _end(place: Place) -> int:
    return place.head.end
