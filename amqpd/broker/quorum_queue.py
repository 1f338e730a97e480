"""Quorum queues, as one node shows them: durable queues that count how often a message failed to be processed.

What replication adds is not here; what clients see of it is: deliveries that a failed channel gives back late, a length
limit for publishers that is soft. https://www.rabbitmq.com/docs/quorum-queues
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.broker.at_least_once import AtLeastOnce, Attempt
from amqpd.broker.classic_queue import ClassicQueue
from amqpd.broker.consumers import Consumer
from amqpd.broker.message import Message
from amqpd.broker.overflow import DROP_HEAD, REJECT_PUBLISH, Limits, SoftLimits
from amqpd.broker.packed_run import ranges
from amqpd.broker.queue import Declaration, Means
from amqpd.broker.queue_counts import AT_LEAST_ONCE as STRATEGY
from amqpd.broker.quorum_priorities import quorum_ready_list
from amqpd.broker.retries import Retries
from amqpd.broker.returns import LOST
from amqpd.broker.single_active import GivesWay, InOrderOfArrival
from amqpd.broker.weights import NOTHING, Weight

if TYPE_CHECKING:
    from amqpd.broker.queue_types.port import QueueType
    from amqpd.broker.settings import Settings

AT_LEAST_ONCE: Final = "at-least-once"

TIDY: Final = 32
"""Consumers that are over and remembered before the queue looks which of them still hold something."""


class QuorumQueue(ClassicQueue):
    """A queue that counts failed deliveries.

    Without a delivery limit a message that its consumer requeues goes to the tail, in order to come round after the
    others. With a limit it comes first. What a lost channel held comes first in any case.
    """

    __slots__ = ("_clock", "_gets", "_keeper", "_leaving", "_tidy_at")

    def __init__(self, type_: type[QueueType], declared: Declaration, settings: Settings, means: Means) -> None:
        self._clock = means.clock
        self._keeper: AtLeastOnce | None = None
        """Has what died and must arrive (x-dead-letter-strategy)."""
        super().__init__(type_, declared, settings, means)
        self.ready = quorum_ready_list(self._profile.quorum_priorities)
        self.ready.on_loss = self._lost
        self.consumers = GivesWay() if self._profile.single_active_follows_priority else InOrderOfArrival()
        self.consumers.single = settings.single_active_consumer
        self._gets: dict[Message, None] = {}
        """What basic.get took and nobody has settled yet."""
        self._leaving: list[Consumer] = []
        """Consumers that are over and held something when they went."""
        self._tidy_at = TIDY

    def _make_retries(self, settings: Settings) -> Retries:
        limit, default = settings.delivery_limit, self._profile.delivery_limit
        if limit is None:
            limit = default
        elif limit < 0 and default is not None:
            limit = None
        return Retries(limit, settings, self._profile, self._account)

    def _make_limits(self, settings: Settings) -> Limits:
        # reject-publish-dlx is accepted and means drop-head.
        mode = REJECT_PUBLISH if settings.overflow == REJECT_PUBLISH else DROP_HEAD
        return SoftLimits(settings.max_length, settings.max_length_bytes, mode)

    # -- messages --------------------------------------------------------------------------------------------------

    def publish(self, message: Message) -> int:
        if message.trail is not None and message.trail.inherited:
            assert self._retries is not None
            self._retries.inherit(message, message.trail.inherited)
        return super().publish(message)

    def get(self) -> Message | None:
        message = super().get()
        if message is not None:
            self._gets[message] = None
            if self._profile.get_shows_no_failures and (message.trail is None or not message.trail.returns):
                assert self._retries is not None
                self._retries.stamp(message, 0, 0)
        return message

    def settle(self, message: Message) -> None:
        if self._gets:
            self._gets.pop(message, None)
        super().settle(message)
        self._give_way()

    def reject(self, message: Message) -> None:
        if self._gets:
            self._gets.pop(message, None)
        super().reject(message)
        self._give_way()

    def _give_way(self) -> None:
        """The single active consumer may have settled all that it held, and another waits for that."""
        if isinstance(self.consumers, GivesWay) and self.consumers.heir is not None:
            self.resume()

    def put_back(self, message: Message, cause: int = LOST) -> None:
        if self._gets:
            self._gets.pop(message, None)
        super().put_back(message, cause)

    def _place(self, message: Message, cause: int) -> None:
        assert self._retries is not None
        if cause == LOST or self._retries.limit is not None:
            self.ready.put_back(message)
        else:
            self._number += 1
            self.counting().numbers += 1
            self._account.renumber(message, self._number)
            self.ready.append(message)

    def _make_room(self) -> None:
        """Not yet: consumers have their turn first."""

    def resume(self) -> None:
        super().resume()
        self._drop_rest()

    def resume_step(self, budget: int) -> bool:
        more = super().resume_step(budget)
        self._drop_rest()
        return more

    def _drop_rest(self) -> None:
        """What came back counts against the limits only once consumers have had their turn."""
        if self.limits is not None and not self._resuming and not self._returns and not self.deleted:
            dropped = self._drop_excess()
            if dropped and self._expiry is not None:
                self._expiry.watch()

    def _drop_ready(self) -> int:
        dropped = super()._drop_ready()
        if self._keeper is not None and (dead := [message for message, _ in self._keeper.take_all()]):
            self.aside -= len(dead)
            self._account.purged(ranges(sorted([message.number for message in dead])))
            self._free(dead.pop, dead.__len__)
        if self.limits is not None:
            self.limits.over(0)
        return dropped

    # -- dead letters that must arrive -----------------------------------------------------------------------------

    @property
    def dying(self) -> int:
        return 0 if self._keeper is None else len(self._keeper)

    def dying_weight(self) -> Weight:
        return NOTHING if self._keeper is None else self._keeper.weight()

    def _apply(self) -> None:
        super()._apply()
        settings = self.settings
        if (
            settings.dead_letter_strategy == AT_LEAST_ONCE
            and settings.overflow == REJECT_PUBLISH
            and settings.dead_letter_exchange is not None
        ):
            if self._keeper is None:
                self._keeper = AtLeastOnce(self._timers, self._clock, self._publish_dead, self._buried)
            self._keeper.retry()
        elif self._keeper is not None:
            kept, self._keeper = self._keeper.take_all(), None
            for message, reason in kept:
                self._arrived(message)
                if settings.dead_letter_exchange is not None and self.on_death is not None:
                    self.on_death(self, message, reason, None)

    def _die(self, message: Message, reason: str) -> None:
        if self._keeper is None or self.deleted:
            super()._die(message, reason)
            return
        self._as_published(message)
        self.counting().dies(reason, STRATEGY)
        self.aside += 1
        if self.limits is not None:
            self.limits.octets += len(message.body)
            self.limits.over(self.ready.count + self.aside)
        self._keeper.add(message, reason)

    def _publish_dead(self, attempt: Attempt) -> None:
        assert self.on_death is not None
        self.on_death(self, attempt.message, attempt.reason, attempt)

    def _buried(self, message: Message) -> None:
        self.counting().buried += 1
        self._arrived(message)

    def _arrived(self, message: Message) -> None:
        self.aside -= 1
        if self.limits is not None:
            self.limits.left(message, self.ready.count + self.aside)
        self._account.release(message)

    def _octets(self) -> int:
        return super()._octets() + (0 if self._keeper is None else self._keeper.octets())

    # -- consumers and life ----------------------------------------------------------------------------------------

    @property
    def consumer_count(self) -> int:
        """Consumers, what basic.get holds (a consumer each), and consumers that are over but hold something.

        Of consumers that share a queue with a single active one, only that one counts.
        """
        self._tidy()
        consumers = len(self.consumers)
        return (min(consumers, 1) if self.consumers.single else consumers) + len(self._gets) + len(self._leaving)

    def remove_consumer(self, consumer: Consumer) -> bool:
        if consumer.holds:
            self._leaving.append(consumer)
            if len(self._leaving) > self._tidy_at:
                self._tidy()
        was_heir = isinstance(self.consumers, GivesWay) and self.consumers.heir is consumer
        unused = super().remove_consumer(consumer)
        if was_heir:
            self._active_left()  # the active one goes on
        return unused

    def _tidy(self) -> None:
        self._leaving = [each for each in self._leaving if each.holds]
        self._tidy_at = max(TIDY, 2 * len(self._leaving))

    def redeclared(self) -> None:
        """Declaring it again is no use of it."""

    def _lease_ended(self) -> None:
        if self.consumer_count:
            self.renew_lease()
        else:
            super()._lease_ended()
