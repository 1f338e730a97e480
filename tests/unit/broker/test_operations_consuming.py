"""What basic.consume and basic.get ask of a queue."""

from __future__ import annotations

import pytest

from amqpd.broker.operations.consuming import check_consume, readable_queue
from amqpd.broker.queue_types.port import Request
from amqpd.errors import AccessRefused, NotFound, PreconditionFailed, ResourceLocked
from amqpd.fields import EMPTY, Field, Table, boolean, double, from_python, long, longstr, signedint
from tests.unit.broker.world import RecordingConsumer, World


def check(world: World, *, exclusive: bool = False, windowed: bool = False, arguments: Table = EMPTY) -> int:
    queue = world.vhost.queues["q"]
    return check_consume(
        world.broker,
        world.session(),
        queue,
        Request(exclusive=exclusive, windowed=windowed, arguments=arguments),
    )


def test_read_permission_comes_before_existence_and_that_before_the_lock(world: World) -> None:
    world.queue(owner=world.session())
    with pytest.raises(AccessRefused) as refused:
        readable_queue(world.session("u", grant=(".*", ".*", "")), "nope")
    assert refused.value.text == "read access to queue 'nope' in vhost '/' refused for user 'u'"
    session = world.session("v")
    with pytest.raises(NotFound) as missing:
        readable_queue(session, "nope")
    assert missing.value.text == "no queue 'nope' in vhost '/'"
    with pytest.raises(ResourceLocked) as locked:
        readable_queue(session, "q")
    assert locked.value.text.startswith("cannot obtain exclusive access to locked queue 'q' in vhost '/'. ")


@pytest.mark.parametrize(
    ("value", "priority"), [(signedint(10), 10), (long(-5), -5), (Field("b", 3, b"b\x03"), 3), (signedint(0), 0)]
)
def test_a_priority_is_an_integer_of_any_width(world: World, value: Field, priority: int) -> None:
    world.queue()
    assert check(world, arguments=Table.of({"x-priority": value})) == priority


@pytest.mark.parametrize(
    ("value", "type_name"), [(longstr("1"), "longstr"), (boolean(True), "bool"), (double(1.0), "double")]
)
def test_any_other_priority_is_refused(world: World, value: Field, type_name: str) -> None:
    world.queue()
    with pytest.raises(PreconditionFailed) as refused:
        check(world, arguments=Table.of({"x-priority": value}))
    assert refused.value.text == (
        f"invalid arg 'x-priority' for queue 'q' in vhost '/': \"expected integer, got {type_name}\""
    )


def test_without_a_priority_it_is_zero_and_other_arguments_do_not_matter(world: World) -> None:
    world.queue()
    assert check(world, arguments=from_python({"x-foo": "bar"})) == 0


def test_arguments_of_streams_are_refused(world: World) -> None:
    world.queue()
    with pytest.raises(PreconditionFailed) as refused:
        check(world, arguments=from_python({"x-stream-offset": "first"}))
    text = "invalid arg 'x-stream-offset' for queue 'q' in vhost '/' of queue type rabbit_classic_queue"
    assert refused.value.text == text


def test_an_exclusive_consumer_is_alone(world: World) -> None:
    queue = world.queue()
    check(world, exclusive=True)
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    assert check(world) == 0
    in_use = "queue 'q' in vhost '/' in exclusive use"
    with pytest.raises(AccessRefused) as refused:
        check(world, exclusive=True)
    assert refused.value.text == in_use
    queue.remove_consumer(consumer)
    queue.add_consumer(RecordingConsumer(queue, exclusive=True))
    for exclusive in (True, False):
        with pytest.raises(AccessRefused) as refused:
            check(world, exclusive=exclusive)
        assert refused.value.text == in_use


def test_a_queue_with_a_single_active_consumer_takes_no_exclusive_one(world: World) -> None:
    world.queue(arguments={"x-single-active-consumer": True})
    with pytest.raises(AccessRefused) as refused:
        check(world, exclusive=True)
    assert refused.value.text == "queue 'q' in vhost '/' in exclusive use"
    check(world)


def test_arguments_are_looked_at_before_exclusive_use(world: World) -> None:
    queue = world.queue()
    queue.add_consumer(RecordingConsumer(queue, exclusive=True))
    with pytest.raises(PreconditionFailed):
        check(world, arguments=from_python({"x-priority": "high"}))
