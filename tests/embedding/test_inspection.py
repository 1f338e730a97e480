"""A look inside: values of one instant that don't change, from any thread, without touching anything."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import attrs
import pika
import pytest

from amqpd.testing.broker import EmbeddedBroker


@pytest.fixture
def channel(amqpd: EmbeddedBroker) -> Iterator[pika.channel.Channel]:
    parameters = pika.URLParameters(amqpd.url)
    parameters.client_properties = {"connection_name": "the test"}
    with pika.BlockingConnection(parameters) as connection:
        yield connection.channel()


def test_a_queue_shows_its_attributes_and_counts(amqpd: EmbeddedBroker, channel: pika.channel.Channel) -> None:
    channel.queue_declare("q", durable=True, auto_delete=True, arguments={"x-max-length": 9})
    for body in (b"one", b"two", b"three"):
        channel.basic_publish("", "q", body)
    channel.basic_get("q")
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume("q", lambda *_: None, consumer_tag="mine")
    found = amqpd.queue("q")
    assert (found.name, found.vhost, found.durable, found.exclusive, found.auto_delete) == ("q", "/", True, False, True)
    assert found.arguments["x-max-length"] == 9
    assert (found.messages_ready, found.messages_unacknowledged) == (1, 2)
    assert found.consumers == ("mine",)
    assert amqpd.queues() == [found]


def test_an_exclusive_queue_says_so(amqpd: EmbeddedBroker, channel: pika.channel.Channel) -> None:
    channel.queue_declare("own", exclusive=True)
    assert amqpd.queue("own").exclusive


def test_messages_are_shown_in_delivery_order_and_stay(amqpd: EmbeddedBroker, channel: pika.channel.Channel) -> None:
    channel.queue_declare("q")
    channel.queue_bind("q", "amq.topic", "a.#")
    properties = pika.BasicProperties(
        content_type="text/plain", delivery_mode=2, priority=3, headers={"x": 1, "y": ["z"]}
    )
    channel.basic_publish("amq.topic", "a.b", b"first", properties)
    channel.basic_publish("", "q", b"second")
    channel.queue_declare("q", passive=True)
    first, second = amqpd.messages("q")
    assert (first.body, first.exchange, first.routing_key, first.redelivered) == (b"first", "amq.topic", "a.b", False)
    assert first.properties == {
        "content_type": "text/plain",
        "delivery_mode": 2,
        "priority": 3,
        "headers": {"x": 1, "y": ["z"]},
    }
    assert (second.body, second.exchange, second.properties) == (b"second", "", {})
    assert [each.body for each in amqpd.messages("q", limit=1)] == [b"first"]
    assert amqpd.queue("q").messages_ready == 2


def test_bindings_and_exchanges_are_shown(amqpd: EmbeddedBroker, channel: pika.channel.Channel) -> None:
    channel.exchange_declare("e", "headers")
    channel.queue_declare("q")
    channel.queue_bind("q", "e", "key", {"x-match": "any", "a": "b"})
    channel.exchange_bind("e", "amq.direct", "to e")
    bound = {(each.source, each.destination, each.destination_type, each.routing_key) for each in amqpd.bindings()}
    assert bound == {("e", "q", "queue", "key"), ("amq.direct", "e", "exchange", "to e")}
    assert {"x-match": "any", "a": "b"} in [each.arguments for each in amqpd.bindings()]
    assert amqpd.exchanges()["e"] == "headers"
    assert {"amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"} <= set(amqpd.exchanges())


def test_connections_are_shown_in_the_order_of_their_arrival(
    amqpd: EmbeddedBroker, channel: pika.channel.Channel
) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqpd.add_vhost("other"))):
        first, second = amqpd.connections()
    assert (first.user, first.vhost, first.channels, first.blocked, first.state) == (
        "guest",
        "/",
        (1,),
        False,
        "running",
    )
    assert first.client_properties["connection_name"] == "the test"
    assert first.name.endswith(f"127.0.0.1:{amqpd.port}")
    assert (second.vhost, second.channels) == ("other", ())


def test_what_is_shown_does_not_change_any_more(amqpd: EmbeddedBroker, channel: pika.channel.Channel) -> None:
    channel.queue_declare("q")
    before = amqpd.queue("q")
    channel.basic_publish("", "q", b"body")
    channel.queue_declare("q", passive=True)
    assert before.messages_ready == 0
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        before.name = "other"  # type: ignore[misc]  # that is what is refused


def test_what_does_not_exist_is_a_key_error(amqpd: EmbeddedBroker) -> None:
    for look in (
        lambda: amqpd.queue("none"),
        lambda: amqpd.messages("none"),
        lambda: amqpd.queues("none"),
        lambda: amqpd.bindings("none"),
        lambda: amqpd.exchanges("none"),
        lambda: amqpd.delete_vhost("none"),
    ):
        with pytest.raises(KeyError, match="none"):
            look()


def test_a_vhost_has_its_own_url_and_world(amqpd: EmbeddedBroker) -> None:
    url = amqpd.add_vhost("a/b c")
    assert url.endswith("/a%2Fb%20c")
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().queue_declare("inside")
        assert [each.name for each in amqpd.queues("a/b c")] == ["inside"]
        assert amqpd.queues() == []


def test_any_thread_may_look(amqpd: EmbeddedBroker, channel: pika.channel.Channel) -> None:
    channel.queue_declare("q")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: amqpd.queue("q").name, range(200)))
    assert found == ["q"] * 200
