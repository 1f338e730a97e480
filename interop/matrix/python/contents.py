"""Scenarios about what messages hold: bodies, properties, header types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interop.matrix.driver import same
from interop.matrix.python import headers
from interop.matrix.python.port import seen

if TYPE_CHECKING:
    from interop.matrix.python.port import Stage

BODY = bytes(n % 256 for n in range(1000))
HEADERS = {"text": "value", "number": 5, "yes": True}
ALL = {
    "content_type": "application/octet-stream",
    "content_encoding": "identity",
    "headers": HEADERS,
    "delivery_mode": 2,
    "priority": 5,
    "correlation_id": "correlation",
    "reply_to": "reply",
    "expiration": "60000",
    "message_id": "id-1",
    "timestamp": 1700000000,
    "type": "kind",
    "user_id": "guest",
    "app_id": "interop",
    "cluster_id": "cluster",
}
MEGABYTES = 10 * 1024 * 1024


def publish_consume(stage: Stage) -> None:
    channel = stage.connect().channel()
    queue = stage.queue()
    channel.declare_queue(queue)
    every = {name: ALL[name] for name in stage.client.properties}
    foreign = {"headers": {"ключ-ü": "да"}}
    text = "größer als 世界 🐇".encode()
    sent: list[tuple[bytes, dict[str, Any]]] = [(BODY, every), (b"", {}), (text, foreign)]
    for body, properties in sent:
        channel.publish("", queue, body, properties or None)
    consumer = channel.consume(queue)
    for body, properties in sent:
        message = consumer.next()
        same("the body", message.body, body)
        seen(stage.client, message, properties)
        same("exchange, key and redelivered", (message.exchange, message.key, message.redelivered), ("", queue, False))
        channel.ack(message)
    consumer.cancel()
    same("the queue after the acks", channel.get(queue), None)


def header_types(stage: Stage) -> None:
    channel = stage.connect().channel()
    queue = stage.queue()
    channel.declare_queue(queue)
    own = stage.client.headers()
    channel.publish("", queue, b"own", {"headers": own})
    consumer = channel.consume(queue)
    message = consumer.next()
    channel.ack(message)
    headers.compare(message.properties["headers"], stage.client.decoded(own))
    consumer = channel.consume(f"{stage.prefix}-headers")
    message = consumer.next()
    channel.ack(message)
    same("the body", message.body, b"every type")
    headers.compare(message.properties["headers"], headers.listed(stage.client.expected))


def large_message(stage: Stage) -> None:
    channel = stage.connect().channel()
    queue = stage.queue()
    channel.declare_queue(queue)
    pattern = bytes(n * n % 251 for n in range(65521))  # no length of frames is a multiple of this one
    bodies = [(pattern[start:] + pattern * (MEGABYTES // len(pattern) + 1))[:MEGABYTES] for start in (0, 1)]
    for body in bodies:
        channel.publish("", queue, body)
    consumer = channel.consume(queue)
    for body in bodies:
        message = consumer.next()
        assert message.body == body, f"10 MB differ: got {len(message.body)} octets"
        channel.ack(message)
