"""Messages of one exchange that wait for their time: one heap, and one of the broker's timers for all of them.

They leave in the order of their times, those of one time in the order in which they came, and under the turn's budget.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from amqpd.broker.message import Account, Message
from amqpd.broker.timers import Timer, Timers
from amqpd.broker.work import Work, WorkList
from amqpd.log import get_logger

log = get_logger(__name__)

AT_ONCE: Final = 256
"""Messages that are released in the turn in which they fall due; the rest follow as work."""


class Waiting(NamedTuple):
    """One message and all that its release needs. They compare by time, then by number."""

    due: float
    """On the monotonic clock, in seconds."""
    number: int
    routing_keys: tuple[str, ...]
    message: Message
    """Held by nobody else."""


class Delays(Work):
    """What waits. It counts in the account until it is released."""

    def __init__(
        self, account: Account, timers: Timers, work: WorkList, release: Callable[[tuple[str, ...], Message], None]
    ) -> None:
        self._account = account
        self._timers = timers
        self._work = work
        self._release = release
        self._heap: list[Waiting] = []
        self._number = 0
        self._timer: Timer | None = None
        self._listed = False

    def add(self, due: float, routing_keys: Sequence[str], message: Message) -> None:
        """Keep a message until `due`."""
        self._account.hold(message)
        self._number += 1
        waiting = Waiting(due, self._number, tuple(routing_keys), message)
        heapq.heappush(self._heap, waiting)
        if self._heap[0] is waiting and not self._listed:
            self._arm()

    def clear(self) -> None:
        """Drop everything."""
        self._timers.cancel(self._timer)
        self._timer = None
        dropped, self._heap = self._heap, []
        if dropped:
            self._work.add(Drop(dropped, self._account))

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Waiting]:
        """All of them in the order of their release."""
        return iter(sorted(self._heap))

    def step(self, budget: int) -> bool:
        """Release what is due; return whether some was left for the budget alone."""
        heap, now = self._heap, self._timers.now()
        self._listed = True
        while budget > 0 and heap and heap[0].due <= now:
            budget -= 1
            waiting = heapq.heappop(heap)
            self._account.release(waiting.message)
            try:
                self._release(waiting.routing_keys, waiting.message)
            except Exception:  # a defect costs this message, not all that are due after it
                log.exception("internal error: a delayed message could not be published")
        self._listed = bool(heap) and heap[0].due <= now
        if heap and not self._listed:
            self._arm()
        return self._listed

    def _arm(self) -> None:
        self._timers.cancel(self._timer)
        self._timer = self._timers.at(self._heap[0].due, self._fell_due)

    def _fell_due(self) -> None:
        self._timer = None
        if self.step(AT_ONCE):
            self._work.add(self)


class Drop(Work):
    """Frees what waited in an exchange that is gone, slice by slice."""

    __slots__ = ("_account", "_dropped")

    def __init__(self, dropped: list[Waiting], account: Account) -> None:
        self._dropped = dropped
        self._account = account

    def step(self, budget: int) -> bool:
        for _ in range(min(len(self._dropped), max(1, budget))):
            self._account.release(self._dropped.pop().message)
        return bool(self._dropped)
