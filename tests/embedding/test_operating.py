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


def test_what_waits_for_its_next_try_is_released(
    amqpd: EmbeddedBroker, channel: pika.adapters.blocking_connection.BlockingChannel
) -> None:
    channel.queue_declare("q", arguments={"x-delayed-retry-type": "all", "x-delayed-retry-min": 3_600_000})
    channel.basic_publish("", "q", b"again")
    channel.basic_nack(channel.basic_get("q")[0].delivery_tag, requeue=True)
    assert channel.basic_get("q")[0] is None
    assert amqpd.retry_delayed("q") == 1
    assert channel.basic_get("q")[2] == b"again"


def test_messages_have_numbers_by_which_they_are_deleted_and_moved(
    amqpd: EmbeddedBroker, channel: pika.adapters.blocking_connection.BlockingChannel
) -> None:
    for queue in ("q", "other"):
        channel.queue_declare(queue)
    for body in (b"a", b"b", b"c"):
        channel.basic_publish("", "q", body)
    assert [each.body for each in amqpd.messages("q", offset=1)] == [b"b", b"c"]
    first, second, _ = amqpd.messages("q")
    assert amqpd.delete_message("q", second.number)
    assert not amqpd.delete_message("q", second.number)
    assert amqpd.move("q", to="other", numbers=[first.number]).moved == 1
    assert amqpd.move("q", exchange="amq.fanout").unroutable == 1
    assert amqpd.move("q", exchange="", routing_key="other").moved == 1
    assert [each.body for each in amqpd.messages("other")] == [b"a", b"c"]
    with pytest.raises(TypeError, match=r"give either a queue \(to\) or an exchange"):
        amqpd.move("q")


def test_dead_letters_are_replayed(
    amqpd: EmbeddedBroker, channel: pika.adapters.blocking_connection.BlockingChannel
) -> None:
    channel.queue_declare("dead")
    channel.queue_declare("q", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
    for number in range(1000):
        channel.basic_publish("", "q", b"%d" % number)
        method, _, _ = channel.basic_get("q")
        channel.basic_reject(method.delivery_tag, requeue=False)
    assert amqpd.queue("dead").messages_ready == 1000
    assert amqpd.replay("dead", limit=1).moved == 1
    assert amqpd.replay("dead").moved == 999
    assert (amqpd.queue("dead").messages_ready, amqpd.queue("q").messages_ready) == (0, 1000)


def test_who_holds_what_is_shown(
    amqpd: EmbeddedBroker, channel: pika.adapters.blocking_connection.BlockingChannel
) -> None:
    channel.queue_declare("q")
    channel.basic_publish("", "q", b"a")
    assert amqpd.unacknowledged("q") == []
    channel.basic_get("q")
    (held,) = amqpd.unacknowledged("q")
    assert (held.message.body, held.message.number, held.channel, held.delivery_tag) == (b"a", 1, 1, 1)
    assert (held.connection, held.consumer_tag) == (amqpd.connections()[0].name, None)


def test_operating_on_a_queue_that_is_not_there_is_an_error(amqpd: EmbeddedBroker) -> None:
    with pytest.raises(KeyError, match="nope"):
        amqpd.pause("nope")
    with pytest.raises(KeyError, match="other"):
        amqpd.resume("q", vhost="other")
