"""The waiting messages of one queue, ordered by enqueue number.

Four parts, taken in this order: `returned` (what was requeued), `head` (objects, reversed, so that a pop is at the
end), `runs` (packed columns, no object per message), `tail` (objects, as they were published). A pop takes the smaller
number of returned and head, which is what puts a requeued message back to its original position. Any message can be
removed by its number: the parts are sorted, so it is found by halving.

A queue that its consumers keep up with never packs anything. Where memory is short, `page_out` moves runs to the disk,
the last ones first. The first run is always in memory: what is read back is read one run ahead of its turn, so that a
disk which does not give it back is found out while there is something else to take.
"""

from __future__ import annotations

import gc
import heapq
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import attrgetter, itemgetter
from typing import ClassVar, Final

from amqpd.broker.message import Account, Message
from amqpd.broker.packed_run import RUN, Run, joined, ranges
from amqpd.broker.paged_run import PagedRun, in_order, is_large, packed, page_out
from amqpd.broker.ports import Spill
from amqpd.broker.returned import InOrderOfReturn, Returned
from amqpd.broker.weights import Weight, of_messages

NUMBER: Final = attrgetter("number")
FIRST: Final = attrgetter("first")
KEY: Final = itemgetter(0)
YOUNG: Final = 8
"""Runs that are packed between two collections of the youngest objects. The garbage collector walks through a tuple of
bodies once, and then knows that there is nothing in it for it. Left to itself it would come after some thousand tuples,
and look at millions of bodies in one go, which takes 0.15 s for 1.8 million.
"""


class ReadyList:
    """An ordered list of waiting messages with a cheap pop, append and return to the original position."""

    takes_runs: ClassVar[bool] = True
    """Whether it takes messages that nobody has looked at."""

    __slots__ = ("_head", "_returned", "_runs", "_tail", "count", "on_loss")

    def __init__(self) -> None:
        self._returned: Returned | None = None
        self._head: list[Message] = []
        self._runs: deque[Run | PagedRun] | None = None
        self.on_loss: Callable[[int], None] | None = None
        """Called with how many messages the disk did not give back; `count` is without them then."""
        self._tail: list[Message] = []
        self.count = 0

    def append(self, message: Message) -> None:
        """Add a new message; its number is above all others'."""
        self.count += 1
        tail = self._tail
        tail.append(message)
        if len(tail) >= RUN:
            self._pack_tail()

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

    def head(self) -> Message:
        """The same for a look: nothing is unpacked for it but this one message, of which it may be a copy."""
        returned = self._returned
        runs = None if self._head else self._runs
        first = self._head[-1] if self._head else None
        if runs:
            run = runs[0]
            assert isinstance(run, Run)
            first = run.head()
        elif first is None and self._tail:
            first = self._tail[0]
        if returned is not None and returned.keys and (first is None or returned.keys[0] < first.number):
            return returned.peek()
        assert first is not None
        return first

    def put_back(self, message: Message) -> None:
        """Return a message that was popped: it goes to its original position."""
        self.count += 1
        if self._returned is None:
            self._returned = self._make_returned()
        self._returned.add(message)

    def first_new(self) -> int | None:
        """The smallest number from which on none was ever popped; None: there are none."""
        if self._head:
            return self._head[-1].number
        if self._runs:
            return self._runs[0].first
        return self._tail[0].number if self._tail else None

    def find(self, number: int) -> Message | None:
        """The message with this number, left in place, or None if it isn't here. A packed one is a copy for the look.
        """
        message = None if self._returned is None else self._returned.find(number)
        if message is None and (place := self._place(number)) is not None:
            part, at = place
            message = part[at]
        return message

    def remove(self, number: int) -> Message | None:
        """Take the message with this number out, wherever it is, or return None if it isn't here."""
        message = None if self._returned is None else self._returned.remove(number)
        if message is None and (place := self._place(number)) is not None:
            part, at = place
            if isinstance(part, PagedRun):
                run = self._recall(part)
                if run is None:
                    return None
                part = run
            message = part.pop(at)
            if isinstance(part, Run) and not part.count and self._runs is not None:
                self._runs.remove(part)
                self._read_ahead()
        if message is not None:
            self.count -= 1
        return message

    def numbers(self) -> Iterator[int]:
        """The numbers of all that wait now, in delivery order. It is cheap however many they are, and stays valid: but
        by the time that one comes up, its message may have gone.
        """
        parts: list[Iterable[int]] = [[message.number for message in reversed(self._head)]]
        parts += [run.numbers for run in self._runs or ()]
        parts.append([message.number for message in self._tail])
        numbers = chain.from_iterable(parts)
        if self._returned is None:
            return numbers
        returned = [(key, message.number) for key, message in self._returned.in_order()]
        return (number for _, number in heapq.merge(returned, ((each, each) for each in numbers)))

    def browse(self, limit: int, offset: int = 0) -> list[Message]:
        """Up to `limit` messages in delivery order after the first `offset`, without removing any.

        Packed ones are unpacked for the look only, and only where it falls on them.
        """
        found: list[Message] = []
        returned = [] if self._returned is None else self._returned.in_order()
        at = 0
        for part in (self._head, *(self._runs or ()), self._tail):
            count = len(part) if isinstance(part, list) else part.count
            if not count:
                continue
            last = max(part[0].number, part[-1].number) if isinstance(part, list) else part.last
            until = bisect_right(returned, last, key=KEY)
            between, at = returned[at:until], until
            if offset >= count + len(between):
                offset -= count + len(between)
                continue
            messages = part if isinstance(part, list) else part.unpack()
            merged = sorted([*between, *[(message.number, message) for message in messages]], key=KEY)
            found += [message for _, message in merged[offset : offset + limit - len(found)]]
            offset = 0
            if len(found) == limit:
                return found
        return found + [message for _, message in returned[at + offset : at + offset + limit - len(found)]]

    def deadlines(self) -> Iterator[tuple[float, int]]:
        """The deadlines and numbers of all that wait now and have one, in no order; it stays valid like `numbers`."""
        returned = () if self._returned is None else self._returned.messages()
        loose = [
            (each.deadline, each.number)
            for each in (*self._head, *self._tail, *returned)
            if each.deadline is not None
        ]
        runs = tuple(self._runs or ())
        return chain(loose, chain.from_iterable(run.deadlines() for run in runs))

    @property
    def paged(self) -> int:
        """How many of them are on disk and not in memory."""
        return sum([run.count for run in self._runs or () if isinstance(run, PagedRun)])

    def octets(self) -> int:
        """Body octets of all of them."""
        packed = sum(run.octets() for run in self._runs or ())
        loose = (*self._head, *self._tail, *(() if self._returned is None else self._returned.messages()))
        return packed + sum(len(message.body) for message in loose)

    def weight(self) -> Weight:
        """What all of them are together."""
        loose = (*self._head, *self._tail, *(() if self._returned is None else self._returned.messages()))
        return sum([run.weight() for run in self._runs or ()], of_messages(loose))

    def unweighed(self) -> list[Run | PagedRun]:
        """The runs that don't know their weight yet: who asks them one by one makes `weight` cheap."""
        return [run for run in self._runs or () if not run.is_weighed]

    def restore(self, message: Message) -> None:
        """Add a message that was here before a restart, after any others, until `restored`."""
        tail = self._tail
        if tail and message.number < tail[-1].number:
            self._pack_tail()
        self.append(message)

    def restore_run(self, run: Run) -> None:
        """Add a run of them. Only where it `takes_runs`."""
        self._pack_tail()
        self.count += run.count
        self._runs = self._runs or deque()
        self._runs.append(run)

    def restored(self) -> None:
        """Put everything in its order. Raises OSError where the disk does not give back what was paged out."""
        self._pack_tail()
        if self._runs is not None:
            self._runs = deque(in_order(self._runs))
            self._read_ahead()

    def take_all(self) -> ReadyList:
        """Hand everything over in constant time; this list is empty afterwards."""
        taken = ReadyList()
        taken._returned, taken._head, taken._runs, taken._tail = self._returned, self._head, self._runs, self._tail
        taken.count = self.count
        self._returned, self._head, self._runs, self._tail, self.count = None, [], None, [], 0
        return taken

    def ranges(self) -> Iterator[tuple[int, int]]:
        """The numbers of all that wait, as first and last ones of ranges. It is cheap however many they are."""
        loose = (*self._head, *self._tail, *(() if self._returned is None else self._returned.messages()))
        found = [*ranges(sorted([message.number for message in loose]))]
        for run in self._runs or ():
            found += ranges(run.left())
        return joined(sorted(found))

    def take_whole(self) -> list[Run | PagedRun]:
        """Take out the runs that can go without a look at each message: none is missing, and nobody else has any."""
        runs = self._runs or ()
        whole = [run for run in runs if run.is_whole]
        if whole:
            self._runs = deque([run for run in runs if not run.is_whole])
            self.count -= sum([run.count for run in whole])
        return whole

    def page_out(self, spill: Spill, account: Account, most: int) -> None:
        """Move at most about so many runs to the disk. Raises OSError.

        Large bodies at either end are packed for it first. The nearest run and what came back stay.
        """
        if is_large(self._head):
            self._runs = self._runs or deque()
            self._runs.extendleft(reversed(packed(self._head[::-1])))
            self._head = []
        if is_large(self._tail):
            self._runs = self._runs or deque()
            self._runs.extend(packed(self._tail))
            self._tail = []
        if self._runs is not None:
            page_out(self._runs, spill, account, most)

    def _pack_tail(self) -> None:
        if self._tail:
            self._runs = self._runs or deque()
            self._runs.append(Run(self._tail))
            last, self._tail = self._tail[-1].number, []
            if last % (YOUNG * RUN) < RUN and gc.isenabled():
                gc.collect(0)

    def _recall(self, paged: PagedRun) -> Run | None:
        """Bring a run back into memory where it is; None: it is lost, and out of the list."""
        assert self._runs is not None
        at = self._runs.index(paged)
        try:
            run = self._runs[at] = paged.recall()
        except OSError:
            del self._runs[at]
            self.count -= paged.count
            if self.on_loss is not None:
                self.on_loss(paged.count)
            return None
        return run

    def _read_ahead(self) -> None:
        """Have the first run in memory."""
        while self._runs and isinstance(first := self._runs[0], PagedRun):
            self._recall(first)

    def _refill(self) -> list[Message]:
        if self._runs:
            run = self._runs.popleft()
            assert isinstance(run, Run)
            self._head = run.unpack()
            self._read_ahead()
        elif self._tail:
            self._tail.reverse()
            self._head, self._tail = self._tail, []
        return self._head

    def _make_returned(self) -> Returned:
        return Returned()

    def _place(self, number: int) -> tuple[list[Message] | Run | PagedRun, int] | None:
        """Where one is that did not come back: the part, and the place in it."""
        head, runs, tail = self._head, self._runs, self._tail
        part: list[Message] | Run | PagedRun
        if head and number <= head[0].number:
            part, at = head, bisect_left(head, -number, key=_descending)
        elif tail and number >= tail[0].number:
            part, at = tail, bisect_left(tail, number, key=NUMBER)
        elif runs and (before := bisect_right(runs, number, key=FIRST)):
            part = runs[before - 1]
            place = part.place(number)
            return None if place is None else (part, place)
        else:
            return None
        return (part, at) if at < len(part) and part[at].number == number else None


class ReturnedFirst(ReadyList):
    """A ready list where what comes back goes before everything else, in the order of its return."""

    __slots__ = ()

    def _make_returned(self) -> Returned:
        return InOrderOfReturn()


def _descending(message: Message) -> int:
    return -message.number
