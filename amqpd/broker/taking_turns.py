"""Slow work of many clients: a little of it runs at a time, and the places that clients come from take turns.

So a storm from one address makes that address wait, and costs the machine a bounded share. What several ask for while
it waits or runs is done once for them: a thousand clients that come back with the same password after a restart cost
some checks, not a thousand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from amqpd.broker.pending import Pending
from amqpd.broker.ports import Offload

T = TypeVar("T")

OF_ONE: Final = 256
"""What may wait of one place."""
OF_ALL: Final = 4096
"""That of all places together."""
SHARED: Final = 16
"""Who may share a result: what each does with it comes in one turn of the broker's thread."""


class TooManyWait(Exception):
    """A line is full: what was asked for is not done."""


class TakingTurns(Generic[T]):
    """At most `at_once` functions run; `of_one` of a place and `of_all` wait."""

    def __init__(self, offload: Offload, at_once: int, of_one: int = OF_ONE, of_all: int = OF_ALL) -> None:
        self._offload = offload
        self._free = at_once
        self._of_one, self._of_all = of_one, of_all
        self._lines: dict[str, deque[tuple[Callable[[], T], Pending[T]]]] = {}
        """What waits, by place; the next one's turn is first."""
        self._waiting = 0
        self._asked: dict[Callable[[], T], tuple[Pending[T], int]] = {}
        """What waits or runs, and how many may still share it. Functions that are equal do the same; by default each is
        equal to itself alone.
        """

    def run(self, place: str, function: Callable[[], T]) -> Pending[T]:
        """Call it when it is its turn, or learn what becomes of an equal one. Raises TooManyWait."""
        known, more = self._asked.get(function, (None, 0))
        if known is not None and more:
            self._asked[function] = known, more - 1
            return known
        pending: Pending[T] = Pending()
        if self._free:
            self._start(function, pending)
        else:
            self._line_up(place, function, pending)
        if not pending.done:
            self._asked[function] = pending, SHARED - 1
        return pending

    def _line_up(self, place: str, function: Callable[[], T], pending: Pending[T]) -> None:
        line = self._lines.get(place)
        if self._waiting >= self._of_all or (line is not None and len(line) >= self._of_one):
            raise TooManyWait(f"{self._waiting} wait, {len(line or ())} of them of {place}")
        if line is None:
            line = self._lines[place] = deque()
        line.append((function, pending))
        self._waiting += 1

    def _start(self, function: Callable[[], T], pending: Pending[T]) -> None:
        self._free -= 1
        running = self._offload.run(function)

        def finished(_: Pending[T]) -> None:
            if self._asked.get(function, (None, 0))[0] is pending:
                del self._asked[function]
            self._next()

        running.when_done(finished)
        running.pass_on(pending)

    def _next(self) -> None:
        self._free += 1
        if not self._lines:
            return
        place, line = next(iter(self._lines.items()))
        del self._lines[place]
        function, pending = line.popleft()
        self._waiting -= 1
        if line:
            self._lines[place] = line
        self._start(function, pending)
