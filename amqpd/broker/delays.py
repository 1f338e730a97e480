"""Messages of one exchange that wait for their time.

They leave in the order of their times, those of one time in the order in which they came, a slice a turn. Any number of
them is one timer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from amqpd.broker.message import Account, Message
from amqpd.broker.schedule import Schedule
from amqpd.broker.timers import Timers
from amqpd.broker.work import Work, WorkList
from amqpd.log import get_logger

log = get_logger(__name__)

WAITING_OCTETS: Final = 220
"""What it costs to wait, roughly, beside what any message costs."""


class Waiting(NamedTuple):
    """One message and all that its release needs."""

    due: float
    """On the monotonic clock, in seconds."""
    number: int
    """Of those that came to this exchange."""
    routing_keys: tuple[str, ...]
    message: Message
    """Held by nobody else."""


class Delays:
    """What waits. It counts in the account until it is released."""

    def __init__(
        self, account: Account, timers: Timers, work: WorkList, release: Callable[[tuple[str, ...], Message], None]
    ) -> None:
        self._account = account
        self._work = work
        self._release = release
        self._waiting: dict[int, Waiting] = {}
        self._number = 0
        self._schedule = Schedule(timers, self._fell_due)

    def add(self, due: float, routing_keys: Sequence[str], message: Message) -> None:
        """Keep a message until `due`."""
        self._account.hold(message)
        self._account.octets += WAITING_OCTETS
        number = self._number = self._number + 1
        self._waiting[number] = Waiting(due, number, tuple(routing_keys), message)
        self._schedule.add(due, number)

    def clear(self) -> None:
        """Drop everything."""
        self._schedule.clear()
        dropped, self._waiting = list(self._waiting.values()), {}
        if dropped:
            self._work.add(Drop(dropped, self._account))

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Waiting]:
        """All of them in the order of their release: adding the same to another exchange restores it."""
        return iter(sorted(self._waiting.values(), key=lambda each: each[:2]))

    def _fell_due(self, numbers: list[int]) -> None:
        for number in numbers:
            waiting = self._waiting.pop(number)
            self._account.release(waiting.message)
            self._account.octets -= WAITING_OCTETS
            try:
                self._release(waiting.routing_keys, waiting.message)
            except Exception:  # a defect costs this message, not all that are due after it
                log.exception("internal error: a delayed message could not be published")


class Drop(Work):
    """Frees what waited in an exchange that is gone, slice by slice."""

    __slots__ = ("_account", "_dropped")

    def __init__(self, dropped: list[Waiting], account: Account) -> None:
        self._dropped = dropped
        self._account = account

    def step(self, budget: int) -> bool:
        for _ in range(min(len(self._dropped), max(1, budget))):
            self._account.release(self._dropped.pop().message)
            self._account.octets -= WAITING_OCTETS
        return bool(self._dropped)
