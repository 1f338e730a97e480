"""The waiting messages of one queue, ordered by enqueue number.

Four parts, taken in this order: `returned` (what was requeued), `head` (objects, reversed, so that a pop is at the
end), `runs` (packed columns, no object per message), `tail` (objects, as they were published). A pop takes the smaller
number of returned and head, which is what puts a requeued message back to its original position. Any message can be
removed by its number: the parts are sorted, so it is found by halving.

A queue that its consumers keep up with never packs anything.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from operator import attrgetter
from typing import Final

from amqpd.broker.message import Message
from amqpd.broker.packed_run import RUN, Run
from amqpd.broker.returned import InOrderOfReturn, Returned

NUMBER: Final = attrgetter("number")
FIRST: Final = attrgetter("first")


class ReadyList:
    """An ordered list of waiting messages with a cheap pop, append and return to the original position."""

    __slots__ = ("_head", "_returned", "_runs", "_tail", "count")

    def __init__(self) -> None:
        self._returned: Returned | None = None
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
        returned = self._returned
        if returned is not None and returned.keys and (not head or returned.keys[0] < head[-1].number):
            return returned.pop()
        return head.pop()

    def peek(self) -> Message:
        """The message that `pop` would return. Only while `count` > 0."""
        head = self._head or self._refill()
        returned = self._returned
        if returned is not None and returned.keys and (not head or returned.keys[0] < head[-1].number):
            return returned.peek()
        return head[-1]

    def put_back(self, message: Message) -> None:
        """Return a message that was popped: it goes to its original position."""
        self.count += 1
        if self._returned is None:
            self._returned = self._make_returned()
        self._returned.add(message)

    def remove(self, number: int) -> Message | None:
        """Take the message with this number out, wherever it is, or return None if it isn't here."""
        message = None if self._returned is None else self._returned.remove(number)
        if message is None:
            message = self._remove(number)
        if message is not None:
            self.count -= 1
        return message

    def browse(self, limit: int) -> list[Message]:
        """Up to `limit` messages in delivery order, without removing any. Packed ones are unpacked for the look only.
        """
        found: list[Message] = []
        returned = [] if self._returned is None else self._returned.in_order()
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
        loose = (*self._head, *self._tail, *(() if self._returned is None else self._returned.messages()))
        return packed + sum(len(message.body) for message in loose)

    def take_all(self) -> ReadyList:
        """Hand everything over in constant time; this list is empty afterwards."""
        taken = ReadyList()
        taken._returned, taken._head, taken._runs, taken._tail = self._returned, self._head, self._runs, self._tail
        taken.count = self.count
        self._returned, self._head, self._runs, self._tail, self.count = None, [], None, [], 0
        return taken

    def _refill(self) -> list[Message]:
        if self._runs:
            self._head = self._runs.popleft().unpack()
        elif self._tail:
            self._tail.reverse()
            self._head, self._tail = self._tail, []
        return self._head

    def _make_returned(self) -> Returned:
        return Returned()

    def _remove(self, number: int) -> Message | None:
        """Take one out that did not come back."""
        head, runs, tail = self._head, self._runs, self._tail
        if head and number <= head[0].number:
            return _remove_from(head, number, bisect_left(head, -number, key=_descending))
        if tail and number >= tail[0].number:
            return _remove_from(tail, number, bisect_left(tail, number, key=NUMBER))
        if not runs:
            return None
        at = bisect_right(runs, number, key=FIRST) - 1
        if at < 0:
            return None
        message = runs[at].remove(number)
        if not runs[at].count:
            del runs[at]
        return message


class ReturnedFirst(ReadyList):
    """A ready list where what comes back goes before everything else, in the order of its return."""

    __slots__ = ()

    def _make_returned(self) -> Returned:
        return InOrderOfReturn()


def _descending(message: Message) -> int:
    return -message.number


def _remove_from(messages: list[Message], number: int, at: int) -> Message | None:
    return messages.pop(at) if at < len(messages) and messages[at].number == number else None
