"""When the messages of a queue expire: at its head, when its deadline passes.

One timer a queue, at the deadline of the message that would be taken next. A message behind an unexpired one stays and
counts, as RabbitMQ has it; in a priority queue that includes what has a lower priority.
https://www.rabbitmq.com/docs/ttl, https://www.rabbitmq.com/docs/priority
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from amqpd.broker.message import Message
from amqpd.broker.timers import Timer, Timers

SLICE: Final = 64
"""Heads that one run of the timer removes; the rest are overdue and follow in the next turn."""


class Expiry(ABC):
    """Port: how the messages of one queue expire."""

    __slots__ = ()

    @abstractmethod
    def enqueued(self, message: Message, *, is_head: bool) -> None:
        """A new message waits; `is_head`: it, or another new one, would be taken next."""

    @abstractmethod
    def came_back(self, message: Message) -> None:
        """A message waits again; `watch` follows when all that come back together are in place.

        Until then it may still be dropped for the queue's length, which comes first in RabbitMQ 3.10.8.
        """

    @abstractmethod
    def watch(self) -> None:
        """The head may have changed: expire what is overdue, and set the timer for the next."""

    @abstractmethod
    def stop(self) -> None:
        """The queue is gone, or expires in another way."""


class HeadExpiry(Expiry):
    """Watches the head of one queue.

    `head` tells the message that can expire now, `pop` removes it, `expired` gets what was removed.
    """

    __slots__ = ("_expired", "_head", "_pop", "_timer", "_timers")

    def __init__(
        self,
        timers: Timers,
        head: Callable[[], Message | None],
        pop: Callable[[], Message],
        expired: Callable[[Message], None],
    ) -> None:
        self._timers = timers
        self._head = head
        self._pop = pop
        self._expired = expired
        self._timer: Timer | None = None

    def enqueued(self, message: Message, *, is_head: bool) -> None:
        if is_head:
            self.watch()

    def came_back(self, message: Message) -> None:
        pass

    def watch(self) -> None:
        head = self._head()
        if head is None or head.deadline is None:
            return
        timer = self._timer
        if head.deadline <= self._timers.now():
            self._timers.cancel(timer)
            self._expire()
        elif timer is None or timer.callback is None or timer.deadline > head.deadline:
            self._timers.cancel(timer)
            self._timer = self._timers.at(head.deadline, self._expire)

    def stop(self) -> None:
        self._timers.cancel(self._timer)

    def _expire(self) -> None:
        self._timer = None
        budget, now = SLICE, self._timers.now()
        while (head := self._head()) is not None and head.deadline is not None:
            if head.deadline > now or not budget:
                self._timer = self._timers.at(head.deadline, self._expire)
                return
            budget -= 1
            self._expired(self._pop())
