"""What a test does to a queue through the handle, as a client of pika sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pika
import pytest

from amqpd.testing.broker import EmbeddedBroker


@pytest.fixture
def channel(amqpd: EmbeddedBroker) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(amqpd.url)) as connection:
        yield connection.channel()


def test_a_paused_queue_delivers_nothing_until_it_is_resumed(
    amqpd: EmbeddedBroker, channel: pika.adapters.blocking_connection.BlockingChannel
) -> None:
    channel.queue_declare("q")
    amqpd.pause("q")
    channel.basic_publish("", "q", b"later")
    assert channel.basic_get("q")[0] is None
    assert (amqpd.queue("q").paused, amqpd.queue("q").messages_ready) == (True, 1)
    amqpd.resume("q")
    assert channel.basic_get("q")[2] == b"later"
    assert not amqpd.queue("q").paused


def test_operating_on_a_queue_that_is_not_there_is_an_error(amqpd: EmbeddedBroker) -> None:
    with pytest.raises(KeyError, match="nope"):
        amqpd.pause("nope")
    with pytest.raises(KeyError, match="other"):
        amqpd.resume("q", vhost="other")
