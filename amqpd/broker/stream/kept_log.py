"""A log that is on the disk: a chunk of it is a row there, and memory holds the newest messages and what is read.

A commit takes what is new. Where that is little it goes out as it is, and once more with the chunk that it becomes part
of: so a stream that gets one message at a time has no chunks of one message, and one that gets many writes each once.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from amqpd.broker.stream.chunk import Chunk, OpenChunk, Sealed
from amqpd.broker.stream.kept_chunk import KeptChunk, Shelf
from amqpd.broker.stream.log import Log
from amqpd.broker.stream.store import ChunkSource, ChunkStore, Extent

if TYPE_CHECKING:
    from amqpd.broker.message import Account, Message
    from amqpd.broker.work import Work

ENOUGH: Final = 64 * 1024
"""Octets of memory that make a chunk of what a commit takes."""
MOST: Final = 256 * 1024
"""Octets of memory from which a chunk is full: it is read as a whole, while everybody waits."""


class KeptLog(Log, ChunkSource):
    """A log with a store."""

    __slots__ = ("_noted", "_sealed_octets", "_shelf", "_taken", "_taken_octets", "_unsaved", "_unsealed")

    def __init__(self, account: Account, segment_limit: int, store: ChunkStore) -> None:
        """Take up what the store has of this stream."""
        super().__init__(account, segment_limit)
        self._shelf = Shelf(store, account)
        self._noted = False
        """The store knows that there is something new."""
        self._unsealed: list[tuple[Extent, Chunk]] = []
        """Chunks that no commit has taken."""
        self._unsaved: deque[KeptChunk] = deque()
        """Chunks that are not known to be on the disk."""
        self._taken = 0
        """Messages of the open chunk that a commit has taken."""
        self._taken_octets = 0
        """Those of the newest segment up to there."""
        self._sealed_octets = 0
        """Those of the newest segment up to the open chunk."""
        for extent in store.open(self):
            self._restore(extent)
        self._open = OpenChunk(self.end)
        self._sealed_octets = self._taken_octets = self.octets

    def append(self, message: Message, value: bytes | None) -> bool:
        if not self._noted:
            self._noted = True
            self._shelf.store.changed()
        if self._open.cost >= MOST:
            self._seal()
        return super().append(message, value)

    # -- what the store asks -----------------------------------------------------------------------------------------

    def unsaved(self) -> list[tuple[Extent, Chunk]]:
        self._noted = False
        if self._open.cost >= ENOUGH:
            self._seal()
        taken, self._unsealed = self._unsealed, []
        count = self._open.count
        if count > self._taken:
            part = self._open.sealed(self._taken)
            first = self._segment_chunks == 0 and not self._taken
            taken.append((self._extent(part, self.octets - self._taken_octets, begins_segment=first), part))
            self._taken, self._taken_octets = count, self.octets
        return taken

    def saved(self, end: int) -> None:
        unsaved = self._unsaved
        while unsaved and unsaved[0].first + unsaved[0].count <= end:
            unsaved.popleft().saved()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _keep(self, chunk: Chunk) -> Sealed:
        octets = self.octets - self._sealed_octets
        extent = self._extent(chunk, octets, begins_segment=self._segment_chunks == 0)
        kept = KeptChunk(extent, self._shelf, chunk)
        self._unsealed.append((extent, chunk))
        self._unsaved.append(kept)
        self._sealed_octets = self._taken_octets = self.octets
        self._taken = 0
        return kept

    def _finish_segment(self) -> None:
        super()._finish_segment()
        self._sealed_octets = self._taken_octets = 0

    def _drop(self, chunks: int) -> Work | None:
        work = super()._drop(chunks)
        # What no commit has taken yet is still to be written: a gap would pass for damage, if a crash brings back what
        # was before it.
        self._unsaved = deque([each for each in self._unsaved if each.first >= self.first])
        self._shelf.store.drop(self.first)
        return work

    def _restore(self, extent: Extent) -> None:
        if self._chunks and extent.first > self.end:
            gap = Extent(self.end, extent.first, 0, self._time, begins_segment=False)
            self._place(gap, KeptChunk.lost(gap, self._shelf))
        if extent.begins_segment and self._chunks:
            self._finish_segment()
        self._place(extent, KeptChunk(extent, self._shelf))

    def _place(self, extent: Extent, chunk: KeptChunk) -> None:
        self._chunks.append(chunk)
        self._firsts.append(chunk.first)
        self._segment_chunks += 1
        self._account.charge(chunk.cost)
        self.octets += extent.octets
        self.end, self._time = extent.end, max(self._time, extent.last_time)

    @staticmethod
    def _extent(chunk: Chunk, octets: int, *, begins_segment: bool) -> Extent:
        end = chunk.first + chunk.count
        return Extent(chunk.first, end, octets, chunk.last_time, begins_segment=begins_segment)
