"""The stream queue type: what it knows and refuses. https://www.rabbitmq.com/docs/streams"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from amqpd.broker.events import Telling
from amqpd.broker.queue_types.port import QueueType, Request, refuse_what_is_not_replicated
from amqpd.broker.stream.stream_queue import StreamQueue
from amqpd.errors import InternalError, NotImplementedHere, PreconditionFailed

if TYPE_CHECKING:
    from amqpd.broker.compat import Compat
    from amqpd.broker.queue import Declaration, Means, Queue
    from amqpd.broker.settings import Settings


class Stream(QueueType):
    """https://www.rabbitmq.com/docs/streams"""

    name: ClassVar[str] = "stream"
    module: ClassVar[str] = "rabbit_stream_queue"
    letter: ClassVar[str] = "S"
    journaled: ClassVar[bool] = False
    policy_target: ClassVar[str] = "streams"
    obeys_channel_window: ClassVar[bool] = False
    tells_offsets: ClassVar[bool] = True
    keeps_what_is_settled = True
    telling: ClassVar[Telling] = Telling(created=("arguments", "type"), new_consumers=False)

    @classmethod
    def compared(cls, compat: Compat) -> list[str]:
        known = [each for each in super().compared(compat) if each != "x-queue-type"]
        known.insert(known.index("x-max-length-bytes") + 1, "x-queue-type")
        return known

    @classmethod
    def check_new(cls, what: str, *, durable: bool, exclusive: bool, auto_delete: bool) -> None:
        refuse_what_is_not_replicated(what, durable=durable, exclusive=exclusive, auto_delete=auto_delete)

    @classmethod
    def check_consume(cls, what: str, queue: Queue, request: Request, compat: Compat) -> None:
        plainly = compat.profile.names_stream_queues_plainly
        if not request.prefetch:
            name = f"stream {what}" if plainly else f"'{what}'"
            raise PreconditionFailed(f"consumer prefetch count is not set for {name}")
        if request.no_ack:
            name = f"stream {what}" if plainly else f"stream queues {what}"
            raise NotImplementedHere(f"automatic acknowledgement not supported by {name}")
        if request.windowed:
            raise NotImplementedHere(f"{what} does not support global qos")

    @classmethod
    def check_get(cls, what: str, queue: Queue) -> None:
        raise NotImplementedHere(f"basic.get not supported by stream queues {what}")

    @classmethod
    def check_purge(cls, what: str) -> None:
        raise NotImplementedHere(f"queue.purge not supported by stream queues {what}")

    @classmethod
    def check_refusal(cls, what: str, compat: Compat) -> None:
        if compat.profile.streams_refuse_nack:
            raise NotImplementedHere(f"basic.nack and basic.reject not supported by stream queues {what}")

    @classmethod
    def check_recover(cls, compat: Compat) -> None:
        if compat.profile.streams_refuse_nack:
            raise InternalError(method=(0, 0))

    @classmethod
    def create(cls, declared: Declaration, settings: Settings, means: Means) -> Queue:
        return StreamQueue(cls, declared, settings, means)
