"""One heap for everything that takes time: heartbeats, deadlines, TTLs, expiries.

The server sleeps until `next_deadline()` and calls `run_due`; tests move a manual clock and call it. Equal deadlines
run in the order in which they were set. A cancelled timer stays in the heap until its time or until cancelled ones
are the majority.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from amqpd.clock import Clock
from amqpd.log import get_logger

log = get_logger(__name__)


class Timer:
    """One scheduled call. Compare by deadline, then by age."""

    __slots__ = ("callback", "deadline", "order")

    def __init__(self, deadline: float, order: int, callback: Callable[[], None]) -> None:
        self.deadline = deadline
        self.order = order
        self.callback: Callable[[], None] | None = callback

    def __lt__(self, other: Timer) -> bool:
        if self.deadline != other.deadline:
            return self.deadline < other.deadline
        return self.order < other.order


class Timers:
    """The heap. Deadlines are in seconds of the clock's monotonic face."""

    __slots__ = ("_cancelled", "_clock", "_count", "_heap", "on_earlier")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[Timer] = []
        self._count = 0
        self._cancelled = 0
        self.on_earlier: Callable[[], None] | None = None
        """Called when a new timer is due before all others: whoever sleeps must wake up."""

    def now(self) -> float:
        return self._clock.monotonic()

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Schedule a call `seconds` from now."""
        return self.at(self._clock.monotonic() + seconds, callback)

    def at(self, deadline: float, callback: Callable[[], None]) -> Timer:
        """Schedule a call at `deadline`."""
        self._count += 1
        timer = Timer(deadline, self._count, callback)
        heapq.heappush(self._heap, timer)
        if self._heap[0] is timer and self.on_earlier is not None:
            self.on_earlier()
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Forget a timer; harmless if it has run, was cancelled or is None."""
        if timer is None or timer.callback is None:
            return
        timer.callback = None
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
            self._heap = [each for each in self._heap if each.callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def next_deadline(self) -> float | None:
        """When the next timer is due, or None while there is none."""
        while self._heap and self._heap[0].callback is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0].deadline if self._heap else None

    def seconds_to_next(self) -> float:
        """Real seconds until the next timer may be due; infinite if there is none or the clock stands still."""
        deadline = self.next_deadline()
        return float("inf") if deadline is None else self._clock.seconds_until(deadline)

    def run_due(self, budget: int = 512) -> bool:
        """Run at most `budget` timers that are due; return whether more are. One set meanwhile waits for the next
        run.
        """
        now = self._clock.monotonic()
        newest = self._count
        while budget:
            deadline = self.next_deadline()
            if deadline is None or deadline > now:
                return False
            if self._heap[0].order > newest:
                return True
            timer = heapq.heappop(self._heap)
            callback, timer.callback = timer.callback, None
            assert callback is not None
            try:
                callback()
            except Exception:  # a defect must not end the task that runs everybody's timers
                log.exception("internal error in a timer")
            budget -= 1
        deadline = self.next_deadline()
        return deadline is not None and deadline <= now

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled
