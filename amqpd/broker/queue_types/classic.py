"""Classic queues: the default type, and the only one that can be transient, exclusive, auto-delete or server-named."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from amqpd.broker.classic_queue import ClassicQueue
from amqpd.broker.events import Telling
from amqpd.broker.queue_arguments import Argument
from amqpd.broker.queue_types.port import QueueType, Request
from amqpd.errors import AccessRefused, PreconditionFailed

if TYPE_CHECKING:
    from amqpd.broker.compat import Compat
    from amqpd.broker.queue import Declaration, Means, Queue
    from amqpd.broker.settings import Settings


class Classic(QueueType):
    """https://www.rabbitmq.com/docs/classic-queues"""

    name: ClassVar[str] = "classic"
    module: ClassVar[str] = "rabbit_classic_queue"
    letter: ClassVar[str] = "C"
    policy_target: ClassVar[str] = "classic_queues"
    server_named: ClassVar[bool] = True
    telling: ClassVar[Telling] = Telling(created=("arguments", "owner_pid", "exclusive"), consumers_of_deleted=True)

    @classmethod
    def knows(cls, argument: Argument, compat: Compat) -> bool:
        if argument.name == "x-queue-leader-locator":
            return compat.profile.classic_takes_leader_locator
        return super().knows(argument, compat)

    @classmethod
    def check_delete(cls, what: str, queue: Queue, *, if_unused: bool, if_empty: bool) -> None:
        if if_empty and (queue.message_count or queue.delayed):
            raise PreconditionFailed(f"{what} not empty")
        if if_unused and len(queue.consumers):
            raise PreconditionFailed(f"{what} in use")

    @classmethod
    def check_consume(cls, what: str, queue: Queue, request: Request, compat: Compat) -> None:
        alone = request.exclusive and (len(queue.consumers) or queue.consumers.single)
        if queue.exclusive_consumer is not None or alone:
            raise AccessRefused(f"{what} in exclusive use")

    @classmethod
    def create(cls, declared: Declaration, settings: Settings, means: Means) -> Queue:
        return ClassicQueue(cls, declared, settings, means)
