"""Packed messages whose contents have left memory: what stays is what must be known without reading them.

The block that holds them is read as a whole and belongs to this run alone: messages that share a body in memory have
copies here.
"""

from __future__ import annotations

import marshal
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from operator import attrgetter
from typing import Final

import attrs

from amqpd.broker.message import Account, Message
from amqpd.broker.packed_run import RUN, Columns, Numbered, Run, place_in
from amqpd.broker.ports import Spill
from amqpd.broker.weights import Weight

NUMBER: Final = attrgetter("number")
BLOCK: Final = 1024 * 1024
"""Most body octets of a run that is to be paged out, unless a single message has more."""
LARGE: Final = 64 * 1024
"""Body octets from which messages at the ends of a queue are packed to be paged out."""
RESIDENT: Final = 16
"""Octets that a message still costs in memory: its number, and its share of the run."""


class PagedRun(Numbered):
    """Consecutive messages without holes, out of memory."""

    __slots__ = ("_account", "_block", "_deadlines", "_spared", "_weight")

    def __init__(self, run: Run, spill: Spill, account: Account) -> None:
        """Write a run without holes out, and take it off the account. Raises OSError, and then nothing has changed."""
        self.numbers = run.numbers
        self.count = run.count
        weight = run.weight()
        self._weight = attrs.evolve(weight, paged=weight.octets)
        due = list(run.deadlines())
        self._deadlines = (array("d", [deadline for deadline, _ in due]), array("Q", [each for _, each in due]))
        self._block = spill.keep(marshal.dumps(run.columns().plain()))
        self._account = account
        cost = run.cost()
        if run.is_shared:
            for message in run.unpack():
                account.release(message)
        else:
            account.charge(-cost)
        self._spared = cost - RESIDENT * self.count
        account.charge(RESIDENT * self.count)

    def place(self, number: int) -> int | None:
        """Where the message with this number is; None if it isn't here."""
        return place_in(self.numbers, number)

    def __getitem__(self, place: int) -> Message:
        """The message at a place, read for the look only. Raises OSError."""
        return self.read()[place]

    def unpack(self) -> list[Message]:
        """The messages, last one first, read for the look only. Raises OSError."""
        return self.read().unpack()

    def left(self) -> Sequence[int]:
        """The numbers of all of them."""
        return self.numbers

    def deadlines(self) -> Iterator[tuple[float, int]]:
        """The deadlines and numbers of those that have one."""
        return zip(*self._deadlines, strict=True)

    def octets(self) -> int:
        """Body octets of all of them."""
        return self._weight.octets

    @property
    def is_weighed(self) -> bool:
        """It knows its weight."""
        return True

    def weight(self) -> Weight:
        """What they are together."""
        return self._weight

    def read(self) -> Run:
        """What is out there, for the look only. Raises OSError."""
        octets = self._block.read()
        return Run.of(self.numbers, Columns(*marshal.loads(octets)))  # noqa: S302  # this process wrote them, unchanged

    @property
    def is_whole(self) -> bool:
        """Like a run in memory: there are no holes in it, and it has its block to itself."""
        return True

    def discard(self) -> None:
        """Nobody wants the messages any more."""
        self._account.charge(-RESIDENT * self.count)
        self._block.free()

    def recall(self) -> Run:
        """Bring it back into memory, once. Raises OSError: then the messages are lost, and off the account."""
        self._account.charge(-RESIDENT * self.count)
        try:
            run = self.read()
        finally:
            self._block.free()
        self._account.charge(self._spared + RESIDENT * self.count)
        return run


def is_large(messages: list[Message]) -> bool:
    """Whether these messages have enough octets to be paged out."""
    return sum([len(message.body) for message in messages]) >= LARGE


def packed(messages: list[Message]) -> list[Run]:
    """Messages as runs of at most a block."""
    runs: list[Run] = []
    begin = octets = 0
    for at, message in enumerate(messages):
        if at > begin and (octets + len(message.body) > BLOCK or at - begin == RUN):
            runs.append(Run(messages[begin:at]))
            begin, octets = at, 0
        octets += len(message.body)
    return [*runs, Run(messages[begin:])]


def page_out(runs: deque[Run | PagedRun], spill: Spill, account: Account, most: int) -> None:
    """Page at most about so many runs out, the last ones first and never the first one. Raises OSError; everything is
    in its place then, too.
    """
    if runs and isinstance(first := runs[0], Run):
        runs.popleft()
        runs.extendleft(reversed(_fitting(first)))
    passed: list[Run | PagedRun] = []
    try:
        while len(runs) > 1 and most > 0:
            run = runs.pop()
            if isinstance(run, PagedRun):
                passed.append(run)
                continue
            parts = _fitting(run)
            runs.extend(parts)
            for part in reversed(parts):
                if most > 0 and len(runs) > 1:
                    passed.append(PagedRun(part, spill, account))
                    runs.pop()
                    most -= 1
    finally:
        runs.extend(reversed(passed))


def in_order(runs: Iterable[Run | PagedRun]) -> list[Run | PagedRun]:
    """The same messages with all numbers rising from run to run. Raises OSError."""
    runs = sorted(runs, key=lambda run: run.first)
    found: list[Run | PagedRun] = []
    waiting: list[Message] = []
    for run, following in zip_longest(runs, runs[1:]):
        if not waiting and (following is None or run.last < following.first):
            found.append(run)
            continue
        in_memory = run.recall() if isinstance(run, PagedRun) else run
        waiting = sorted([*waiting, *in_memory.unpack()], key=NUMBER)
        end = len(waiting) if following is None else bisect_left(waiting, following.first, key=NUMBER)
        if end:
            found += packed(waiting[:end])
            waiting = waiting[end:]
    return found


def _fitting(run: Run) -> list[Run]:
    """The messages of a run as runs without holes of at most a block."""
    if run.count == len(run.numbers) and (run.count == 1 or run.octets() <= BLOCK):
        return [run]
    return packed(run.unpack()[::-1])
