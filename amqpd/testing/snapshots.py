"""What a look inside returns: frozen values, taken at one instant, that change nothing in the broker."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from amqpd.broker.exchange import Exchange
from amqpd.broker.message import Message
from amqpd.broker.operations.operator import Held
from amqpd.broker.queue import Queue
from amqpd.broker.stream.stream_queue import StreamQueue
from amqpd.broker.vhost import VHost
from amqpd.protocol.connection import Connection


@attrs.frozen
class MessageSnapshot:
    """A message of a queue."""

    number: int
    """Its enqueue number, which names it as long as it is in this queue."""
    body: bytes
    exchange: str
    routing_key: str
    redelivered: bool
    properties: Mapping[str, object]
    """Only those that are present; `headers` as a dictionary."""

    @classmethod
    def of(cls, message: Message) -> MessageSnapshot:
        found: dict[str, object] = {}
        for name in PROPERTY_NAMES:
            value = getattr(message.properties, name)
            if value is not None:
                found[name] = value
        if message.properties.headers is not None:
            found["headers"] = message.properties.headers.to_python()
        return cls(message.number, message.body, message.exchange, message.routing_key, message.redelivered, found)


@attrs.frozen
class HeldSnapshot:
    """A message that was delivered and isn't settled, and who has it."""

    message: MessageSnapshot
    connection: str
    channel: int
    delivery_tag: int
    consumer_tag: str | None
    """None: it was taken by basic.get."""

    @classmethod
    def of(cls, held: Held) -> HeldSnapshot:
        delivery = held.delivery
        message = MessageSnapshot.of(delivery.message)
        return cls(message, held.session.name, delivery.channel, delivery.delivery_tag, delivery.consumer_tag)


PROPERTY_NAMES = (
    "content_type",
    "content_encoding",
    "delivery_mode",
    "priority",
    "correlation_id",
    "reply_to",
    "expiration",
    "message_id",
    "timestamp",
    "type",
    "user_id",
    "app_id",
)


@attrs.frozen
class QueueSnapshot:
    """A queue and its counts."""

    name: str
    vhost: str
    durable: bool
    exclusive: bool
    auto_delete: bool
    arguments: Mapping[str, object]
    messages_ready: int
    messages_unacknowledged: int
    messages_delayed: int
    """Those that came back and wait for their next try."""
    consumers: tuple[str, ...]
    """Consumer tags, oldest first."""
    paused: bool
    positions: Mapping[str, int]
    """Of a stream: the names of consumers (x-stream-name), each with the offset at which it goes on."""

    @classmethod
    def of(cls, vhost: VHost, queue: Queue) -> QueueSnapshot:
        return cls(
            queue.name,
            vhost.name,
            queue.durable,
            queue.owner is not None,
            queue.auto_delete,
            queue.arguments.to_python(),
            queue.message_count,
            queue.unacked - queue.returning,
            queue.delayed,
            tuple(each.tag for each in queue.consumers.members()),
            queue.paused,
            dict(queue.positions) if isinstance(queue, StreamQueue) else {},
        )


@attrs.frozen
class BindingSnapshot:
    """A binding."""

    source: str
    destination: str
    destination_type: str
    routing_key: str
    arguments: Mapping[str, object]

    @classmethod
    def all_of(cls, exchange: Exchange) -> list[BindingSnapshot]:
        """The bindings with this exchange as their source."""
        return [
            cls(
                exchange.name,
                each.destination.name,
                each.destination.kind,
                each.routing_key,
                each.arguments.to_python(),
            )
            for each in exchange.outgoing.values()
        ]


@attrs.frozen
class ConnectionSnapshot:
    """A connection."""

    name: str
    state: str
    user: str | None
    vhost: str | None
    channels: tuple[int, ...]
    blocked: bool
    client_properties: Mapping[str, object]

    @classmethod
    def of(cls, connection: Connection) -> ConnectionSnapshot:
        session = connection.session
        return cls(
            connection.name,
            connection.state,
            None if connection.user is None else connection.user.name,
            None if session is None else session.vhost.name,
            tuple(sorted(connection.channels)),
            connection.blocked,
            connection.client_properties.to_python(),
        )
