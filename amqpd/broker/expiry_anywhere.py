"""Messages that expire at their deadlines wherever they are, for queues that ask for it (x-message-expiry).

RabbitMQ's queues look at their head only. Here each message with a deadline has an entry in one `Schedule`, and is
taken out of the ready list by its number when it is due. A message that is delivered before leaves its entry behind;
when such entries are the majority, a new schedule is filled from the ready list, slice by slice, while the old one goes
on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from amqpd.broker.expiry import SLICE, Expiry
from amqpd.broker.message import Message
from amqpd.broker.ready_list import ReadyList
from amqpd.broker.schedule import Schedule
from amqpd.broker.timers import Timers
from amqpd.broker.work import Work, WorkList

SPARE: Final = 4096
"""Entries beyond twice the messages that wait, before a new schedule is filled."""


class ExpiryAnywhere(Expiry):
    """Watches all messages of one queue."""

    __slots__ = ("_expired", "_head", "_pop", "_previous", "_ready", "_schedule", "_take", "_timers", "_work")

    def __init__(
        self,
        timers: Timers,
        work: WorkList,
        ready: Callable[[], ReadyList],
        head: Callable[[], Message | None],
        pop: Callable[[], Message],
        take: Callable[[int], Message | None],
        expired: Callable[[Message], None],
    ) -> None:
        """`take` removes the message with a number, if it is ready; the others are as for the head of a queue."""
        self._timers = timers
        self._work = work
        self._ready = ready
        self._head = head
        self._pop = pop
        self._take = take
        self._expired = expired
        self._schedule = Schedule(timers, self._due)
        self._previous: Schedule | None = None
        """The schedule before, while the new one is filled."""

    def enqueued(self, message: Message, *, is_head: bool) -> None:
        if message.deadline is None:
            return
        schedule = self._schedule
        schedule.add(message.deadline, message.number)
        if self._previous is None and len(schedule) > SPARE and len(schedule) > 2 * self._ready().count + SPARE:
            self.fill()

    def came_back(self, message: Message) -> None:
        self.enqueued(message, is_head=False)

    def watch(self) -> None:
        """What would be taken next must not be overdue, even where the timer has yet to run."""
        budget, now = SLICE, self._timers.now()
        while budget and (head := self._head()) is not None and head.deadline is not None and head.deadline <= now:
            budget -= 1
            self._expired(self._pop())

    def stop(self) -> None:
        for schedule in (self._schedule, self._previous):
            if schedule is not None:
                schedule.clear()

    def fill(self) -> None:
        """Take up the deadlines of all messages that wait now."""
        self._previous, self._schedule = self._schedule, Schedule(self._timers, self._due)
        self._work.add(Fill(self, self._schedule, self._ready().deadlines()))

    def filled(self, schedule: Schedule) -> None:
        """A schedule has all deadlines."""
        if schedule is self._schedule and self._previous is not None:
            self._previous.clear()
            self._previous = None

    def _due(self, numbers: list[int]) -> None:
        for number in numbers:
            message = self._take(number)
            if message is not None:
                self._expired(message)


class Fill(Work):
    """Fills a schedule with the deadlines of a queue, slice by slice."""

    __slots__ = ("_deadlines", "_expiry", "_schedule")

    def __init__(self, expiry: ExpiryAnywhere, schedule: Schedule, deadlines: Iterator[tuple[float, int]]) -> None:
        self._expiry = expiry
        self._schedule = schedule
        self._deadlines = deadlines

    def step(self, budget: int) -> bool:
        portion = list(islice(self._deadlines, max(1, budget)))
        for deadline, number in portion:
            self._schedule.add(deadline, number)
        if portion:
            return True
        self._expiry.filled(self._schedule)
        return False
