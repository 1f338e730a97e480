"""Quorum queues over AMQP 0-9-1: what they refuse, how messages come back, delivery counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Value

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names

Arguments = dict[str, Value]


def _declare(channel: Channel, names: Names, arguments: Arguments | None = None) -> str:
    queue = names("qq")
    channel.declare_queue(queue, {"x-queue-type": "quorum", **(arguments or {})}, durable=True)
    return queue


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    return _declare(channel, names)


def _fill(channel: Channel, queue: str, *bodies: bytes) -> None:
    """Publish and wait for the confirms, since a quorum queue counts later than it accepts."""
    channel.confirm()
    for body in bodies:
        channel.publish("", queue, body)
        channel.expect("basic.ack")


@pytest.mark.proves("quorum.refusals")
@pytest.mark.proves("error.queue.declare.other-type")
def test_redeclaring_as_another_type(channel: Channel, queue: str) -> None:
    text = (
        f"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '{queue}' in vhost '/': "
        "received 'classic' but current is 'quorum'"
    )
    with channel.refused(406, text, "queue.declare"):
        channel.declare_queue(queue, {"x-queue-type": "classic"}, durable=True)


@pytest.mark.proves("quorum.refusals")
@pytest.mark.parametrize(
    "flag",
    [
        pytest.param("if_unused", marks=pytest.mark.proves("error.queue.delete.quorum-if-unused")),
        pytest.param("if_empty", marks=pytest.mark.proves("error.queue.delete.quorum-if-empty")),
    ],
)
def test_conditional_deletes_are_not_implemented(channel: Channel, queue: str, flag: str) -> None:
    text = (
        f"NOT_IMPLEMENTED - cannot delete queue '{queue}' in vhost '/'. queue.delete operations with "
        f"{flag.replace('_', '-')} flag set are not supported by quorum queues"
    )
    with channel.connection.refused(540, text, "queue.delete"):
        channel.delete_queue(queue, **{flag: True})


@pytest.mark.proves("quorum.refusals", "error.basic.consume.global-quorum")
def test_a_global_prefetch_is_not_implemented(channel: Channel, queue: str) -> None:
    channel.qos(1, globally=True)
    with channel.connection.refused(
        540, f"NOT_IMPLEMENTED - queue '{queue}' in vhost '/' does not support global qos", "basic.consume"
    ):
        channel.consume(queue)


@pytest.mark.proves("quorum.refusals", "error.basic.get.single-active")
def test_get_is_refused_with_a_single_active_consumer(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-single-active-consumer": True})
    text = (
        f"RESOURCE_LOCKED - cannot obtain access to locked queue '{queue}' in vhost '/'. basic.get operations are not "
        "supported by quorum queues with single active consumer"
    )
    with channel.refused(405, text, "basic.get"):
        channel.get(queue)


@pytest.mark.proves("quorum.requeue")
@pytest.mark.versions(
    before="4.0", otherwise="with a delivery limit, the default since 4.0, returned messages come first"
)
def test_without_a_delivery_limit_a_returned_message_goes_to_the_tail(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"1", b"2", b"3")
    channel.reject(channel.must_get(queue)["delivery_tag"])
    assert [channel.must_get(queue).body for _ in range(3)] == [b"2", b"3", b"1"]


@pytest.mark.proves("quorum.requeue")
def test_with_a_delivery_limit_a_returned_message_comes_first(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-delivery-limit": 5})
    _fill(channel, queue, b"1", b"2", b"3")
    channel.reject(channel.must_get(queue)["delivery_tag"])
    assert [channel.must_get(queue).body for _ in range(3)] == [b"1", b"2", b"3"]


@pytest.mark.proves("quorum.delivery-count")
@pytest.mark.versions(before="4.0", otherwise="later basic.get shows no count at first either")
def test_a_delivery_count_is_shown(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"x")
    first = channel.must_get(queue)
    assert (first.message.headers, first["redelivered"]) == ({"x-delivery-count": 0}, False)
    channel.reject(first["delivery_tag"])
    channel.consume(queue)
    second = channel.expect("basic.deliver")
    assert (second.message.headers, second["redelivered"]) == ({"x-delivery-count": 1}, True)


@pytest.mark.proves("quorum.delivery-count")
def test_a_consumer_sees_no_count_at_first(channel: Channel, queue: str) -> None:
    channel.consume(queue)
    channel.publish("", queue, b"x")
    assert channel.expect("basic.deliver").message.raw_properties == b"\0\0"


@pytest.mark.proves("basic.deliver.01", "dead-letter.delivery-limit")
def test_over_the_delivery_limit_a_message_is_dead_lettered(channel: Channel, names: Names) -> None:
    dead = names("dead")
    channel.declare_queue(dead)
    queue = _declare(
        channel, names, {"x-delivery-limit": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    )
    channel.consume(dead, "dead", no_ack=True)
    channel.consume(queue, "source")
    channel.publish("", queue, b"x")
    for _ in range(2):
        delivery = channel.expect("basic.deliver")
        assert delivery["consumer_tag"] == "source"
        channel.reject(delivery["delivery_tag"])
    letter = channel.expect("basic.deliver")
    assert letter["consumer_tag"] == "dead"
    deaths = letter.message.headers["x-death"]
    assert deaths[0]["reason"] == "delivery_limit"


@pytest.mark.proves("quorum.refusals")
def test_exclusive_consumers_are_not_exclusive(channel: Channel, queue: str) -> None:
    channel.consume(queue, exclusive=True)
    channel.consume(queue)
