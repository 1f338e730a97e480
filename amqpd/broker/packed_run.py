"""Packed messages: a run of them as columns, with no object for each.

Packed columns hold only bytes, strings and numbers, so that the garbage collector has nothing to walk through: a
million waiting messages cost it a thousand tuples.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from amqpd.broker.message import Message
from amqpd.properties import Properties

RUN: Final = 1024
"""Messages in one packed run."""


class Run:
    """Consecutive messages as columns. A column whose values are all one object holds just that object.

    A message that was removed leaves a hole, None, among the bodies: nothing moves, and its body is free at once.
    """

    __slots__ = (
        "_bodies",
        "_deadlines",
        "_exchanges",
        "_numbers",
        "_properties",
        "_routing_keys",
        "_sharing",
        "_trails",
        "count",
        "first",
    )

    def __init__(self, messages: list[Message]) -> None:
        self.count = len(messages)
        """Messages that are left."""
        self._bodies: Sequence[bytes | None] = tuple([message.body for message in messages])
        self._exchanges = _column([message.exchange for message in messages])
        self._routing_keys = _column([message.routing_key for message in messages])
        self._properties = _properties_column([message.properties for message in messages])
        first, last = messages[0].number, messages[-1].number
        self.first = first
        """The lowest number that was packed."""
        self._numbers: int | array[int] = (
            first if last - first + 1 == self.count else array("Q", [message.number for message in messages])
        )
        deadlines = [message.deadline for message in messages]
        self._deadlines = tuple(deadlines) if any(each is not None for each in deadlines) else None
        sharing = [message.sharing for message in messages]
        self._sharing = tuple(sharing) if any(each is not None for each in sharing) else None
        trails = [message.trail for message in messages]
        self._trails = tuple(trails) if any(each is not None for each in trails) else None

    def unpack(self) -> list[Message]:
        """The messages again, last one first."""
        return self._unpack(self._filled())

    @property
    def last(self) -> int:
        """The highest number that was packed."""
        return self.first + len(self._bodies) - 1 if isinstance(self._numbers, int) else self._numbers[-1]

    def numbers(self) -> Sequence[int]:
        """All that were packed, lowest first; what they stood for may have gone."""
        return range(self.first, self.last + 1) if isinstance(self._numbers, int) else self._numbers

    def place(self, number: int) -> int | None:
        """Where the message with this number is, for `[place]` and `pop(place)`; None if it isn't here."""
        if isinstance(self._numbers, int):
            index = number - self._numbers
        else:
            index = bisect_left(self._numbers, number)
            if index < len(self._numbers) and self._numbers[index] != number:
                return None
        return None if not 0 <= index < len(self._bodies) or self._bodies[index] is None else index

    def __getitem__(self, place: int) -> Message:
        """The message at a place, unpacked for the look only."""
        return self._unpack((place,))[0]

    def pop(self, place: int) -> Message:
        """Take the message at a place out."""
        message = self[place]
        if not isinstance(self._bodies, list):
            self._bodies = list(self._bodies)
        self._bodies[place] = None
        self.count -= 1
        return message

    def deadlines(self) -> Iterator[tuple[float, int]]:
        """The deadlines and numbers of those that are left and have one."""
        for deadline, number, body in zip(self._deadlines or (), self.numbers(), self._bodies, strict=False):
            if deadline is not None and body is not None:
                yield deadline, number

    def octets(self) -> int:
        """Body octets of all of them."""
        return sum(len(body) for body in self._bodies if body is not None)

    def _filled(self) -> Sequence[int]:
        """The places of what is left, last one first."""
        places = range(len(self._bodies) - 1, -1, -1)
        return places if self.count == len(places) else [at for at in places if self._bodies[at] is not None]

    def _unpack(self, places: Sequence[int]) -> list[Message]:
        messages: list[Message] = []
        numbers, exchanges, keys, properties = self._numbers, self._exchanges, self._routing_keys, self._properties
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
            message.number = numbers + index if isinstance(numbers, int) else numbers[index]
            if self._deadlines is not None:
                message.deadline = self._deadlines[index]
            if self._sharing is not None:
                message.sharing = self._sharing[index]
            if self._trails is not None:
                trail = message.trail = self._trails[index]
                message.redelivered = trail is not None and trail.returns > 0
            messages.append(message)
        return messages


def _column(values: list[str]) -> str | tuple[str, ...]:
    first = values[0]
    return first if all(each is first for each in values) else tuple(values)


def _properties_column(values: list[Properties]) -> Properties | tuple[bytes, ...]:
    first = values[0]
    return first if all(each is first for each in values) else tuple([each.raw for each in values])


def _at(properties: Properties | tuple[bytes, ...], index: int) -> Properties:
    assert isinstance(properties, tuple)
    return Properties.parse(properties[index])
