"""A paused queue hands out nothing, and everything else about it goes on."""

from __future__ import annotations

import pytest

from amqpd.broker.operations import operator
from amqpd.broker.queue import ACCEPTED, REJECTED
from amqpd.errors import NotFound
from tests.unit.broker.world import RecordingConsumer, World, configure, expiring, message, numbered, publish

TYPES = ("classic", "quorum")


def pause(world: World, name: str = "q") -> object:
    return operator.pause(world.broker, world.vhost, name)


def resume(world: World, name: str = "q") -> object:
    return operator.resume(world.broker, world.vhost, name)


def consuming(world: World, **arguments: object) -> RecordingConsumer:
    """The one consumer of the queue `q`."""
    queue = world.queue(arguments={name.replace("_", "-"): value for name, value in arguments.items()})
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    return consumer


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("single", [False, True])
def test_a_paused_queue_keeps_what_is_published_until_it_is_resumed(world: World, type_: str, single: bool) -> None:
    consumer = consuming(world, x_queue_type=type_, x_single_active_consumer=single)
    assert pause(world) is True
    publish(consumer.queue, b"a", b"b")
    world.drain()
    assert (consumer.bodies, consumer.queue.message_count, consumer.queue.paused) == ([], 2, True)
    assert resume(world) is True
    assert (consumer.bodies, consumer.queue.message_count, consumer.queue.paused) == ([b"a", b"b"], 0, False)
    publish(consumer.queue, b"c")
    assert consumer.bodies == [b"a", b"b", b"c"]


def test_a_paused_stream_lets_its_readers_stand_where_they_are(world: World) -> None:
    consumer = consuming(world, x_queue_type="stream")
    publish(consumer.queue, b"a")
    world.drain()
    pause(world)
    publish(consumer.queue, b"b", b"c")
    world.drain()
    assert (consumer.bodies, consumer.queue.message_count) == ([b"a"], 3)
    resume(world)
    world.drain()
    assert consumer.bodies == [b"a", b"b", b"c"]


def test_pausing_a_paused_queue_and_resuming_another_change_nothing(world: World) -> None:
    world.queue()
    assert resume(world) is False
    pause(world)
    assert pause(world) is False


@pytest.mark.parametrize("type_", TYPES)
def test_a_get_from_a_paused_queue_finds_it_empty(world: World, type_: str) -> None:
    queue = world.queue(arguments={"x-queue-type": type_})
    publish(queue, b"a")
    pause(world)
    assert queue.get() is None
    resume(world)
    found = queue.get()
    assert found is not None
    assert (found.body, found.redelivered) == (b"a", False)


def test_consumers_that_come_go_and_block_meanwhile_are_as_they_would_be(world: World) -> None:
    queue = world.queue()
    pause(world)
    first, second, third = (RecordingConsumer(queue, tag, priority=tag == "a") for tag in "abc")
    for each in (second, third, first):
        queue.add_consumer(each)
        queue.resume()
    queue.remove_consumer(first)
    second.block()
    publish(queue, *numbered(2))
    second.refresh()
    resume(world)
    assert (first.bodies, second.bodies, third.bodies) == ([], [b"0"], [b"1"])


def test_what_was_out_may_be_given_back_and_waits_at_its_place(world: World) -> None:
    consumer = consuming(world)
    publish(consumer.queue, b"a")
    pause(world)
    publish(consumer.queue, b"b")
    consumer.requeue(*consumer.unsettled)
    assert [each.body for each in consumer.queue.browse(9)] == [b"a", b"b"]
    resume(world)
    assert consumer.bodies == [b"a", b"a", b"b"]


def test_a_handing_out_that_is_under_way_stops(world: World) -> None:
    consumer = consuming(world)
    consumer.block()
    publish(consumer.queue, *numbered(1000))
    consumer.refresh()
    pause(world)
    got = len(consumer.bodies)
    world.drain()
    assert 0 < len(consumer.bodies) == got < 1000
    resume(world)
    world.drain()
    assert consumer.bodies == numbered(1000)


def test_messages_expire_in_a_paused_queue(world: World) -> None:
    consumer = consuming(world)
    pause(world)
    for each in (expiring(0), expiring(1000), message(b"stays")):
        consumer.queue.publish(each)
    assert consumer.queue.message_count == 2
    world.advance(1)
    resume(world)
    assert consumer.bodies == [b"stays"]


def test_the_limits_of_a_paused_queue_apply(world: World) -> None:
    consumer = consuming(world, x_max_length=1)
    pause(world)
    publish(consumer.queue, b"a", b"b")
    assert [each.body for each in consumer.queue.browse(9)] == [b"b"]
    configure(consumer.queue, overflow="reject-publish")
    assert consumer.queue.publish(message()) == REJECTED
    resume(world)
    assert consumer.queue.publish(message()) == ACCEPTED


def test_a_paused_queue_that_nobody_uses_expires(world: World) -> None:
    world.queue(arguments={"x-expires": 1000})
    pause(world)
    world.advance(1)
    assert world.vhost.queues == {}


@pytest.mark.parametrize("operation", [pause, resume])
def test_a_queue_that_is_not_there_is_named(world: World, operation: object) -> None:
    assert callable(operation)
    with pytest.raises(NotFound, match="no queue 'q' in vhost '/'"):
        operation(world)
