"""Quorum queues, as one node shows them: durable queues that count how often a message failed to be processed.

What replication adds is not here; what clients see of it is: nothing transient or exclusive, deliveries that a failed
channel gives back late, a length limit for publishers that is soft. https://www.rabbitmq.com/docs/quorum-queues
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from amqpd import fields
from amqpd.broker.consumers import Consumer, Consumers
from amqpd.broker.dead_letter import DELIVERY_LIMIT
from amqpd.broker.message import Account, Message, Trail
from amqpd.broker.overflow import DROP_HEAD, REJECT_PUBLISH, SoftLimits
from amqpd.broker.queue import Queue
from amqpd.broker.queue_arguments import apply
from amqpd.broker.queue_types.port import QueueType
from amqpd.broker.ready_list import ReturnedFirst
from amqpd.broker.rewriting import rewritten
from amqpd.errors import NotImplementedHere, PreconditionFailed, ResourceLocked
from amqpd.fields import EMPTY, Field, Table

if TYPE_CHECKING:
    from amqpd.broker.compat import Profile
    from amqpd.broker.session import Session
    from amqpd.broker.timers import Timers
    from amqpd.broker.work import WorkList

DELIVERY_COUNT: Final = "x-delivery-count"
ACQUIRED_COUNT: Final = "x-acquired-count"
UNLIMITED: Final = float("inf")

TIDY: Final = 32
"""Consumers that are over and remembered before the queue looks which of them still hold something."""


class QuorumQueue(Queue):
    """A queue that counts failed deliveries.

    `delivery_limit` is None where there is none: then a message that its consumer requeues goes to the tail, in order
    to come round after the others. With a limit it comes first. What a lost channel held comes first in any case.
    """

    __slots__ = ("_gets", "_leaving", "_profile", "_tidy_at", "delivery_limit")

    def __init__(
        self,
        name: str,
        type_: type[QueueType],
        *,
        owner: Session | None,
        arguments: Table,
        profile: Profile,
        account: Account,
        timers: Timers,
        work: WorkList,
    ) -> None:
        super().__init__(
            name,
            type_,
            durable=True,
            auto_delete=False,
            owner=owner,
            arguments=arguments,
            account=account,
            timers=timers,
            work=work,
        )
        self.delivery_limit: float | None = None
        self.ready = ReturnedFirst()
        if not profile.single_active_follows_priority:
            self.consumers = InOrderOfArrival()
        self._profile = profile
        self._gets: dict[Message, None] = {}
        """What basic.get took and nobody has settled yet."""
        self._leaving: list[Consumer] = []
        """Consumers that are over and held something when they went."""
        self._tidy_at = TIDY

    # -- messages --------------------------------------------------------------------------------------------------

    def get(self) -> Message | None:
        message = super().get()
        if message is not None:
            self._gets[message] = None
            if self._profile.get_shows_no_failures and (message.trail is None or not message.trail.failures):
                self._stamp(message, 0)
        return message

    def settle(self, message: Message) -> None:
        if self._gets:
            self._gets.pop(message, None)
        super().settle(message)

    def reject(self, message: Message) -> None:
        if self._gets:
            self._gets.pop(message, None)
        super().reject(message)

    def put_back(self, message: Message) -> None:
        self._return(message, first=True)

    def requeue(self, message: Message) -> None:
        self._return(message, first=self.delivery_limit is not None)

    def _return(self, message: Message, *, first: bool) -> None:
        self.unacked -= 1
        if self._gets:
            self._gets.pop(message, None)
        if self.deleted:
            self._account.release(message)
            return
        failures = 1 if message.trail is None else message.trail.failures + 1
        if self.delivery_limit is not None and failures > self.delivery_limit:
            self._die(message, DELIVERY_LIMIT)
            return
        message.redelivered = True
        self._stamp(message, failures)
        if first:
            self.ready.put_back(message)
        else:
            self._number = message.number = self._number + 1
            self.ready.append(message)
        if self.limits is not None:
            self.limits.octets += len(message.body)
        if self._heads is not None:
            self._heads.watch()

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
            if dropped and self._heads is not None:
                self._heads.watch()

    def _pop(self) -> Message:
        message = super()._pop()
        if message.trail is not None and message.trail.failures:
            message.redelivered = True  # a packed message has forgotten it
        if self.limits is not None:
            self.limits.over(self.ready.count)
        return message

    def _drop_ready(self) -> int:
        dropped = super()._drop_ready()
        if self.limits is not None:
            self.limits.over(0)
        return dropped

    def _die(self, message: Message, reason: str) -> None:
        if message.trail is not None and message.trail.published is not None:
            self._account.rewrite(message, message.trail.published)
        super()._die(message, reason)

    def _stamp(self, message: Message, failures: int) -> None:
        """Write the count into the headers that consumers see; a dead letter goes on without it."""
        trail = message.trail
        if trail is None or trail.published is None:
            # The trail may be shared with other queues' copies.
            trail = message.trail = Trail() if trail is None else trail.copy()
            trail.published = message.properties
        trail.failures = failures
        assert trail.published is not None
        headers = (trail.published.headers or EMPTY).with_field(DELIVERY_COUNT, fields.long(failures))
        if self._profile.tells_acquired_count:
            headers = headers.with_field(ACQUIRED_COUNT, fields.long(failures))
        self._account.rewrite(message, trail.published.replace(headers=rewritten(headers).sorted()))

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
        return super().remove_consumer(consumer)

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


class InOrderOfArrival(Consumers):
    """Where the single active consumer is the one that waited longest, whatever its priority."""

    __slots__ = ()

    @property
    def active(self) -> Consumer | None:
        if self._active is None and self._members:
            self._active = next(iter(self._members))
        return self._active


class Quorum(QueueType):
    """https://www.rabbitmq.com/docs/quorum-queues"""

    name: ClassVar[str] = "quorum"
    module: ClassVar[str] = "rabbit_quorum_queue"
    letter: ClassVar[str] = "Q"
    default_prefetch: ClassVar[int] = 2000
    obeys_channel_window: ClassVar[bool] = False
    returns_before_close: ClassVar[bool] = False
    fails_transactions: ClassVar[bool] = False

    ORDER: ClassVar[tuple[str, ...]] = (
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-dead-letter-strategy",
        "x-expires",
        "x-max-length",
        "x-max-length-bytes",
        "x-max-in-memory-length",
        "x-max-in-memory-bytes",
        "x-overflow",
        "x-single-active-consumer",
        "x-queue-type",
        "x-quorum-initial-group-size",
        "x-delivery-limit",
        "x-message-ttl",
        "x-queue-leader-locator",
    )
    """How RabbitMQ 3.10.8 goes through them on a redeclare; newer ones follow."""

    @classmethod
    def compared(cls, profile: Profile) -> list[str]:
        known = super().compared(profile)
        return [*(each for each in cls.ORDER if each in known), *(each for each in known if each not in cls.ORDER)]

    @classmethod
    def check_new(cls, what: str, *, durable: bool, exclusive: bool, auto_delete: bool) -> None:
        for wrong, name in ((auto_delete, "auto-delete"), (exclusive, "exclusive-owner"), (not durable, "non-durable")):
            if wrong:
                raise PreconditionFailed(f"invalid property '{name}' for {what}")

    @classmethod
    def check_delete(cls, what: str, queue: Queue, *, if_unused: bool, if_empty: bool) -> None:
        for refused, flag in ((if_unused, "if-unused"), (if_empty, "if-empty")):
            if refused:
                raise NotImplementedHere(
                    f"cannot delete {what}. queue.delete operations with {flag} flag set are not supported by "
                    "quorum queues"
                )

    @classmethod
    def check_consume(cls, what: str, queue: Queue, *, exclusive: bool, windowed: bool) -> None:
        if windowed:
            raise NotImplementedHere(f"{what} does not support global qos")

    @classmethod
    def check_get(cls, what: str, queue: Queue) -> None:
        if queue.consumers.single:
            raise ResourceLocked(
                f"cannot obtain access to locked {what}. basic.get operations are not supported by quorum queues "
                "with single active consumer"
            )

    @classmethod
    def create(
        cls,
        name: str,
        *,
        durable: bool,
        auto_delete: bool,
        owner: Session | None,
        arguments: Table,
        profile: Profile,
        account: Account,
        timers: Timers,
        work: WorkList,
    ) -> Queue:
        queue = QuorumQueue(
            name,
            cls,
            owner=owner,
            arguments=arguments,
            profile=profile,
            account=account,
            timers=timers,
            work=work,
        )
        apply(queue, arguments)
        if queue.limits is not None:
            # reject-publish-dlx is accepted and means drop-head.
            mode = REJECT_PUBLISH if queue.limits.mode == REJECT_PUBLISH else DROP_HEAD
            queue.limits = SoftLimits(queue.limits.max_length, queue.limits.max_octets, mode)
        queue.delivery_limit = _delivery_limit(arguments.get("x-delivery-limit"), profile)
        return queue


def _delivery_limit(field: Field | None, profile: Profile) -> float | None:
    """How often a delivery may fail; None: there is no limit.

    RabbitMQ takes any value and compares it with a number as Erlang does, where all that is no number is larger.
    """
    if field is None or field.tag == "V":
        return profile.delivery_limit
    value = field.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return UNLIMITED
    return None if value < 0 and profile.delivery_limit is not None else value
