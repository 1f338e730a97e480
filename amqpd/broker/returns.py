"""Giving back what a channel held: a few messages at once, a million in slices.

What is on its way back counts as ready at once, and its queue hands out nothing until all of it is in place, so that
order is kept and nobody waits for a million requeues.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from amqpd.broker.work import Work

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue
    from amqpd.broker.unacked import Delivery


LOST: Final = 0
"""Why a message comes back: its channel ended."""
REFUSED: Final = 1
"""Its consumer sent a basic.reject with requeue."""
RETURNED: Final = 2
"""Its consumer sent a basic.nack with requeue, or a basic.recover."""
TIMED_OUT: Final = 3
"""Its consumer held it for too long."""


class ReturnWork(Work):
    """Work that puts messages back into queues, which hand out nothing meanwhile."""

    @abstractmethod
    def finish(self) -> None:
        """Put everything back now: somebody has to see the queue as it is."""


class Return(ReturnWork):
    """Puts many deliveries back, oldest first."""

    __slots__ = ("_cause", "_deliveries", "_queues")

    def __init__(self, deliveries: list[Delivery], counts: dict[Queue, int], cause: int = LOST) -> None:
        """`counts`: how many of the deliveries go to each queue."""
        self._cause = cause
        deliveries.reverse()
        self._deliveries = deliveries
        self._queues = tuple(counts)
        for queue, count in counts.items():
            queue.expect_return(self, count)

    def step(self, budget: int) -> bool:
        deliveries = self._deliveries
        for _ in range(min(len(deliveries), max(1, budget))):
            message, queue, _consumer = deliveries.pop()
            queue.take_back(message, self._cause)
        if deliveries:
            return True
        for queue in self._queues:
            queue.returned(self)
        self._queues = ()
        return False

    def finish(self) -> None:
        while self._deliveries:
            self.step(len(self._deliveries))


def give_back(deliveries: list[Delivery], cause: int = LOST) -> None:
    """Return a few deliveries to their queues, then let consumers have them."""
    queues: dict[Queue, None] = {}
    for message, queue, _ in deliveries:
        queue.put_back(message, cause)
        queues[queue] = None
    for queue in queues:
        queue.resume()
