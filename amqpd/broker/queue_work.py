"""Long work of single queues, slice by slice: dropping what is over a limit, and freeing what was purged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from amqpd.broker.message import Account, Message
from amqpd.broker.packed_run import Run
from amqpd.broker.paged_run import PagedRun
from amqpd.broker.work import Work

if TYPE_CHECKING:
    from amqpd.broker.classic_queue import ClassicQueue

RUN_UNITS: Final = 16
"""What one run costs of a turn's budget: a thousand bodies to free, or a block that may be the last one of its file."""


class Trim(Work):
    """Drops what a queue holds over its limit, where one large message drives many small ones out."""

    __slots__ = ("_queue",)

    def __init__(self, queue: ClassicQueue) -> None:
        self._queue = queue

    def step(self, budget: int) -> bool:
        return self._queue.trim_step()


class Discard(Work):
    """Lets go of whole runs of purged messages: their room in memory, or on the disk."""

    __slots__ = ("_account", "_runs")

    def __init__(self, runs: list[Run | PagedRun], account: Account) -> None:
        self._runs = runs
        self._account = account

    def step(self, budget: int) -> bool:
        for _ in range(max(1, budget // RUN_UNITS)):
            if not self._runs:
                return False
            run = self._runs.pop()
            if isinstance(run, Run):
                self._account.charge(-run.cost())
            else:
                run.discard()
        return bool(self._runs)


class Release(Work):
    """Frees purged messages slice by slice, since freeing a million at once would stall everybody."""

    __slots__ = ("_account", "_pop", "left")

    def __init__(self, pop: Callable[[], Message], left: Callable[[], int], account: Account) -> None:
        self._pop = pop
        self.left = left
        """How many messages there are still."""
        self._account = account

    def step(self, budget: int) -> bool:
        for _ in range(max(1, budget)):
            if not self.left():
                return False
            self._account.forget(self._pop())
        return self.left() > 0

    def finish(self) -> None:
        """Free the rest at once."""
        self.step(self.left())
