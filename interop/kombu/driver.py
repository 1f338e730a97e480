"""kombu, by its own entities: Exchange, Queue, Producer and Message over the transport pyamqp."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import amqp
import kombu as library

from interop.matrix.python.play import main
from interop.matrix.python.port import Channel, Connection, Consumer, Message, Options
from interop.py_amqp.driver import TICK, AmqpChannel, AmqpConnection, AmqpConsumer, PyAmqp, answered, message, tls

kombu: Any = library  # it is typed in part, and exports its names without saying so
MILLISECONDS = 1000


class Kombu(PyAmqp):
    """The library."""

    adds = MappingProxyType(
        {
            "content_type": "application/data",
            "content_encoding": "binary",
            "headers": {},
            "delivery_mode": 2,
            "priority": 0,
        }
    )

    def connect(self, options: Options) -> Connection:
        return KombuConnection(options)


class KombuConnection(AmqpConnection):
    """One connection. Whether publishing waits for confirms is an option of it, so a second one is opened for that."""

    def _opened(self, options: Options) -> Any:
        self._options = options
        return self._connection(confirm_publish=False)

    def _connection(self, *, confirm_publish: bool) -> Any:
        options, address = self._options, self._options.address
        return kombu.Connection(
            hostname=address.host,
            port=address.port,
            userid=address.user,
            password=address.password,
            virtual_host=address.vhost,
            transport="pyamqp",
            heartbeat=options.heartbeat,
            ssl=tls(options) if options.tls else False,
            transport_options={
                "frame_max": options.frame_max,
                "channel_max": options.channel_max,
                "client_properties": {"connection_name": options.name},
                "on_blocked": lambda _reason: self.notices.append("blocked"),
                "on_unblocked": lambda: self.notices.append("unblocked"),
                "confirm_publish": confirm_publish,
            },
        )

    def channel(self) -> Channel:
        return KombuChannel(self, answered(self.native.channel))

    def confirming(self) -> Any:
        """Return a channel of another connection on which each publish waits for its confirm."""
        return answered(self._connection(confirm_publish=True).channel)

    def idle(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                answered(self.native.drain_events, timeout=TICK)
            except TimeoutError:
                pass
            answered(self.native.heartbeat_check)


class KombuChannel(AmqpChannel):
    """One channel; transactions and prefetch are the transport's, because kombu has nothing of its own for them."""

    connection: KombuConnection

    def __init__(self, connection: KombuConnection, native: Any) -> None:
        super().__init__(connection, native)
        self._producer = kombu.Producer(native, auto_declare=False)
        self._confirming: Any = None

    def _queue(self, name: str, **options: Any) -> Any:
        return kombu.Queue(name, channel=self.native, **options)

    def _exchange(self, name: str, kind: str = "direct") -> Any:
        return kombu.Exchange(name, type=kind, channel=self.native, durable=True)

    # -- exchanges and queues

    def declare_exchange(self, name: str, kind: str) -> None:
        answered(self._exchange(name, kind).declare)

    def delete_exchange(self, name: str) -> None:
        answered(self._exchange(name).delete)

    def bind_exchange(self, destination: str, source: str, key: str) -> None:
        answered(self._exchange(destination).bind_to, source, key)

    def declare_queue(
        self,
        name: str = "",
        *,
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> tuple[str, int]:
        queue = self._queue(name, durable=durable, exclusive=exclusive, auto_delete=False, queue_arguments=arguments)
        made = answered(queue.queue_declare, passive=passive)
        return made.queue, made.message_count

    def delete_queue(self, name: str) -> None:
        answered(self._queue(name).delete)

    def bind(self, queue: str, exchange: str, key: str = "", arguments: Mapping[str, Any] | None = None) -> None:
        answered(self._queue(queue).bind_to, self._exchange(exchange), key, arguments)

    def unbind(self, queue: str, exchange: str, key: str = "") -> None:
        answered(self._queue(queue).unbind_from, self._exchange(exchange), key)

    def purge(self, queue: str) -> int | None:
        count: int = answered(self._queue(queue).purge)
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
        named = dict(properties or {})
        if "expiration" in named:
            named["expiration"] = int(named["expiration"]) / MILLISECONDS
        answered(self._producer.publish, body, routing_key=key, exchange=exchange, mandatory=mandatory, **named)

    def select_confirms(self) -> None:
        """Open a connection that confirms: it cannot be switched on later."""
        self._confirming = self.connection.confirming()
        self._confirming.events["basic_return"].add(self.on_return)

    def publish_confirmed(self, key: str, bodies: Sequence[bytes], *, mandatory: bool = False) -> list[bool]:
        producer = kombu.Producer(self._confirming, auto_declare=False)
        return [self._is_confirmed(producer, key, body, mandatory) for body in bodies]

    def _is_confirmed(self, producer: Any, key: str, body: bytes, mandatory: bool) -> bool:
        try:
            producer.publish(body, routing_key=key, exchange="", mandatory=mandatory)
        except amqp.exceptions.MessageNacked:
            return False
        return True

    # -- consuming

    def get(self, queue: str, *, no_ack: bool = False) -> Message | None:
        native = answered(self._queue(queue).get, no_ack=no_ack)
        return None if native is None else message(native)

    def consume(self, queue: str, *, tag: str = "", no_ack: bool = False, exclusive: bool = False) -> Consumer:
        return KombuConsumer(self, queue, tag, no_ack, exclusive)

    def ack(self, message: Message, *, multiple: bool = False) -> None:
        message.native.ack(multiple=multiple)

    def reject(self, message: Message, *, requeue: bool) -> None:
        message.native.reject(requeue=requeue)


class KombuConsumer(AmqpConsumer):
    """One consumer; kombu.Queue has no flag for an exclusive one, so that one is the transport's."""

    def _started(self, channel: AmqpChannel, queue: str, tag: str, no_ack: bool, exclusive: bool) -> str:
        if exclusive:
            return super()._started(channel, queue, tag, no_ack, exclusive)
        entity = kombu.Queue(queue, channel=channel.native)
        started: str = answered(
            entity.consume,
            tag,
            callback=lambda raw: self.arrived.append(message(channel.native.message_to_python(raw))),
            no_ack=no_ack,
            on_cancel=self.cancelled.append,
        )
        return started

    def cancel(self) -> None:
        answered(kombu.Queue("", channel=self.channel.native).cancel, self.tag)


if __name__ == "__main__":
    main(lambda _variant: Kombu())
