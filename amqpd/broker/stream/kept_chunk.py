"""A chunk that is on the disk, or on its way there: what must be known of it stays, its contents come and go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from amqpd.broker.message import Account
from amqpd.broker.stream.chunk import Batches, Chunk, Sealed
from amqpd.broker.stream.columns import Few
from amqpd.properties import EMPTY

if TYPE_CHECKING:
    from amqpd.broker.message import Message
    from amqpd.broker.stream.filters import Filter
    from amqpd.broker.stream.store import ChunkStore, Extent

RESIDENT: Final = 250
"""Octets of memory that a chunk costs whose contents are on the disk alone."""


class Shelf:
    """What the chunks of one stream have in common."""

    __slots__ = ("account", "store")

    def __init__(self, store: ChunkStore, account: Account) -> None:
        self.store = store
        self.account = account


class KeptChunk(Sealed):
    """Implements what a log asks of a chunk."""

    __slots__ = ("_chunk", "_shelf", "count", "first", "last_time")

    count: int
    last_time: int

    def __init__(self, extent: Extent, shelf: Shelf, chunk: Chunk | None = None) -> None:
        """Without its contents it has to be on the disk."""
        self.first = extent.first
        self.count = extent.end - extent.first
        self.last_time = extent.last_time
        self._shelf = shelf
        self._chunk = chunk

    @classmethod
    def lost(cls, extent: Extent, shelf: Shelf) -> KeptChunk:
        """One of which nothing can be read any more: its offsets are passed over."""
        return cls(extent, shelf, _nothing(extent.first, extent.last_time))

    @property
    def cost(self) -> int:
        return RESIDENT + (0 if self._chunk is None else self._chunk.cost)

    @property
    def batches(self) -> Batches:
        return self._contents().batches

    def read(self, start: int, stop: int, wanted: Filter | None) -> Iterator[Message]:
        return self._contents().read(start, stop, wanted)

    def saved(self) -> None:
        """It is on the disk: its contents may leave memory."""
        if self._chunk is not None:
            self._shelf.store.cache.add(self, self._chunk.cost)

    def leave(self) -> None:
        """Its contents leave memory."""
        if self._chunk is not None:
            self._shelf.account.charge(-self._chunk.cost)
            self._chunk = None

    def free(self, account: Account) -> None:
        self._shelf.store.cache.forget(self)
        account.charge(-self.cost)

    def _contents(self) -> Chunk:
        """Read them if they aren't in memory. Raises OSError."""
        store, chunk = self._shelf.store, self._chunk
        if chunk is not None:
            store.cache.used(self)
            return chunk
        found = store.read(self.first)
        chunk = self._chunk = _nothing(self.first, self.last_time) if found is None else found
        self._shelf.account.charge(chunk.cost)
        if found is not None:
            store.cache.add(self, chunk.cost)
        return chunk


def _nothing(first: int, time: int) -> Chunk:
    """What stands for lost contents."""
    text = Few[str](("",), b"")
    return Chunk(first, Batches((0,), (time,)), (), text, text, Few((EMPTY,), b""), Few((None,), b""))
