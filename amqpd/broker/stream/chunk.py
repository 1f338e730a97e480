"""Consecutive messages of a stream: open, as they were published, or sealed into packed columns.

A chunk also knows its batches. A batch is what was published in one turn; it is what RabbitMQ calls a chunk: its time
is that of its messages, and `last` is where the newest one begins.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from amqpd.broker.message import OVERHEAD, SMALL_HEADER, Account, Message
from amqpd.broker.stream import columns
from amqpd.broker.stream.columns import OBJECT, Column

if TYPE_CHECKING:
    from amqpd.broker.stream.filters import Filter
    from amqpd.properties import Properties

CHUNK: Final = 1024
"""Messages in one sealed chunk."""

CHUNK_OCTETS: Final = 600
"""Octets of a sealed chunk beyond its messages and batches."""

BATCH_OCTETS: Final = 12


class Batches:
    """Where the batches of a chunk begin, and when each was published, in milliseconds since 1970."""

    __slots__ = ("_starts", "_times")

    def __init__(self, starts: Iterable[int] = (), times: Iterable[int] = ()) -> None:
        self._starts = array("I", starts)
        self._times = array("Q", times)

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

    def columns(self) -> tuple[array[int], array[int]]:
        """Where each begins, and when it was published."""
        return self._starts, self._times

    def part(self, begin: int) -> Batches:
        """Those of the messages from an index on; the first message belongs to one that may have begun before."""
        at = bisect_right(self._starts, begin) - 1
        return Batches([max(0, each - begin) for each in self._starts[at:]], self._times[at:])

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

    def sealed(self, begin: int = 0) -> Chunk:
        """The messages from index `begin` on, of which there are some, packed."""
        messages = self.messages[begin:]
        batches = self.batches.part(begin)
        batches.end(len(messages))
        return Chunk(
            self.first + begin,
            batches,
            tuple([each.body for each in messages]),
            columns.texts([each.exchange for each in messages]),
            columns.texts([each.routing_key for each in messages]),
            columns.headers([each.properties for each in messages]),
            columns.octets(self.values[begin:]),
        )

    def read(self, start: int, stop: int, wanted: Filter | None) -> Iterator[Message]:
        """Messages from index `start` up to `stop`, each for its taker alone; their numbers are their offsets."""
        messages = self.messages[start:stop]
        if wanted is not None:
            messages = [each for each, value in zip(messages, self.values[start:stop], strict=True) if value in wanted]
        for message in messages:
            twin = Message(message.exchange, message.routing_key, message.properties, message.body)
            twin.number = message.number
            yield twin


class Sealed(ABC):
    """Consecutive messages that nothing is added to any more, as a log sees them."""

    __slots__ = ()

    first: int
    """The offset of the first one."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many messages."""

    @property
    @abstractmethod
    def last_time(self) -> int:
        """When the newest ones were published, in milliseconds since 1970."""

    @property
    @abstractmethod
    def batches(self) -> Batches:
        """Their batches. Raises OSError where they have to be read."""

    @property
    @abstractmethod
    def cost(self) -> int:
        """Octets of memory."""

    @abstractmethod
    def read(self, start: int, stop: int, wanted: Filter | None) -> Iterator[Message]:
        """Messages from index `start` up to `stop`, each for its taker alone; their numbers are their offsets.

        Raises OSError where they have to be read.
        """

    @abstractmethod
    def free(self, account: Account) -> None:
        """They are gone from their stream."""


class Chunk(Sealed):
    """Packed in memory."""

    __slots__ = ("batches", "bodies", "cost", "exchanges", "first", "properties", "routing_keys", "values")

    batches: Batches
    cost: int

    def __init__(
        self,
        first: int,
        batches: Batches,
        bodies: tuple[bytes, ...],
        exchanges: Column[str],
        routing_keys: Column[str],
        properties: Column[Properties],
        values: Column[bytes | None],
    ) -> None:
        self.first = first
        self.batches = batches
        self.bodies = bodies
        self.exchanges = exchanges
        self.routing_keys = routing_keys
        self.properties = properties
        self.values = values
        packed = (exchanges, routing_keys, properties, values)
        self.cost = CHUNK_OCTETS + len(batches) * BATCH_OCTETS + sum(each.cost for each in packed)
        self.cost += sum(map(len, bodies)) + len(bodies) * OBJECT

    @property
    def last_time(self) -> int:
        return self.batches.last_time

    @property
    def count(self) -> int:
        return len(self.bodies)

    def free(self, account: Account) -> None:
        account.charge(-self.cost)

    def read(self, start: int, stop: int, wanted: Filter | None) -> Iterator[Message]:
        if wanted is not None:
            for at in self.values.indexes(start, min(stop, self.count), wanted):
                yield from self.read(at, at + 1, None)
            return
        number = self.first + start
        for body, exchange, routing_key, properties in zip(
            self.bodies[start:stop],
            self.exchanges.values(start, stop),
            self.routing_keys.values(start, stop),
            self.properties.values(start, stop),
            strict=False,
        ):
            message = Message(exchange, routing_key, properties, body)
            message.number = number
            number += 1
            yield message
