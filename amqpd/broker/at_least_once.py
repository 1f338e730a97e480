"""Dead letters that stay in their queue until all queues that they go to have them safely (at-least-once).

What cannot be published, because the exchange is missing, nothing is bound to it, or a queue refuses it, is tried
again: when routes change, and after a while. A queue that has a message is not given it again. Refuses to know how a
dead letter looks and where it goes. https://www.rabbitmq.com/docs/quorum-queues#dead-lettering
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from amqpd.broker.message import Message
from amqpd.broker.timers import Timer, Timers
from amqpd.broker.weights import Weight, of_messages
from amqpd.clock import Clock

PREFETCH: Final = 32
"""Dead letters of one queue that are on their way at the same time."""
RETRY: Final = 180.0
"""Seconds after which what failed is tried again."""


class Attempt:
    """One dead letter until it has arrived everywhere."""

    __slots__ = ("accepted", "died", "message", "owner", "reason")

    def __init__(self, owner: AtLeastOnce, message: Message, reason: str, died: float) -> None:
        self.owner = owner
        self.message = message
        self.reason = reason
        self.died = died
        """When, on the wall clock."""
        self.accepted: set[str] = set()
        """The queues that have it."""

    @property
    def wanted(self) -> bool:
        """Whether its queue still waits for an answer."""
        return self.owner.waits_for(self)

    def confirmed(self) -> None:
        """All queues of its route have it."""
        self.owner.confirmed(self)

    def failed(self) -> None:
        """It has no route, or not all queues of it took it."""
        self.owner.failed(self)


class AtLeastOnce:
    """The dead letters of one queue, in the order of their deaths."""

    __slots__ = ("_clock", "_done", "_out", "_publish", "_retrying", "_timer", "_timers", "_waiting")

    def __init__(
        self, timers: Timers, clock: Clock, publish: Callable[[Attempt], None], done: Callable[[Message], None]
    ) -> None:
        """`publish` tries, now or later, and answers the attempt; `done` gets each message that has arrived."""
        self._timers = timers
        self._clock = clock
        self._publish = publish
        self._done = done
        self._waiting: deque[Attempt] = deque()
        self._out: dict[Attempt, bool] = {}
        """At most PREFETCH, and whether they are under way; the others wait for the next try."""
        self._timer: Timer | None = None
        self._retrying = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._out)

    def add(self, message: Message, reason: str) -> None:
        """A message died."""
        self._waiting.append(Attempt(self, message, reason, self._clock.wall()))
        self._go_on()

    def retry(self) -> None:
        """Try again what failed."""
        self._timers.cancel(self._timer)
        self._timer = None
        self._retrying = True  # what waits comes after what failed, however soon that arrives
        for attempt in [each for each, under_way in self._out.items() if not under_way]:
            self._out[attempt] = True
            self._publish(attempt)
        self._retrying = False
        self._go_on()

    def take_all(self) -> list[tuple[Message, str]]:
        """Hand over all of them, with the reasons of their deaths; what is under way counts for nothing any more."""
        taken = [(each.message, each.reason) for each in (*self._out, *self._waiting)]
        self._out = {}
        self._waiting.clear()
        self._timers.cancel(self._timer)
        self._timer = None
        return taken

    def octets(self) -> int:
        """Body octets of all of them."""
        return sum(len(each.message.body) for each in (*self._out, *self._waiting))

    def weight(self) -> Weight:
        """What all of them are together."""
        return of_messages([each.message for each in (*self._out, *self._waiting)])

    def waits_for(self, attempt: Attempt) -> bool:
        return attempt in self._out

    def confirmed(self, attempt: Attempt) -> None:
        if self._out.pop(attempt, None) is not None:
            self._done(attempt.message)
            self._go_on()

    def failed(self, attempt: Attempt) -> None:
        if attempt in self._out:
            self._out[attempt] = False
            if self._timer is None:
                self._timer = self._timers.after(RETRY, self.retry)

    def _go_on(self) -> None:
        while self._waiting and len(self._out) < PREFETCH and not self._retrying:
            attempt = self._waiting.popleft()
            self._out[attempt] = True
            self._publish(attempt)
