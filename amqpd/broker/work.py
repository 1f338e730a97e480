"""Work that is too long for one turn: it is cut into steps under the turn's budget, so that nobody stalls the others.

Visible state changes at once; what goes on the list is the rest: returning a million messages, freeing a purged queue,
feeding a consumer from a deep queue.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Final

from amqpd.log import get_logger

log = get_logger(__name__)

AT_ONCE: Final = 8
"""Pieces of work that share the budget of one turn."""


class Work(ABC):
    """Something resumable."""

    @abstractmethod
    def step(self, budget: int) -> bool:
        """Do at most about `budget` units (one frame, enqueue, expiry or requeue each); return whether more is left."""


class Call(Work):
    """One indivisible call, for the next turn."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    def step(self, budget: int) -> bool:
        self._function()
        return False


class WorkList:
    """First in, first served; what isn't finished goes to the back of the line."""

    __slots__ = ("_waiting", "on_work", "spent")

    def __init__(self) -> None:
        self._waiting: deque[Work] = deque()
        self.spent = 0
        """Units that this turn has cost beyond its frames: further queues of a fan-out, patterns tried."""
        self.on_work: Callable[[], None] | None = None
        """Called when the list stops being empty: whoever sleeps must wake up."""

    def add(self, work: Work) -> None:
        self._waiting.append(work)
        if self.on_work is not None and len(self._waiting) == 1:
            self.on_work()

    def run(self, budget: int) -> bool:
        """Run one step of what waits, at most each once; return whether more is left."""
        turns = min(len(self._waiting), AT_ONCE)
        for _ in range(turns):
            work = self._waiting.popleft()
            try:
                more = work.step(max(1, budget // turns))
            except Exception:  # a defect costs this piece of work, not everybody's
                log.exception("internal error in a piece of work")
                continue
            if more:
                self._waiting.append(work)
        return bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)
