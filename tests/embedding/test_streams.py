"""Streams under a real client, and seen from inside."""

from __future__ import annotations

from collections.abc import Iterator

import pika
import pytest

from amqpd.embedded import run_in_thread
from amqpd.testing.broker import EmbeddedBroker

STREAM = {"x-queue-type": "stream"}


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with run_in_thread() as running:
        yield running


def read(broker: EmbeddedBroker, count: int, acknowledged: int, **arguments: str) -> list[bytes]:
    """Read some messages as a consumer with these arguments, and acknowledge the first of them."""
    named = {key.replace("_", "-"): value for key, value in arguments.items()}
    bodies = []
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=10)
        for method, _, body in channel.consume("s", arguments=named):
            bodies.append(body)
            if len(bodies) <= acknowledged:
                channel.basic_ack(method.delivery_tag)
            if len(bodies) == count:
                break
        channel.close()
    return bodies


def fill(broker: EmbeddedBroker, *bodies: bytes, **arguments: object) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("s", durable=True, arguments={**STREAM, **arguments})
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish("", "s", body)


def test_a_stream_shows_its_log_and_the_names_of_its_consumers(broker: EmbeddedBroker) -> None:
    fill(broker, b"0", b"1", b"2")
    assert read(broker, 3, 2, x_stream_name="n", x_stream_offset="first") == [b"0", b"1", b"2"]
    assert [each.body for each in broker.messages("s")] == [b"0", b"1", b"2"]
    look = broker.queue("s")
    assert (look.messages_ready, look.messages_unacknowledged, look.positions) == (3, 0, {"n": 2})
    assert read(broker, 1, 0, x_stream_name="n") == [b"2"]


def test_virtual_time_makes_old_segments_go(broker: EmbeddedBroker) -> None:
    fill(broker, b"0", b"1", **{"x-max-age": "1h", "x-stream-max-segment-size-bytes": 1})
    broker.clock.advance(3601)
    assert [each.body for each in broker.messages("s")] == [b"1"]


def test_the_offset_of_a_consumer_may_be_a_time_ago(broker: EmbeddedBroker) -> None:
    fill(broker, b"old")
    broker.clock.advance(3600)
    fill(broker, b"new")
    assert read(broker, 1, 0, x_stream_offset="30m") == [b"new"]
    assert read(broker, 2, 0, x_stream_offset="2h") == [b"old", b"new"]
