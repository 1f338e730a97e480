"""Delayed messages as NServiceBus sends them on RabbitMQ, and the exchange type that does it in one hop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pika
import pytest

from interop.pika.delay_levels import CLASSIC, LEVELS, MAX_DELAY, QUORUM, DelayLevels, routing_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amqpd.testing.broker import EmbeddedBroker
    from interop.timed import TimedBroker

MILLISECOND = 0.001
TOPOLOGIES = (CLASSIC, QUORUM)
DAYS = 3 * 86400 + 12 * 3600 + 34 * 60 + 56


@pytest.fixture
def channel(embedded: EmbeddedBroker) -> Iterator[Any]:
    """A channel in confirm mode to amqpd, whose time stands still unless it is moved."""
    embedded.clock.freeze()
    with pika.BlockingConnection(pika.URLParameters(embedded.url)) as connection:
        opened = connection.channel()
        opened.confirm_delivery()
        yield opened


def test_the_digits_of_the_delay_are_the_words_of_the_key() -> None:
    assert routing_key(5, "sales") == "0." * 25 + "1.0.1.sales"
    assert routing_key(MAX_DELAY, "sales") == "1." * LEVELS + "sales"


@pytest.mark.parametrize("delay", [0, MAX_DELAY + 1])
def test_what_has_no_digits_cannot_be_sent(delay: int) -> None:
    with pytest.raises(ValueError, match=f"cannot delay by {delay} s"):
        CLASSIC.send(None, "sales", b"", delay)


@pytest.mark.parametrize("levels", TOPOLOGIES, ids=["classic", "quorum"])
def test_a_message_comes_after_its_days_and_hours_to_the_millisecond(
    embedded: EmbeddedBroker, channel: Any, levels: DelayLevels
) -> None:
    levels.declare(channel)
    levels.bind_endpoint(channel, "sales")
    levels.send(channel, "sales", b"remind me", DAYS)
    embedded.clock.advance(DAYS - MILLISECOND)
    assert embedded.messages("sales") == []
    embedded.clock.advance(MILLISECOND)
    assert [message.body for message in embedded.messages("sales")] == [b"remind me"]


def test_a_message_waits_once_for_each_digit_that_is_set(embedded: EmbeddedBroker, channel: Any) -> None:
    """Its history tells: the latest death comes first, and that was at the lowest level."""
    CLASSIC.declare(channel)
    CLASSIC.bind_endpoint(channel, "sales")
    CLASSIC.send(channel, "sales", b"", DAYS)
    embedded.clock.advance(DAYS)
    _method, properties, _body = channel.basic_get("sales", auto_ack=True)
    deaths = properties.headers["x-death"]
    assert [death["queue"] for death in deaths] == [
        CLASSIC.level(number) for number in range(LEVELS) if DAYS >> number & 1
    ]
    assert {(death["reason"], death["count"]) for death in deaths} == {("expired", 1)}


def test_the_longest_delay_is_eight_years(embedded: EmbeddedBroker, channel: Any) -> None:
    CLASSIC.declare(channel)
    CLASSIC.bind_endpoint(channel, "sales")
    CLASSIC.send(channel, "sales", b"", MAX_DELAY)
    embedded.clock.advance(MAX_DELAY - MILLISECOND)
    assert embedded.messages("sales") == []
    embedded.clock.advance(MILLISECOND)
    assert len(embedded.messages("sales")) == 1


def test_both_brokers_take_the_topology_twice_and_deliver_by_time(
    timed_broker: TimedBroker, unique: Callable[[str], str], pump: Callable[..., None]
) -> None:
    """Delays of one, two and three seconds; the longest crosses two levels."""
    arrived: dict[str, list[bytes]] = {unique(levels.prefix): [] for levels in TOPOLOGIES}
    with pika.BlockingConnection(pika.URLParameters(timed_broker.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for levels, endpoint in zip(TOPOLOGIES, arrived, strict=True):
            levels.declare(channel)
            levels.declare(channel)
            levels.bind_endpoint(channel, endpoint)
            for delay in (3, 1, 2):
                levels.send(channel, endpoint, b"%d" % delay, delay)
            channel.basic_consume(endpoint, collector(arrived[endpoint]), auto_ack=True)
        timed_broker.let_pass(3)
        pump(lambda: all(len(bodies) == 3 for bodies in arrived.values()), connection)
    assert list(arrived.values()) == [[b"1", b"2", b"3"]] * len(TOPOLOGIES)


def test_an_exchange_of_amqpds_delays_without_any_of_this(embedded: EmbeddedBroker, channel: Any) -> None:
    channel.exchange_declare("later", "x-delayed-message", durable=True, arguments={"x-delayed-type": "direct"})
    channel.queue_declare("sales", durable=True)
    channel.queue_bind("sales", "later")
    channel.basic_publish("later", "sales", b"remind me", pika.BasicProperties(headers={"x-delay": 1000 * DAYS}))
    embedded.clock.advance(DAYS - MILLISECOND)
    assert embedded.messages("sales") == []
    embedded.clock.advance(MILLISECOND)
    assert [message.body for message in embedded.messages("sales")] == [b"remind me"]


def collector(bodies: list[bytes]) -> Callable[[Any, Any, Any, bytes], None]:
    """Return a consumer that keeps the bodies."""
    return lambda _channel, _method, _properties, body: bodies.append(body)
