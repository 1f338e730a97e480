"""What falls due when, for the messages of one owner: their numbers in the order of due times, behind one timer.

What is due soon is in a heap, all else in buckets by time that nobody sorts before theirs has come: adding costs an
append, and the heap stays small however many wait. A due time and a number are one integer, which is cheap to compare
and which the garbage collector never looks at. What has become of a number meanwhile is the owner's matter: nothing is
taken out before it is due.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

from amqpd.broker.timers import Timer, Timers

TICKS: Final = 1_000_000
"""Due times are kept to the microsecond: what is due may be handed over so much early, and never late."""
BUCKET: Final = 16
"""A bucket is 2 to this power ticks long: 66 ms."""
SHIFT: Final = 64
"""Bits of a number; the due time is above them."""
NUMBER: Final = (1 << SHIFT) - 1

SLICE: Final = 64
"""Numbers that one run of the timer hands over; the rest are overdue and follow in the next turn."""
OPENED: Final = 1024
"""Numbers of a bucket that one run of the timer sorts in."""


class Schedule:
    """Calls `due` with the numbers whose time has come, earliest first."""

    __slots__ = ("_buckets", "_due", "_later", "_open", "_opening", "_order", "_soon", "_timer", "_timers")

    def __init__(self, timers: Timers, due: Callable[[list[int]], None]) -> None:
        self._timers = timers
        self._due = due
        self._timer: Timer | None = None
        self.clear()

    def __len__(self) -> int:
        """Numbers that are kept, those included that the owner has no use for any more."""
        return len(self._soon) + len(self._opening) + self._later

    def add(self, due: float, number: int) -> None:
        """Hand a number over at `due`, in seconds of the monotonic clock."""
        ticks = int(due * TICKS)
        key = ticks << SHIFT | number
        at = ticks >> BUCKET
        if at <= self._open:
            heapq.heappush(self._soon, key)
            if self._soon[0] == key:
                self._wake()
            return
        self._later += 1
        bucket = self._buckets.get(at)
        if bucket is not None:
            bucket.append(key)
            return
        self._buckets[at] = [key]
        heapq.heappush(self._order, at)
        if self._order[0] == at:
            self._wake()

    def pop(self) -> int:
        """Take out the number that is due first. Only while there is one."""
        while not self._soon or self._opening:
            self._go_on_opening()
        return heapq.heappop(self._soon) & NUMBER

    def clear(self) -> None:
        """Forget everything."""
        self._timers.cancel(self._timer)
        self._timer = None
        self._soon: list[int] = []
        """A heap of what is due up to the end of the bucket that is open."""
        self._open = -1
        self._opening: list[int] = []
        """What is in the open bucket and not in the heap yet: nothing is handed over before all of it is."""
        self._buckets: dict[int, list[int]] = {}
        self._order: list[int] = []
        """A heap of the buckets."""
        self._later = 0
        """Numbers in buckets."""

    def _run(self) -> None:
        """Hand over a slice of what is due by now, and set the timer for the rest."""
        now = int(self._timers.now() * TICKS) + 2
        soon = self._soon
        numbers: list[int] = []
        if self._opening or (not soon and self._order and self._order[0] << BUCKET < now):
            self._go_on_opening()
        if not self._opening:
            end = now << SHIFT
            while soon and len(numbers) < SLICE and soon[0] < end:
                numbers.append(heapq.heappop(soon) & NUMBER)
        self._wake()
        if numbers:
            self._due(numbers)

    def _go_on_opening(self) -> None:
        if not self._opening:
            self._open = heapq.heappop(self._order)
            self._opening = self._buckets.pop(self._open)
            self._later -= len(self._opening)
        for key in self._opening[-OPENED:]:
            heapq.heappush(self._soon, key)
        del self._opening[-OPENED:]

    def _wake(self) -> None:
        """Set the timer to what is due first."""
        if not len(self):
            return
        timers, timer = self._timers, self._timer
        if self._opening:
            due = timers.now()
        elif self._soon:
            due = ((self._soon[0] >> SHIFT) - 0.5) / TICKS
        else:
            due = ((self._order[0] << BUCKET) - 0.5) / TICKS
        if timer is not None and timer.callback is not None:
            if timer.deadline <= due:
                return
            timers.cancel(timer)
        self._timer = timers.at(due, self._run)
