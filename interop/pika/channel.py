"""What the five adapters' channels have alike. What differs is how one waits: for a reply, and for anything else."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from interop.matrix.python.port import Channel, Consumer, Message
from interop.pika.translation import basic_properties, message


class PikaChannel(Channel):
    """A channel of any adapter."""

    def __init__(self, native: Any) -> None:
        self.native = native
        self.came_back: deque[Message] = deque()

    @abstractmethod
    def call(self, method: str, **arguments: Any) -> Any:
        """Call a method that the broker answers; return the answer's frame. Raises Refused."""

    @abstractmethod
    def until(self, condition: Callable[[], bool]) -> None:
        """Let the adapter work until a condition holds. Raises Refused when the channel is closed before."""

    def on_return(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        """Keep a returned message."""
        self.came_back.append(message(method, properties, body))

    # -- exchanges and queues

    def declare_exchange(self, name: str, kind: str) -> None:
        self.call("exchange_declare", exchange=name, exchange_type=kind, durable=True)

    def delete_exchange(self, name: str) -> None:
        self.call("exchange_delete", exchange=name)

    def bind_exchange(self, destination: str, source: str, key: str) -> None:
        self.call("exchange_bind", destination=destination, source=source, routing_key=key)

    def declare_queue(
        self,
        name: str = "",
        *,
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> tuple[str, int]:
        frame = self.call(
            "queue_declare", queue=name, passive=passive, durable=durable, exclusive=exclusive, arguments=arguments
        )
        return frame.method.queue, frame.method.message_count

    def delete_queue(self, name: str) -> None:
        self.call("queue_delete", queue=name)

    def bind(self, queue: str, exchange: str, key: str = "", arguments: Mapping[str, Any] | None = None) -> None:
        self.call("queue_bind", queue=queue, exchange=exchange, routing_key=key, arguments=arguments)

    def unbind(self, queue: str, exchange: str, key: str = "") -> None:
        self.call("queue_unbind", queue=queue, exchange=exchange, routing_key=key)

    def purge(self, queue: str) -> int | None:
        count: int = self.call("queue_purge", queue=queue).method.message_count
        return count

    # -- publishing

    def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        properties: Mapping[str, Any] | None = None,
        *,
        mandatory: bool = False,
    ) -> None:
        self.native.basic_publish(exchange, key, body, basic_properties(properties), mandatory=mandatory)

    @abstractmethod
    def publish_confirmed(self, key: str, bodies: Sequence[bytes], *, mandatory: bool = False) -> list[bool]: ...

    def returned(self) -> Message:
        self.until(lambda: bool(self.came_back))
        return self.came_back.popleft()

    def none_returned(self) -> bool:
        return not self.came_back

    # -- consuming

    def ack(self, message: Message, *, multiple: bool = False) -> None:
        self.native.basic_ack(message.tag, multiple=multiple)

    def nack(self, message: Message, *, requeue: bool) -> None:
        self.native.basic_nack(message.tag, requeue=requeue)

    def reject(self, message: Message, *, requeue: bool) -> None:
        self.native.basic_reject(message.tag, requeue=requeue)

    def prefetch(self, count: int) -> None:
        self.call("basic_qos", prefetch_count=count)

    # -- transactions

    def select_transactions(self) -> None:
        self.call("tx_select")

    def commit(self) -> None:
        self.call("tx_commit")

    def roll_back(self) -> None:
        self.call("tx_rollback")


class PikaConsumer(Consumer):
    """Keeps what a callback was called with."""

    def __init__(self, channel: PikaChannel) -> None:
        self.channel = channel
        self.tag = ""
        self.arrived: deque[Message] = deque()
        self.cancelled = False

    def on_message(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        """Keep a delivery."""
        self.arrived.append(message(method, properties, body))

    def next(self) -> Message:
        self.channel.until(lambda: bool(self.arrived))
        return self.arrived.popleft()

    def waiting(self) -> bool:
        return bool(self.arrived)

    def cancel(self) -> None:
        self.channel.call("basic_cancel", consumer_tag=self.tag)

    def await_cancelled(self) -> None:
        self.channel.until(lambda: self.cancelled)
