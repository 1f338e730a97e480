"""Deliveries with and without acknowledgement, their order, and what is settled while content is on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names

LARGE = bytes(5_000_000)
"""More than the buffers between two sockets, of which one is not read."""


@pytest.mark.proves("basic.10", "basic.consume.no-ack", "domain.redelivered.implementation")
def test_what_is_not_acknowledged_comes_back(connect: Connect, names: Names) -> None:
    one, two, queue = connect().channel(), connect().channel(), names("q")
    two.declare_queue(queue)
    two.fill(queue, b"a", b"b", b"c", b"d")
    one.consume(queue)
    assert one.bodies(4) == [b"a", b"b", b"c", b"d"]
    one.ack(2, multiple=True)
    one.connection.close()
    two.consume(queue)
    again = two.deliveries(2)
    assert [(delivery.body, delivery["redelivered"]) for delivery in again] == [(b"c", True), (b"d", True)]


@pytest.mark.proves("basic.09", "basic.consume.no-ack", "basic.get.no-ack")
def test_what_needs_no_acknowledgement_does_not_come_back(connect: Connect, names: Names) -> None:
    one, two, queue = connect().channel(), connect().channel(), names("q")
    two.declare_queue(queue)
    two.fill(queue, b"a", b"b", b"c")
    assert one.must_get(queue, no_ack=True).body == b"a"
    one.consume(queue, no_ack=True)
    assert one.bodies(2) == [b"b", b"c"]
    one.connection.close()
    assert two.counts(queue) == (0, 0)


@pytest.mark.proves("basic.08", "basic.properties.delivery-mode")
@pytest.mark.parametrize("durable", [False, True])
def test_the_delivery_mode_does_not_change_the_order(channel: Channel, names: Names, durable: bool) -> None:
    queue = names("q")
    channel.declare_queue(queue, durable=durable)
    bodies = [b"%d" % number for number in range(40)]
    for number, body in enumerate(bodies):
        channel.publish("", queue, body, {"delivery_mode": 1 + number % 3 % 2})
    channel.fence(queue)
    assert channel.drain(queue) == bodies


@pytest.mark.proves("basic.07", "basic.06", "priority.order")
def test_there_are_ten_levels_of_priority(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue, {"x-max-priority": 9})
    for priority in range(10):
        channel.publish("", queue, b"%d" % priority, {"priority": priority})
    channel.fence(queue)
    assert channel.drain(queue) == [b"%d" % priority for priority in reversed(range(10))]


@pytest.mark.proves("basic.02", "max-length.drop-head")
def test_a_length_limit_drops_persistent_messages_too(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue, {"x-max-length": 1}, durable=True)
    for body in (b"a", b"b"):
        channel.publish("", queue, body, {"delivery_mode": 2})
    channel.fence(queue)
    assert channel.drain(queue) == [b"b"]


@pytest.mark.proves("basic.nack.requeue.01", "basic.reject.requeue.01")
@pytest.mark.parametrize("method", ["basic.nack", "basic.reject"])
def test_the_only_consumer_gets_what_it_returned(channel: Channel, names: Names, method: str) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    channel.consume(queue, "only")
    channel.publish("", queue, b"x")
    channel.send(method, delivery_tag=channel.expect("basic.deliver")["delivery_tag"], requeue=True)
    again = channel.expect("basic.deliver")
    assert (again["consumer_tag"], again["delivery_tag"], again["redelivered"]) == ("only", 2, True)


# -- consumers


@pytest.mark.proves("basic.consume.consumer-tag.02", "basic.cancel.consumer-tag")
def test_a_tag_means_nothing_on_another_channel(connect: Connect, names: Names) -> None:
    connection, queue = connect(), names("q")
    one, two = connection.channel(1), connection.channel(2)
    one.declare_queue(queue)
    one.consume(queue, "t", no_ack=True)
    assert two.cancel("t")["consumer_tag"] == "t"
    assert one.counts(queue) == (0, 1)
    two.consume(queue, "t", no_ack=True)
    one.cancel("t")
    two.publish("", queue, b"x")
    assert two.bodies(1) == [b"x"]
    assert one.quiet() == []


@pytest.mark.proves("basic.cancel.01")
def test_a_consumer_may_be_cancelled_after_its_queue_was_deleted(connect: Connect, names: Names) -> None:
    one, two, queue = connect().channel(), connect().channel(), names("q")
    one.declare_queue(queue)
    one.consume(queue, "t")
    two.delete_queue(queue)
    one.send("basic.cancel", consumer_tag="t")
    assert one.connection.wait_for(1, "basic.cancel-ok")["consumer_tag"] == "t"


@pytest.mark.proves("consumer-cancel-notify.not-own")
def test_who_cancels_is_told_by_cancel_ok_alone(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    channel.cancel(channel.consume(queue))
    channel.delete_queue(queue)
    assert channel.quiet() == []
    channel.declare_queue(queue)
    channel.consume(queue)
    channel.send("channel.close", reply_code=200)
    assert channel.next().name == "channel.close-ok"


# -- while content is being sent


@pytest.mark.parametrize(
    "method",
    [
        pytest.param("basic.reject", marks=pytest.mark.proves("basic.reject.01")),
        pytest.param("basic.nack", marks=pytest.mark.proves("basic.nack.01")),
    ],
)
def test_a_delivery_is_refused_while_the_next_one_is_being_sent(connect: Connect, names: Names, method: str) -> None:
    """Nobody reads the large message, so it is still on its way when the refusal takes effect."""
    slow, other, queue, dead = connect().channel(), connect().channel(), names("q"), names("dead")
    other.declare_queue(dead)
    other.consume(dead, no_ack=True)
    other.declare_queue(queue, {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    other.fill(queue, b"small", LARGE)
    slow.consume(queue)
    assert slow.bodies(1) == [b"small"]
    slow.send(method, delivery_tag=1, requeue=False)
    assert other.bodies(1) == [b"small"]
    assert slow.expect("basic.deliver").body == LARGE


@pytest.mark.slow
@pytest.mark.proves("frame.both-ways")
def test_large_messages_may_cross(connect: Connect, names: Names) -> None:
    """A client that sends a whole message before it reads again is read while the broker sends to it."""
    channel, one, other = connect().channel(), names("q"), names("r")
    large = bytes(15_000_000)
    channel.declare_queue(one)
    channel.declare_queue(other)
    channel.fill(one, large)
    channel.consume(one)
    channel.publish("", other, large)
    assert channel.expect("basic.deliver").body == large
    channel.fence(other)
    assert channel.counts(other) == (1, 0)
