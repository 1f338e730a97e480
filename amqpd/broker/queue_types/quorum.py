"""The quorum queue type: what it knows and refuses. https://www.rabbitmq.com/docs/quorum-queues"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from amqpd.broker.events import Telling
from amqpd.broker.queue_types.port import QueueType, Request, refuse_what_is_not_replicated
from amqpd.broker.quorum_queue import QuorumQueue
from amqpd.errors import NotImplementedHere, ResourceLocked

if TYPE_CHECKING:
    from amqpd.broker.compat import Compat
    from amqpd.broker.queue import Declaration, Means, Queue
    from amqpd.broker.settings import Settings


class Quorum(QueueType):
    """https://www.rabbitmq.com/docs/quorum-queues"""

    name: ClassVar[str] = "quorum"
    module: ClassVar[str] = "rabbit_quorum_queue"
    letter: ClassVar[str] = "Q"
    persists_all: ClassVar[bool] = True
    inherits_failures: ClassVar[bool] = True
    policy_target: ClassVar[str] = "quorum_queues"
    default_prefetch: ClassVar[int] = 2000
    obeys_channel_window: ClassVar[bool] = False
    returns_before_close: ClassVar[bool] = False
    fails_transactions: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling(canceller=False)

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
    def compared(cls, compat: Compat) -> list[str]:
        known = super().compared(compat)
        return [*(each for each in cls.ORDER if each in known), *(each for each in known if each not in cls.ORDER)]

    @classmethod
    def check_new(cls, what: str, *, durable: bool, exclusive: bool, auto_delete: bool) -> None:
        refuse_what_is_not_replicated(what, durable=durable, exclusive=exclusive, auto_delete=auto_delete)

    @classmethod
    def check_delete(cls, what: str, queue: Queue, *, if_unused: bool, if_empty: bool) -> None:
        for refused, flag in ((if_unused, "if-unused"), (if_empty, "if-empty")):
            if refused:
                raise NotImplementedHere(
                    f"cannot delete {what}. queue.delete operations with {flag} flag set are not supported by "
                    "quorum queues"
                )

    @classmethod
    def check_consume(cls, what: str, queue: Queue, request: Request, compat: Compat) -> None:
        if request.windowed:
            raise NotImplementedHere(f"{what} does not support global qos")

    @classmethod
    def check_get(cls, what: str, queue: Queue) -> None:
        if queue.consumers.single:
            raise ResourceLocked(
                f"cannot obtain access to locked {what}. basic.get operations are not supported by quorum queues "
                "with single active consumer"
            )

    @classmethod
    def create(cls, declared: Declaration, settings: Settings, means: Means) -> Queue:
        return QuorumQueue(cls, declared, settings, means)
