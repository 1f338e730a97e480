"""The messages of streams, and the positions of their consumers, as entries of an export, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from amqpd.broker.message import Message
from amqpd.broker.stream.chunk import CHUNK, Chunk, OpenChunk
from amqpd.broker.stream.filters import value_of
from amqpd.broker.stream.kept_log import MOST
from amqpd.broker.stream.kept_positions import position_of, positioned
from amqpd.broker.stream.store import Extent
from amqpd.storage import chunk_rows
from amqpd.storage.engine import ChunkRow

STREAMED: Final = "stream_message"
POSITION: Final = "stream_position"


def messages_of(extent: Extent, chunk: Chunk) -> Iterator[tuple[Message, dict[str, object]]]:
    """Messages, and what else there is to say of each: its time, and whether a segment begins with it."""
    starts, times = chunk.batches.columns()
    batch = 0
    for at, message in enumerate(chunk.read(0, chunk.count, None)):
        while batch + 1 < len(starts) and starts[batch + 1] <= at:
            batch += 1
        begins = extent.begins_segment and not at
        yield message, {"time": times[batch], **({"begins_segment": True} if begins else {})}


def position_entry(message: Message) -> dict[str, object]:
    """A kept position."""
    return {"name": message.routing_key, "offset": position_of(message), "number": message.number}


def position_from(entry: Mapping[str, Any]) -> Message:
    """The same again. Raises KeyError, TypeError, OverflowError."""
    return positioned(entry["name"], entry["offset"], entry["number"])


class ChunkBuilder:
    """Makes chunks of the messages of one stream."""

    def __init__(self, stream: int) -> None:
        self._stream = stream
        self._open = OpenChunk(0)
        self._begins_segment = False

    def add(self, message: Message, time: int, *, begins_segment: bool) -> ChunkRow | None:
        """Add the next message, whose number is its offset; return the chunk before, if it is full."""
        chunk = self._open
        follows = message.number == chunk.first + chunk.count and not begins_segment
        row = None if follows and chunk.count < CHUNK and chunk.cost < MOST else self.finish()
        if not self._open.count:
            self._open = OpenChunk(message.number)
            self._begins_segment = begins_segment
        batches = self._open.batches
        if not len(batches) or batches.last_time < time:
            batches.begin(self._open.count, time)
        self._open.append(message, value_of(message.properties))
        return row

    def finish(self) -> ChunkRow | None:
        """What there is, as a chunk."""
        full, self._open = self._open, OpenChunk(0)
        if not full.count:
            return None
        chunk = full.sealed()
        extent = attrs.evolve(chunk_rows.measured(chunk), begins_segment=self._begins_segment)
        return chunk_rows.row_of(self._stream, extent, chunk)
