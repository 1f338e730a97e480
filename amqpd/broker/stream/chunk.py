"""Consecutive messages of a stream: open, as they were published, or sealed into packed columns.

A chunk also knows its batches. A batch is what was published in one turn; it is what RabbitMQ calls a chunk: its time
is that of its messages, and `last` is where the newest one begins.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from amqpd.broker.message import OVERHEAD, SMALL_HEADER, Message
from amqpd.broker.stream import columns
from amqpd.broker.stream.columns import OBJECT

if TYPE_CHECKING:
    from amqpd.broker.stream.filters import Filter

CHUNK: Final = 1024
"""Messages in one sealed chunk."""

CHUNK_OCTETS: Final = 600
"""Octets of a sealed chunk beyond its messages and batches."""

BATCH_OCTETS: Final = 12


class Batches:
    """Where the batches of a chunk begin, and when each was published, in milliseconds since 1970."""

    __slots__ = ("_starts", "_times")

    def __init__(self) -> None:
        self._starts = array("I")
        self._times = array("Q")

    def begin(self, at: int, time: int) -> None:
        """The message at index `at` is the first of a batch. Times never fall."""
        self._starts.append(at)
        self._times.append(time)

    def end(self, count: int) -> None:
        """There are `count` messages in the chunk: a batch that was to begin behind them is in the next."""
        if self._starts[-1] == count:
            self._starts.pop()
            self._times.pop()

    @property
    def last_start(self) -> int:
        """Where the newest one begins."""
        return self._starts[-1]

    @property
    def last_time(self) -> int:
        """When the newest one was published."""
        return self._times[-1]

    def at_time(self, time: int) -> int:
        """Where the first one of this time or later begins. Only if there is one."""
        return self._starts[bisect_left(self._times, time)]

    def __len__(self) -> int:
        return len(self._starts)


class OpenChunk:
    """The newest messages of a stream."""

    __slots__ = ("batches", "cost", "first", "messages", "values")

    def __init__(self, first: int) -> None:
        self.first = first
        """The offset of its first message."""
        self.messages: list[Message] = []
        self.values: list[bytes | None] = []
        self.batches = Batches()
        self.cost = 0
        """Octets of memory that it takes."""

    def append(self, message: Message, value: bytes | None) -> int:
        """Add a message; return what it costs."""
        self.messages.append(message)
        self.values.append(value)
        header = len(message.properties.raw)
        cost = OVERHEAD + len(message.body) + (header if header > SMALL_HEADER else 0)
        self.cost += cost
        return cost

    @property
    def count(self) -> int:
        """How many messages."""
        return len(self.messages)

    def read(self, start: int, stop: int, wanted: Filter | None) -> Iterator[Message]:
        """Messages from index `start` up to `stop`, each for its taker alone; their numbers are their offsets."""
        messages = self.messages[start:stop]
        if wanted is not None:
            messages = [each for each, value in zip(messages, self.values[start:stop], strict=True) if value in wanted]
        for message in messages:
            twin = Message(message.exchange, message.routing_key, message.properties, message.body)
            twin.number = message.number
            yield twin


class Chunk:
    """Sealed messages."""

    __slots__ = ("_bodies", "_exchanges", "_properties", "_routing_keys", "_values", "batches", "cost", "first")

    def __init__(self, full: OpenChunk) -> None:
        messages = full.messages
        self.first = full.first
        self.batches = full.batches
        self._bodies = tuple([each.body for each in messages])
        self._exchanges = columns.texts([each.exchange for each in messages])
        self._routing_keys = columns.texts([each.routing_key for each in messages])
        self._properties = columns.headers([each.properties for each in messages])
        self._values = columns.octets(full.values)
        packed = (self._exchanges, self._routing_keys, self._properties, self._values)
        self.cost = CHUNK_OCTETS + len(self.batches) * BATCH_OCTETS + sum(each.cost for each in packed)
        self.cost += sum(map(len, self._bodies)) + len(self._bodies) * OBJECT

    @property
    def count(self) -> int:
        """How many messages."""
        return len(self._bodies)

    def read(self, start: int, stop: int, wanted: Filter | None) -> Iterator[Message]:
        """Messages from index `start` up to `stop`, each for its taker alone; their numbers are their offsets."""
        if wanted is not None:
            for at in self._values.indexes(start, min(stop, self.count), wanted):
                yield from self.read(at, at + 1, None)
            return
        number = self.first + start
        for body, exchange, routing_key, properties in zip(
            self._bodies[start:stop],
            self._exchanges.values(start, stop),
            self._routing_keys.values(start, stop),
            self._properties.values(start, stop),
            strict=False,
        ):
            message = Message(exchange, routing_key, properties, body)
            message.number = number
            number += 1
            yield message
