"""Long work of single queues, slice by slice: dropping what is over a limit, and freeing what was purged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from amqpd.broker.message import Account, Message
from amqpd.broker.pending import Pending
from amqpd.broker.work import Work

if TYPE_CHECKING:
    from amqpd.broker.classic_queue import ClassicQueue


class Trim(Work):
    """Drops what a queue holds over its limit, where one large message drives many small ones out."""

    __slots__ = ("_queue",)

    def __init__(self, queue: ClassicQueue) -> None:
        self._queue = queue

    def step(self, budget: int) -> bool:
        return self._queue.trim_step()


class Release(Work):
    """Frees purged messages slice by slice, since freeing a million at once would stall everybody."""

    __slots__ = ("_account", "_pop", "done", "left")

    def __init__(self, pop: Callable[[], Message], left: Callable[[], int], account: Account) -> None:
        self._pop = pop
        self.left = left
        """How many messages there are still."""
        self._account = account
        self.done: Pending[None] = Pending()

    def step(self, budget: int) -> bool:
        for _ in range(max(1, budget)):
            if not self.left():
                break
            self._account.release(self._pop())
        if self.left():
            return True
        if not self.done.done:
            self.done.settle(None)
        return False

    def finish(self) -> None:
        """Free the rest at once."""
        self.step(self.left())
