"""What a queue makes of messages that come back: it counts failed deliveries, gives up at a limit, and lets a message
wait before it is delivered again.

A queue that asks for none of it has no `Retries` and pays nothing. What counts as a failure and what consumers are
told of it is the version's matter. https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from amqpd import fields
from amqpd.broker.message import Account, Message, Trail
from amqpd.broker.returns import LOST, REFUSED
from amqpd.broker.rewriting import rewritten
from amqpd.broker.schedule import SLICE, Schedule
from amqpd.broker.timers import Timers
from amqpd.broker.weights import Weight, of_messages
from amqpd.broker.work import Work, WorkList
from amqpd.fields import EMPTY
from amqpd.properties import Properties

if TYPE_CHECKING:
    from amqpd.broker.compat import Profile
    from amqpd.broker.settings import Settings

DELIVERY_COUNT: Final = "x-delivery-count"
ACQUIRED_COUNT: Final = "x-acquired-count"

DISABLED: Final = "disabled"
RETRY_TYPES: Final = ("all", "failed", "returned", DISABLED)
"""What x-delayed-retry-type may be: which messages that come back have to wait."""

FAILED: Final = frozenset({LOST, REFUSED})
"""Ways to come back that are failures in every version."""


class Retries:
    """The rules of one queue. `limit` None: deliveries may fail any number of times."""

    __slots__ = ("_account", "_delayed", "_maximum", "_minimum", "_profile", "limit")

    def __init__(self, limit: float | None, settings: Settings, profile: Profile, account: Account) -> None:
        self.limit = limit
        self._account = account
        self._profile = profile
        self._delayed = settings.delayed_retry_type
        minimum = settings.delayed_retry_min
        self._minimum = 0 if minimum is None or self._delayed in (None, DISABLED) else minimum
        """Milliseconds; 0: nothing waits."""
        self._maximum = settings.delayed_retry_max or self._minimum

    def came_back(self, message: Message, cause: int) -> float | None:
        """Count one more delivery without success; return the seconds that the message has to wait, or None: it has
        failed too often.
        """
        trail = message.trail
        failed = cause in FAILED
        failures = 0 if trail is None else trail.failures
        if failed or self._profile.counts_every_return:
            failures += 1
            if self.limit is not None and failures > self.limit:
                return None
        self.stamp(message, failures, 1 if trail is None else trail.returns + 1)
        if not self._minimum or self._delayed == ("returned" if failed else "failed"):
            return 0
        return min(self._minimum * max(1, failures), self._maximum) / 1000

    def inherit(self, message: Message, failures: int) -> None:
        """Go on counting where another queue stopped; nobody holds the message yet."""
        message.properties = self._stamped(message, failures, failures)
        message.redelivered = True

    def stamp(self, message: Message, failures: int, returns: int) -> None:
        """Write the counts into the headers that consumers see; a dead letter goes on without them."""
        self._account.rewrite(message, self._stamped(message, failures, returns))

    def _stamped(self, message: Message, failures: int, returns: int) -> Properties:
        trail = message.trail
        if trail is None or trail.published is None:
            # The trail may be shared with other queues' copies.
            trail = message.trail = Trail() if trail is None else trail.copy()
            trail.published = message.properties
        trail.failures, trail.returns = failures, returns
        assert trail.published is not None
        headers = trail.published.headers or EMPTY
        if failures or not returns:
            headers = headers.with_field(DELIVERY_COUNT, fields.long(failures))
        if self._profile.tells_acquired_count:
            headers = headers.with_field(ACQUIRED_COUNT, fields.long(returns))
        return trail.published.replace(headers=rewritten(headers).sorted())


class Delayed:
    """Messages that wait before they are ready again. `ready` gets those whose time has come, in that order."""

    __slots__ = ("_messages", "_ready", "_released", "_schedule", "_timers", "_work")

    def __init__(self, timers: Timers, work: WorkList, ready: Callable[[list[Message]], None]) -> None:
        self._timers = timers
        self._work = work
        self._ready = ready
        self._messages: dict[int, Message] = {}
        self._schedule = Schedule(timers, self._due)
        self._released: list[Schedule] = []
        """What an operator let go, each with something left."""

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Message, due: float) -> None:
        """Keep a message until `due`, in seconds of the monotonic clock."""
        self._messages[message.number] = message
        self._schedule.add(due, message.number)

    def release(self) -> int:
        """Let all that wait now be ready, the earliest first: a slice here, the rest as work; return how many."""
        count = len(self._schedule)
        if count:
            schedule, self._schedule = self._schedule, Schedule(self._timers, self._due)
            self._released.append(schedule)
            if self.release_step(schedule, SLICE):
                self._work.add(EarlyRelease(self, schedule))
        return count

    def release_step(self, schedule: Schedule, budget: int) -> bool:
        """Let some of a schedule be ready; return whether there are more."""
        self._due([schedule.pop() for _ in range(min(budget, len(schedule)))])
        return bool(len(schedule))

    def octets(self) -> int:
        """Body octets of all of them."""
        return sum(len(message.body) for message in self._messages.values())

    def weight(self) -> Weight:
        """What all of them are together."""
        return of_messages(self._messages.values())

    def drop(self) -> Message:
        """Take out the one that would be ready first. Only while there are any."""
        schedule = self._released[0] if self._released else self._schedule
        message = self._messages.pop(schedule.pop())
        self._forget_empty()
        return message

    def take_all(self) -> list[Message]:
        """Take all of them out."""
        messages, self._messages = list(self._messages.values()), {}
        for schedule in (*self._released, self._schedule):
            schedule.clear()
        self._released = []
        return messages

    def _due(self, numbers: list[int]) -> None:
        self._forget_empty()
        self._ready([self._messages.pop(number) for number in numbers])

    def _forget_empty(self) -> None:
        self._released = [each for each in self._released if len(each)]


class EarlyRelease(Work):
    """Lets what waited be ready slice by slice."""

    __slots__ = ("_delayed", "_schedule")

    def __init__(self, delayed: Delayed, schedule: Schedule) -> None:
        self._delayed = delayed
        self._schedule = schedule

    def step(self, budget: int) -> bool:
        return self._delayed.release_step(self._schedule, max(1, budget))
