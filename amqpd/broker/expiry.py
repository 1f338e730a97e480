"""When the messages of a queue expire: at its head, when their deadline passes.

One timer a queue, at the earliest deadline of its heads (a priority queue has a head for each level). A message
behind an unexpired one stays and counts, as RabbitMQ has it. https://www.rabbitmq.com/docs/ttl
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amqpd.broker.message import Message
from amqpd.broker.ready_list import ReadyList
from amqpd.broker.timers import Timer, Timers

SLICE: Final = 64
"""Heads that one run of the timer removes; the rest are overdue and follow in the next turn."""


class HeadExpiry:
    """Watches the heads of one queue.

    `levels` gives the lists whose heads can expire now, `pop` removes the head of one, `expired` gets what was removed.
    """

    __slots__ = ("_expired", "_levels", "_pop", "_timer", "_timers")

    def __init__(
        self,
        timers: Timers,
        levels: Callable[[], list[ReadyList]],
        pop: Callable[[ReadyList], Message],
        expired: Callable[[Message], None],
    ) -> None:
        self._timers = timers
        self._levels = levels
        self._pop = pop
        self._expired = expired
        self._timer: Timer | None = None

    def watch(self) -> None:
        """The heads may have changed: expire those whose time has come, and set the timer for the next."""
        deadlines = [level.peek().deadline for level in self._levels()]
        deadline = min((each for each in deadlines if each is not None), default=None)
        if deadline is None:
            return
        timer = self._timer
        if deadline <= self._timers.now():
            self._timers.cancel(timer)
            self._expire()
        elif timer is None or timer.callback is None or timer.deadline > deadline:
            self._timers.cancel(timer)
            self._timer = self._timers.at(deadline, self._expire)

    def stop(self) -> None:
        """The queue is gone."""
        self._timers.cancel(self._timer)

    def _expire(self) -> None:
        self._timer = None
        budget, now = SLICE, self._timers.now()
        earliest: float | None = None
        for level in self._levels():
            while level.count:
                deadline = level.peek().deadline
                if deadline is None:
                    break
                if deadline > now or not budget:
                    earliest = deadline if earliest is None else min(earliest, deadline)
                    break
                budget -= 1
                self._expired(self._pop(level))
        if earliest is not None:
            self._timer = self._timers.at(earliest, self._expire)
