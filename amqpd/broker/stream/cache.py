"""Which chunks of all streams are in memory, of those that are on the disk as well: those that were read last."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from amqpd.broker.stream.kept_chunk import KeptChunk

LIMIT: Final = 64 * 1024 * 1024
"""Octets of memory."""


class ChunkCache:
    """Contents that may leave memory, the least recently used first."""

    __slots__ = ("_chunks", "_limit", "octets")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._chunks: OrderedDict[KeptChunk, int] = OrderedDict()
        self.octets = 0
        """What all of it takes up."""

    def add(self, chunk: KeptChunk, octets: int) -> None:
        """The contents of a chunk came, and may go. The newest one stays, however large."""
        self._chunks[chunk] = octets
        self.octets += octets
        while self.octets > self._limit and len(self._chunks) > 1:
            oldest, size = self._chunks.popitem(last=False)
            self.octets -= size
            oldest.leave()

    def used(self, chunk: KeptChunk) -> None:
        """A chunk was read; one that isn't here may not go yet."""
        if chunk in self._chunks:
            self._chunks.move_to_end(chunk)

    def forget(self, chunk: KeptChunk) -> None:
        """A chunk is gone from its stream."""
        self.octets -= self._chunks.pop(chunk, 0)
