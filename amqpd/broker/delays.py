"""Messages of one exchange that wait for their time: each has it as its deadline, and a number.

They leave in the order of their times, those of one time in the order in which they came, a slice a turn. Any number of
them is one timer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amqpd.broker.message import Account, Message
from amqpd.broker.schedule import Schedule
from amqpd.broker.timers import Timers
from amqpd.broker.work import Work, WorkList
from amqpd.log import get_logger

log = get_logger(__name__)

WAITING_OCTETS: Final = 200
"""What it costs to wait, roughly, beside what any message costs."""


class Delays:
    """What waits. It counts in the account until it is released."""

    def __init__(
        self, account: Account, timers: Timers, work: WorkList, release: Callable[[Message], None]
    ) -> None:
        """`release` gets each message in its turn, as one that is held by nobody, without number and deadline."""
        self._account = account
        self._work = work
        self._release = release
        self._waiting: dict[int, Message] = {}
        self._number = 0
        self._schedule = Schedule(timers, self._fell_due)

    def add(self, due: float, message: Message) -> None:
        """Keep a message that nobody else holds until `due`, in seconds of the monotonic clock."""
        self._number = message.number = self._number + 1
        message.deadline = due
        self._account.hold(message)
        self._wait(message, due)

    def restore(self, messages: list[Message]) -> None:
        """Take what waited before a restart; what fell due meanwhile is released when timers run next."""
        for message in messages:
            assert message.deadline is not None
            self._account.restore(message)
            self._wait(message, message.deadline)

    def restored(self, last_number: int) -> None:
        """Go on numbering above this."""
        self._number = max(self._number, last_number)

    def clear(self) -> None:
        """Drop everything."""
        self._schedule.clear()
        dropped, self._waiting = list(self._waiting.values()), {}
        if dropped:
            self._work.add(Drop(dropped, self._account))

    def __len__(self) -> int:
        return len(self._waiting)

    def _wait(self, message: Message, due: float) -> None:
        self._account.charge(WAITING_OCTETS)
        self._waiting[message.number] = message
        self._schedule.add(due, message.number)

    def _fell_due(self, numbers: list[int]) -> None:
        """In one turn each is gone from here and published, so that a journal has one of both after a crash."""
        for number in numbers:
            message = self._waiting.pop(number)
            self._account.release(message)
            self._account.charge(-WAITING_OCTETS)
            message.number, message.deadline = 0, None
            try:
                self._release(message)
            except Exception:  # a defect costs this message, not all that are due after it
                log.exception("internal error: a delayed message could not be published")


class Drop(Work):
    """Frees what waited in an exchange that is gone, slice by slice."""

    __slots__ = ("_account", "_dropped")

    def __init__(self, dropped: list[Message], account: Account) -> None:
        self._dropped = dropped
        self._account = account

    def step(self, budget: int) -> bool:
        for _ in range(min(len(self._dropped), max(1, budget))):
            self._account.release(self._dropped.pop())
            self._account.charge(-WAITING_OCTETS)
        return bool(self._dropped)
