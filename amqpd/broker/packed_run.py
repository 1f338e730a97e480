"""Packed messages: a run of them as columns, with no object for each.

Packed columns hold only bytes, strings and numbers, so that the garbage collector has nothing to walk through: a
million waiting messages cost it a thousand tuples.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from amqpd.broker import trails
from amqpd.broker.message import OVERHEAD, Message, Trail, header_cost
from amqpd.broker.weights import Weight
from amqpd.properties import Properties

RUN: Final = 1024
"""Messages in one packed run."""


class Columns(NamedTuple):
    """What a run holds besides its numbers, as bytes, strings, numbers and tuples of them. None: no message has it."""

    bodies: Sequence[bytes | None]
    exchanges: str | tuple[str, ...]
    routing_keys: str | tuple[str, ...]
    properties: bytes | tuple[bytes, ...]
    deadlines: tuple[float | None, ...] | None
    redelivered: bytes | None
    trails: tuple[bytes | None, ...] | None
    published: tuple[bytes | None, ...] | None
    """The properties as they came, of messages whose trail has them."""

    def plain(self) -> tuple[Any, ...]:
        """The same as a tuple of no type of its own, for `marshal`."""
        return tuple(self)


class Numbered:
    """A run of messages, in memory or not: rising numbers, and how many messages are left."""

    __slots__ = ("count", "numbers")

    count: int
    """Messages that are left."""
    numbers: Sequence[int]
    """All that were packed; what they stood for may have gone."""

    @property
    def first(self) -> int:
        """The lowest number that was packed."""
        return self.numbers[0]

    @property
    def last(self) -> int:
        """The highest number that was packed."""
        return self.numbers[-1]


class Run(Numbered):
    """Consecutive messages as columns. A column whose values are all one object holds just that object.

    A message that was removed leaves a hole, None, among the bodies: nothing moves, and its body is free at once.
    """

    __slots__ = (
        "_bodies",
        "_deadlines",
        "_exchanges",
        "_properties",
        "_redelivered",
        "_routing_keys",
        "_sharing",
        "_trails",
        "_weight",
    )

    def __init__(self, messages: list[Message]) -> None:
        self.count = len(messages)
        self._bodies: Sequence[bytes | None] = tuple([message.body for message in messages])
        self._exchanges = _column([message.exchange for message in messages])
        self._routing_keys = _column([message.routing_key for message in messages])
        self._properties = _properties_column([message.properties for message in messages])
        self.numbers = packed_numbers([message.number for message in messages])
        deadlines = [message.deadline for message in messages]
        self._deadlines = tuple(deadlines) if any(each is not None for each in deadlines) else None
        sharing = [message.sharing for message in messages]
        self._sharing = tuple(sharing) if any(each is not None for each in sharing) else None
        pasts = [message.trail for message in messages]
        self._trails = tuple(pasts) if any(each is not None for each in pasts) else None
        redelivered = bytes([message.redelivered for message in messages])
        self._redelivered = redelivered if any(redelivered) else None
        """Of those that wait since before a restart."""
        self._weight: Weight | None = None

    def columns(self) -> Columns:
        """All but the numbers, of a run without holes; `of` makes it a run again. Nobody shares the bodies then."""
        properties, pasts = self._properties, self._trails
        encoded = published = None
        if pasts is not None:
            encoded = tuple([None if each is None else trails.encoded(each) for each in pasts])
            befores = [None if each is None else each.published for each in pasts]
            published = tuple([None if each is None else each.raw for each in befores])
        return Columns(
            self._bodies,
            self._exchanges,
            self._routing_keys,
            properties.raw if isinstance(properties, Properties) else properties,
            self._deadlines,
            self._redelivered,
            encoded,
            published,
        )

    @classmethod
    def of(cls, numbers: Sequence[int], columns: Columns) -> Run:
        """A run from its numbers and what `columns` gave."""
        run = cls.__new__(cls)
        run.numbers = numbers
        run.count = len(numbers)
        run._bodies, run._exchanges, run._routing_keys = columns.bodies, columns.exchanges, columns.routing_keys
        properties = columns.properties
        run._properties = Properties.parse(properties) if isinstance(properties, bytes) else properties
        run._deadlines, run._redelivered = columns.deadlines, columns.redelivered
        run._sharing = run._trails = run._weight = None
        if columns.trails is not None and columns.published is not None:
            run._trails = tuple(map(_trail, columns.trails, columns.published))
        return run

    def unpack(self) -> list[Message]:
        """The messages again, last one first."""
        return self._unpack(self._filled())

    def place(self, number: int) -> int | None:
        """Where the message with this number is, for `[place]` and `pop(place)`; None if it isn't here."""
        index = place_in(self.numbers, number)
        return None if index is None or self._bodies[index] is None else index

    def __getitem__(self, place: int) -> Message:
        """The message at a place, unpacked for the look only."""
        return self._unpack((place,))[0]

    def head(self) -> Message:
        """The first of those that are left, unpacked for the look only."""
        return self[next(at for at, body in enumerate(self._bodies) if body is not None)]

    def pop(self, place: int) -> Message:
        """Take the message at a place out."""
        message = self[place]
        if not isinstance(self._bodies, list):
            self._bodies = list(self._bodies)
        self._bodies[place] = None
        self._weight = None
        self.count -= 1
        return message

    def left(self) -> Sequence[int]:
        """The numbers of those that are left."""
        if self.count == len(self.numbers):
            return self.numbers
        return [number for number, body in zip(self.numbers, self._bodies, strict=True) if body is not None]

    def deadlines(self) -> Iterator[tuple[float, int]]:
        """The deadlines and numbers of those that are left and have one."""
        for deadline, number, body in zip(self._deadlines or (), self.numbers, self._bodies, strict=False):
            if deadline is not None and body is not None:
                yield deadline, number

    def octets(self) -> int:
        """Body octets of all of them."""
        return sum([len(body) for body in self._bodies if body is not None])

    @property
    def is_weighed(self) -> bool:
        """Whether it knows its weight already."""
        return self._weight is not None

    def weight(self) -> Weight:
        """What they are together, counted once until one is taken out."""
        if self._weight is None:
            octets, properties = self.octets(), self._properties
            if isinstance(properties, Properties):
                lasting = (self.count, octets) if properties.persistent else (0, 0)
            else:
                sizes = [
                    len(body)
                    for body, raw in zip(self._bodies, properties, strict=True)
                    if body is not None and Properties.parse(raw).persistent
                ]
                lasting = len(sizes), sum(sizes)
            self._weight = Weight(octets, *lasting)
        return self._weight

    @property
    def is_whole(self) -> bool:
        """Whether none of its messages is missing, and other queues have none of them."""
        return self.count == len(self.numbers) and self._sharing is None

    @property
    def is_shared(self) -> bool:
        """Whether other queues may have the same bodies."""
        return self._sharing is not None

    @property
    def is_plain(self) -> bool:
        """Whether no message in it has a deadline or a past."""
        return self._deadlines is None and self._trails is None

    def cost(self) -> int:
        """What the account holds for all of them, if nobody else has their bodies."""
        properties = self._properties
        if isinstance(properties, Properties):
            headers = header_cost(properties.raw) * self.count
        else:
            headers = sum(map(header_cost, properties))
        return self.octets() + OVERHEAD * self.count + headers

    def _filled(self) -> Sequence[int]:
        """The places of what is left, last one first."""
        places = range(len(self._bodies) - 1, -1, -1)
        return places if self.count == len(places) else [at for at in places if self._bodies[at] is not None]

    def _unpack(self, places: Sequence[int]) -> list[Message]:
        messages: list[Message] = []
        numbers, exchanges, keys, properties = self.numbers, self._exchanges, self._routing_keys, self._properties
        known = properties if isinstance(properties, Properties) else None
        for index in places:
            body = self._bodies[index]
            assert body is not None
            message = Message(
                exchanges if isinstance(exchanges, str) else exchanges[index],
                keys if isinstance(keys, str) else keys[index],
                known if known is not None else _at(properties, index),
                body,
            )
            message.number = numbers[index]
            if self._redelivered is not None:
                message.redelivered = self._redelivered[index] > 0
            if self._deadlines is not None:
                message.deadline = self._deadlines[index]
            if self._sharing is not None:
                message.sharing = self._sharing[index]
            if self._trails is not None:
                message.trail = self._trails[index]
            messages.append(message)
        return messages


def ranges(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Rising numbers as the first and last ones of ranges."""
    if isinstance(numbers, range):
        if numbers:
            yield numbers[0], numbers[-1]
        return
    first = last = None
    for number in numbers:
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last


def joined(found: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Rising ranges; where one ends the next may begin, and both are one."""
    before: tuple[int, int] | None = None
    for first, last in found:
        if before is not None and first == before[1] + 1:
            before = before[0], last
            continue
        if before is not None:
            yield before
        before = first, last
    if before is not None:
        yield before


def place_in(numbers: Sequence[int], number: int) -> int | None:
    """The index of a number among rising ones; None if it isn't one of them."""
    index = bisect_left(numbers, number)
    return index if index < len(numbers) and numbers[index] == number else None


def packed_numbers(numbers: list[int]) -> Sequence[int]:
    """Rising numbers in little memory."""
    first, last = numbers[0], numbers[-1]
    return range(first, last + 1) if last - first + 1 == len(numbers) else array("Q", numbers)


def _column(values: list[str]) -> str | tuple[str, ...]:
    first = values[0]
    return first if all(each is first for each in values) else tuple(values)


def _properties_column(values: list[Properties]) -> Properties | tuple[bytes, ...]:
    first = values[0]
    return first if all(each is first for each in values) else tuple([each.raw for each in values])


def _at(properties: Properties | tuple[bytes, ...], index: int) -> Properties:
    assert isinstance(properties, tuple)
    return Properties.parse(properties[index])


def _trail(encoded: bytes | None, published: bytes | None) -> Trail | None:
    if encoded is None:
        return None
    trail = trails.decoded(encoded)
    trail.published = None if published is None else Properties.parse(published)
    return trail
