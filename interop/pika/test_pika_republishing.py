"""Retries by x-death, the end of them, and what becomes of a history that a client sends along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pika
import pytest

from amqpd import run_in_thread
from interop.pika.republishing import Failed, Retries, deaths

if TYPE_CHECKING:
    from amqpd.testing.broker import EmbeddedBroker
    from interop.timed import TimedBroker

Pump = Callable[..., None]
PAUSE = 0.2
LIMIT = 3


@contextmanager
def declared(url: str, name: str) -> Iterator[tuple[Any, Any, Retries]]:
    """A connection, a channel, and queues that are gone afterwards."""
    retries = Retries(name, pause=round(1000 * PAUSE), limit=LIMIT)
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        retries.declare(channel)
        yield connection, channel, retries
        retries.delete(channel)


def test_a_message_that_fails_comes_back_from_parking_until_it_succeeds(
    timed_broker: TimedBroker, unique: Callable[[str], str], pump: Pump
) -> None:
    tries: list[bytes] = []

    def work(body: bytes) -> None:
        tries.append(body)
        if len(tries) < LIMIT:
            raise Failed("not yet")

    with declared(timed_broker.url, unique("orders")) as (connection, channel, retries):
        retries.listen(channel, work)
        channel.basic_publish("", retries.queue, b"order")
        for count in range(1, LIMIT):
            pump(lambda count=count: len(tries) == count, connection)
            timed_broker.let_pass(PAUSE)
        pump(lambda: len(tries) == LIMIT, connection)
        channel.cancel()
        left = [channel.queue_declare(each, passive=True).method.message_count for each in retries.queues]
    assert left == [0, 0, 0]


def test_a_message_that_fails_too_often_goes_to_the_errors_with_its_exception(
    timed_broker: TimedBroker, unique: Callable[[str], str], pump: Pump
) -> None:
    tries: list[bytes] = []
    errors: list[Any] = []

    def work(body: bytes) -> None:
        tries.append(body)
        raise Failed(f"try {len(tries)}: the warehouse is closed")

    with declared(timed_broker.url, unique("orders")) as (connection, channel, retries):
        retries.listen(channel, work)
        channel.basic_consume(retries.errors, lambda *arguments: errors.append(arguments[1:]), auto_ack=True)
        channel.basic_publish("", retries.queue, b"order", pika.BasicProperties(message_id="m1"))
        for count in range(1, LIMIT + 1):
            pump(lambda count=count: len(tries) == count, connection)
            timed_broker.let_pass(PAUSE)
        pump(lambda: bool(errors), connection)
        [(method, properties, body)] = errors
        assert (method.routing_key, body, properties.message_id) == (f"error.{retries.queue}", b"order", "m1")
        assert properties.headers["x-exception-message"] == "try 4: the warehouse is closed"
        assert properties.headers["x-exception-stacktrace"].startswith("Traceback")
        assert (properties.headers["x-original-exchange"], properties.headers["x-original-routingKey"]) == (
            "",
            retries.queue,
        )
        assert deaths(properties, retries.queue, "rejected") == deaths(properties, retries.parking, "expired") == LIMIT


def republishing(channel: Any, retries: Retries, method: Any, properties: Any, body: bytes) -> None:
    """Hand a message on as a copy, with the headers that it came with."""
    channel.basic_publish("", retries.parking, body, properties)
    channel.basic_ack(method.delivery_tag)


def rejecting(channel: Any, _retries: Retries, method: Any, _properties: Any, _body: bytes) -> None:
    """Have the broker hand a message on."""
    channel.basic_reject(method.delivery_tag, requeue=False)


def counted(
    url: str, name: str, hand_on: Callable[..., None], let_pass: Callable[[float], None], pump: Pump
) -> list[int]:
    """Park a message three times; return how often it had been parked whenever it arrived, by its history."""
    counts: list[int] = []

    def receive(channel: Any, method: Any, properties: Any, body: bytes) -> None:
        counts.append(deaths(properties, retries.parking, "expired"))
        if len(counts) <= LIMIT:
            hand_on(channel, retries, method, properties, body)
        else:
            channel.basic_ack(method.delivery_tag)

    with declared(url, name) as (connection, channel, retries):
        channel.basic_consume(retries.queue, receive)
        channel.basic_publish("", retries.queue, b"order")
        for count in range(1, LIMIT + 1):
            pump(lambda count=count: len(counts) == count, connection)
            let_pass(PAUSE)
        pump(lambda: len(counts) == LIMIT + 1, connection)
        channel.cancel()
    return counts


def test_rabbitmq_3_goes_on_with_the_history_of_a_copy(
    timed_broker: TimedBroker, unique: Callable[[str], str], pump: Pump
) -> None:
    assert counted(timed_broker.url, unique("orders"), republishing, timed_broker.let_pass, pump) == [0, 1, 2, 3]


@pytest.mark.parametrize(("compat", "counts"), [("3.13", [0, 1, 2, 3]), ("4.2", [0, 1, 1, 1])])
def test_rabbitmq_4_begins_a_new_history_and_a_limit_is_never_reached(
    compat: str, counts: list[int], pump: Pump
) -> None:
    """Which shows with one setting before the upgrade."""
    with run_in_thread(compat=compat, strict=True) as broker:
        assert counted(broker.url, "orders", republishing, broker.clock.advance, pump) == counts


@pytest.mark.parametrize("compat", ["3.13", "4.2"])
def test_a_message_that_is_rejected_keeps_its_history_in_both(compat: str, pump: Pump) -> None:
    with run_in_thread(compat=compat, strict=True) as broker:
        assert counted(broker.url, "orders", rejecting, broker.clock.advance, pump) == [0, 1, 2, 3]


def test_a_classic_queue_of_amqpds_parks_and_counts_by_itself(embedded: EmbeddedBroker, pump: Pump) -> None:
    """The same pauses and the same limit: there is no parking queue, and the listener only rejects."""
    tries: list[int] = []
    with pika.BlockingConnection(pika.URLParameters(embedded.url)) as connection:
        channel = connection.channel()
        arguments = {
            "x-delivery-limit": LIMIT,
            "x-delayed-retry-type": "all",
            "x-delayed-retry-min": round(1000 * PAUSE),
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "errors",
        }
        channel.queue_declare("orders", durable=True, arguments=arguments)
        channel.queue_declare("errors", durable=True)

        def fail(_channel: Any, method: Any, properties: Any, _body: bytes) -> None:
            tries.append((properties.headers or {}).get("x-delivery-count", 0))
            channel.basic_reject(method.delivery_tag, requeue=True)

        channel.basic_consume("orders", fail)
        channel.basic_publish("", "orders", b"order")
        for count in range(1, LIMIT + 2):
            pump(lambda count=count: len(tries) == count, connection)
            embedded.clock.advance(PAUSE)
        _method, properties, body = channel.basic_get("errors", auto_ack=True)
    assert (tries, body) == ([0, 1, 2, 3], b"order")
    assert deaths(properties, "orders", "delivery_limit") == 1
