"""The chunks of all streams, between the streams and the engine.

A commit asks the streams that changed for what is new; chunks become octets where it runs, away from the broker's
thread. What streams drop goes a slice at a time, and so do those of streams that are no more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple, TypeAlias

from amqpd.broker.stream.cache import ChunkCache
from amqpd.broker.stream.chunk import Chunk
from amqpd.broker.stream.store import ChunkSource, ChunkStore, Extent
from amqpd.log import get_logger
from amqpd.storage import chunk_rows
from amqpd.storage.engine import ChunkRow, Engine

log = get_logger(__name__)

SLICE: Final = 64
"""Chunks that are dropped at a time: few have much more than 256 KiB."""


Step: TypeAlias = Callable[[], Callable[[], None]]
"""What may block; it returns what is left to do on the broker's thread. Raises OSError."""


class NewChunk(NamedTuple):
    """A chunk on its way to the disk."""

    store: StreamStore
    extent: Extent
    chunk: Chunk

    def row(self) -> ChunkRow:
        """What the engine gets."""
        return chunk_rows.row_of(self.store.number, self.extent, self.chunk)


class StreamStore(ChunkStore):
    """That of one stream."""

    def __init__(self, streams: Streams, number: int, stored: list[Extent]) -> None:
        """`number`: the id of the stream as a queue."""
        self.cache = streams.cache
        self.number = number
        self._streams = streams
        self._stored = stored
        self._source: ChunkSource | None = None

    def open(self, source: ChunkSource) -> Sequence[Extent]:
        self._source = source
        stored, self._stored = self._stored, []
        return stored

    def changed(self) -> None:
        self._streams.changed(self)

    def read(self, first: int) -> Chunk | None:
        return self._streams.read(self.number, first)

    def drop(self, below: int) -> None:
        self._streams.drop(self.number, below)

    def about_to_commit(self) -> None:
        """A commit begins in a moment."""
        if self.on_commit is not None:
            self.on_commit()

    def unsaved(self) -> list[NewChunk]:
        """What came since the last commit."""
        assert self._source is not None
        return [NewChunk(self, extent, chunk) for extent, chunk in self._source.unsaved()]

    def saved(self, end: int) -> None:
        """Everything up to an offset is durable."""
        assert self._source is not None
        self._source.saved(end)


class Streams:
    """All of a shard."""

    def __init__(
        self, engine: Engine, shard: str, changed: Callable[[StreamStore], None], schedule: Callable[[], None]
    ) -> None:
        """`changed` is told of streams that have something new for the next commit, `schedule` when something goes."""
        self.cache = ChunkCache()
        self.changed = changed
        self._schedule = schedule
        self._engine = engine
        self._shard = shard
        self._stored: dict[int, list[Extent]] = {}
        self._drops: dict[int, int] = {}
        """Stream -> the offset up to which its chunks are to go."""

    def load(self) -> None:
        """Find out what there is. Raises OSError."""
        for head in self._engine.chunks(self._shard):
            extents = self._stored.setdefault(head.stream, [])
            extent = chunk_rows.extent_of(head.first, head.end, head.head)
            if extent is None:
                chunk = self.read(head.stream, head.first)
                extent = None if chunk is None else chunk_rows.measured(chunk)
            if extent is not None:
                extents.append(extent)

    def store_of(self, stream: int) -> StreamStore:
        """The store of a stream, with what there was of it."""
        return StreamStore(self, stream, self._stored.pop(stream, []))

    def forget(self, known: Collection[int]) -> None:
        """Let everything go that belongs to no queue that is defined: those were deleted."""
        for stream, extents in self._stored.items():
            if stream not in known:
                self.drop(stream, max((each.end for each in extents), default=0))
        self._stored.clear()

    def read(self, stream: int, first: int) -> Chunk | None:
        """One chunk; None: it is damaged, and that is told. Raises OSError."""
        payload = self._engine.read_chunk(self._shard, stream, first)
        for damage in self._engine.damages():
            log.error("damaged data: what it held is lost", where=damage.where, what=damage.what)
        return None if payload is None else chunk_rows.decoded(payload)

    # -- what goes -----------------------------------------------------------------------------------------------------

    def drop(self, stream: int, below: int) -> None:
        """The chunks of a stream below an offset are to go."""
        self._drops[stream] = below
        self._schedule()

    def next_drop(self) -> Step | None:
        """A slice of what is to go; None: nothing is."""
        if not self._drops:
            return None
        stream, below = next(iter(self._drops.items()))

        def drop() -> Callable[[], None]:
            more = self._engine.drop_chunks(self._shard, stream, below, SLICE)

            def dropped() -> None:
                if not more and self._drops[stream] == below:
                    del self._drops[stream]

            return dropped

        return drop
