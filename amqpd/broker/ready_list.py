"""The waiting messages of one queue, ordered by enqueue number.

Four parts, taken in this order: `returned` (a heap of requeued messages), `head` (objects, reversed, so that a pop is
at the end), `runs` (packed columns, no object per message), `tail` (objects, as they were published). A pop takes the
smaller number of returned and head, which is what puts a requeued message back to its original position.

A queue that its consumers keep up with never packs anything. Packed columns hold only bytes, strings and numbers, so
that the garbage collector has nothing to walk through: a million waiting messages cost it a thousand tuples.
"""

from __future__ import annotations

import heapq
from array import array
from collections import deque
from typing import Final

from amqpd.broker.message import Message
from amqpd.properties import Properties

RUN: Final = 1024
"""Messages in one packed run."""


class Run:
    """Consecutive messages as columns. A column whose values are all one object holds just that object."""

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
    )

    def __init__(self, messages: list[Message]) -> None:
        self.count = len(messages)
        self._bodies = tuple([message.body for message in messages])
        self._exchanges = _column([message.exchange for message in messages])
        self._routing_keys = _column([message.routing_key for message in messages])
        self._properties = _properties_column([message.properties for message in messages])
        first, last = messages[0].number, messages[-1].number
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
        messages: list[Message] = []
        numbers, exchanges, keys, properties = self._numbers, self._exchanges, self._routing_keys, self._properties
        known = properties if isinstance(properties, Properties) else None
        for index in range(self.count - 1, -1, -1):
            message = Message(
                exchanges if isinstance(exchanges, str) else exchanges[index],
                keys if isinstance(keys, str) else keys[index],
                known if known is not None else _at(properties, index),
                self._bodies[index],
            )
            message.number = numbers + index if isinstance(numbers, int) else numbers[index]
            if self._deadlines is not None:
                message.deadline = self._deadlines[index]
            if self._sharing is not None:
                message.sharing = self._sharing[index]
            if self._trails is not None:
                message.trail = self._trails[index]
            messages.append(message)
        return messages

    def octets(self) -> int:
        """Body octets of all of them."""
        return sum(map(len, self._bodies))


def _column(values: list[str]) -> str | tuple[str, ...]:
    first = values[0]
    return first if all(each is first for each in values) else tuple(values)


def _properties_column(values: list[Properties]) -> Properties | tuple[bytes, ...]:
    first = values[0]
    return first if all(each is first for each in values) else tuple([each.raw for each in values])


def _at(properties: Properties | tuple[bytes, ...], index: int) -> Properties:
    assert isinstance(properties, tuple)
    return Properties.parse(properties[index])


class ReadyList:
    """An ordered list of waiting messages with a cheap pop, append and return to the original position."""

    __slots__ = ("_head", "_returned", "_runs", "_tail", "count")

    def __init__(self) -> None:
        self._returned: list[tuple[int, Message]] = []
        self._head: list[Message] = []
        self._runs: deque[Run] | None = None
        self._tail: list[Message] = []
        self.count = 0

    def append(self, message: Message) -> None:
        """Add a new message; its number is above all others'."""
        self.count += 1
        tail = self._tail
        tail.append(message)
        if len(tail) >= RUN:
            if self._runs is None:
                self._runs = deque()
            self._runs.append(Run(tail))
            self._tail = []

    def pop(self) -> Message:
        """Remove and return the message with the smallest number. Only while `count` > 0."""
        self.count -= 1
        head = self._head or self._refill()
        if self._returned and (not head or self._returned[0][0] < head[-1].number):
            return heapq.heappop(self._returned)[1]
        return head.pop()

    def peek(self) -> Message:
        """The message that `pop` would return. Only while `count` > 0."""
        head = self._head or self._refill()
        if self._returned and (not head or self._returned[0][0] < head[-1].number):
            return self._returned[0][1]
        return head[-1]

    def put_back(self, message: Message) -> None:
        """Return a message that was popped: it goes to its original position."""
        self.count += 1
        heapq.heappush(self._returned, (message.number, message))

    def browse(self, limit: int) -> list[Message]:
        """Up to `limit` messages in delivery order, without removing any. Packed ones are unpacked for the look only.
        """
        found: list[Message] = []
        returned = sorted(self._returned)
        at = 0
        for message in self._in_order():
            while at < len(returned) and returned[at][0] < message.number and len(found) < limit:
                found.append(returned[at][1])
                at += 1
            if len(found) >= limit:
                return found
            found.append(message)
        found += [message for _, message in returned[at:]]
        return found[:limit]

    def _in_order(self) -> list[Message]:
        messages = self._head[::-1]
        for run in self._runs or ():
            messages += run.unpack()[::-1]
        return messages + self._tail

    def octets(self) -> int:
        """Body octets of all of them."""
        packed = sum(run.octets() for run in self._runs or ())
        loose = (*self._head, *self._tail, *(message for _, message in self._returned))
        return packed + sum(len(message.body) for message in loose)

    def take_all(self) -> ReadyList:
        """Hand everything over in constant time; this list is empty afterwards."""
        taken = ReadyList()
        taken._returned, taken._head, taken._runs, taken._tail = self._returned, self._head, self._runs, self._tail
        taken.count = self.count
        self._returned, self._head, self._runs, self._tail, self.count = [], [], None, [], 0
        return taken

    def _refill(self) -> list[Message]:
        if self._runs:
            self._head = self._runs.popleft().unpack()
        elif self._tail:
            self._tail.reverse()
            self._head, self._tail = self._tail, []
        return self._head


class ReturnedFirst(ReadyList):
    """A ready list where what comes back goes before everything else, in the order of its return."""

    __slots__ = ("_next_return",)

    def __init__(self) -> None:
        super().__init__()
        self._next_return = -(2**62)

    def put_back(self, message: Message) -> None:
        """Return a message that was popped: it goes behind those that came back before it."""
        self.count += 1
        self._next_return += 1
        heapq.heappush(self._returned, (self._next_return, message))
