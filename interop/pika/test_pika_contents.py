"""What a message carries: properties, header tables, large and empty bodies, and many messages in a row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pika
import pytest

pytestmark = pytest.mark.timeout(60)

Declare = Callable[..., str]
Pump = Callable[..., None]


def test_every_property_arrives_as_it_was_sent(channel: Any, declare_queue: Declare) -> None:
    queue = declare_queue(channel)
    sent = pika.BasicProperties(
        content_type="application/json",
        content_encoding="gzip",
        headers={"k": "v"},
        delivery_mode=2,
        priority=7,
        correlation_id="corr",
        reply_to="somewhere",
        expiration="60000",
        message_id="id-1",
        timestamp=1_700_000_000,
        type="order",
        user_id="guest",
        app_id="interop",
        cluster_id="c",
    )
    channel.basic_publish("", queue, b"{}", sent)
    _, received, _ = channel.basic_get(queue, auto_ack=True)
    assert received == sent


def test_a_message_without_properties_has_none(channel: Any, declare_queue: Declare) -> None:
    queue = declare_queue(channel)
    channel.basic_publish("", queue, b"bare")
    _, received, _ = channel.basic_get(queue, auto_ack=True)
    assert received == pika.BasicProperties()


def test_header_tables_keep_their_values_and_types(channel: Any, declare_queue: Declare) -> None:
    queue = declare_queue(channel)
    headers = {
        "text": "zażółć",
        "small": 1,
        "negative": -70_000,
        "large": 2**62,
        "decimal": Decimal("3.14"),
        "yes": True,
        "no": False,
        "nothing": None,
        "when": datetime(2024, 2, 29, 12, 30, tzinfo=UTC),
        "table": {"inner": {"deep": [1, "two", {"three": 3}]}},
        "empty table": {},
        "list": [1, "a", None, True, [2, [3]]],
    }
    channel.basic_publish("", queue, b"", pika.BasicProperties(headers=headers))
    _, received, body = channel.basic_get(queue, auto_ack=True)
    received.headers["when"] = received.headers["when"].replace(tzinfo=UTC)
    assert (received.headers, body) == (headers, b"")
    assert isinstance(received.headers["yes"], bool)
    assert isinstance(received.headers["decimal"], Decimal)
    assert isinstance(received.headers["large"], pika.compat.long), "a 64-bit integer came back narrower"
    assert not isinstance(received.headers["negative"], pika.compat.long), "a 32-bit integer came back wider"


@pytest.mark.parametrize("size", [1, 131_064, 131_065, 10_000_000])
def test_a_body_of_any_size_arrives_whole(
    channel: Any, connection: Any, declare_queue: Declare, pump: Pump, size: int
) -> None:
    """131,064 bytes are the most that one body frame of RabbitMQ's default size holds."""
    queue = declare_queue(channel)
    body = (b"0123456789abcdef-" * (size // 17 + 1))[:size]
    received: list[bytes] = []
    channel.basic_consume(queue, lambda _c, _m, _p, content: received.append(content), auto_ack=True)
    channel.basic_publish("", queue, body)
    pump(lambda: bool(received), connection)
    assert hashlib.sha256(received[0]).digest() == hashlib.sha256(body).digest()


def test_a_connection_with_the_smallest_frames_carries_a_large_body(
    broker_url: str, channel: Any, declare_queue: Declare
) -> None:
    queue = declare_queue(channel)
    small = pika.URLParameters(broker_url)
    small.frame_max = 4096
    body = bytes(range(256)) * 1000
    with pika.BlockingConnection(small) as connection:
        narrow = connection.channel()
        narrow.basic_publish("", queue, body)
        _, _, received = narrow.basic_get(queue, auto_ack=True)
    assert received == body


def test_thousands_of_small_messages_arrive_in_order(
    channel: Any, connection: Any, declare_queue: Declare, pump: Pump
) -> None:
    queue = declare_queue(channel)
    count = 5_000
    received: list[bytes] = []

    def collect(consumer: Any, method: Any, _properties: Any, body: bytes) -> None:
        received.append(body)
        if method.delivery_tag % 100 == 0:
            consumer.basic_ack(method.delivery_tag, multiple=True)

    channel.basic_qos(prefetch_count=250)
    channel.basic_consume(queue, collect)
    for number in range(count):
        channel.basic_publish("", queue, b"%d" % number)
    pump(lambda: len(received) == count, connection)
    assert received == [b"%d" % number for number in range(count)]
    assert channel.queue_declare(queue, passive=True).method.message_count == 0
