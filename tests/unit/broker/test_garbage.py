"""Waiting messages are no load for the garbage collector: it has to visit hardly anything for them."""

from __future__ import annotations

import gc

from amqpd.broker.message import Message
from amqpd.broker.packed_run import RUN
from amqpd.broker.queue import Queue
from amqpd.broker.ready_list import YOUNG
from amqpd.properties import Properties
from tests.unit.broker.world import World

WAITING = 200_000
BODY = b"x" * 100


def publish_many(queue: Queue, count: int, first: int = 0) -> None:
    """Messages with bodies and keys of their own, and properties as they come from the wire."""
    raw = Properties.of(delivery_mode=2, message_id="m").raw
    for number in range(first, first + count):
        queue.publish(Message("", "q", Properties.parse(raw), BODY + b"%06d" % number))


def empty(queue: Queue) -> None:
    while (message := queue.get()) is not None:
        queue.settle(message)


def visited_by_a_full_collection() -> int:
    gc.collect()
    return len(gc.get_objects())


def test_a_collection_visits_few_objects_for_many_waiting_messages(world: World) -> None:
    queue = world.queue()
    before = visited_by_a_full_collection()
    publish_many(queue, WAITING)
    assert queue.message_count == WAITING
    assert visited_by_a_full_collection() - before < WAITING / 20


def test_so_it_is_once_consumers_have_taken_some(world: World) -> None:
    queue = world.queue()
    before = visited_by_a_full_collection()
    publish_many(queue, WAITING // 2)
    for _ in range(1000):
        got = queue.get()
        assert got is not None
        queue.settle(got)
    publish_many(queue, WAITING // 2, WAITING // 2)
    assert visited_by_a_full_collection() - before < WAITING / 20


def test_so_it_is_with_a_ttl(world: World) -> None:
    queue = world.queue(arguments={"x-message-ttl": 3_600_000})
    before = visited_by_a_full_collection()
    publish_many(queue, WAITING)
    assert visited_by_a_full_collection() - before < WAITING / 20


def test_publishing_settling_and_requeueing_leave_no_cycles(world: World) -> None:
    """What is done with is freed at once, without the collector."""
    queue = world.queue()
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            publish_many(queue, 2000)
            got = [each for each in (queue.get() for _ in range(2000)) if each is not None]
            queue.put_back_all(got)
            del got
            world.drain()
            empty(queue)
        assert gc.collect() < 50
    finally:
        gc.enable()


def test_no_collection_finds_many_packed_messages_that_it_has_not_seen(world: World) -> None:
    queue = world.queue()
    gc.collect()
    before = gc.get_threshold()
    gc.set_threshold(0)  # none comes by itself
    try:
        most = 0
        for first in range(0, 40 * RUN, RUN):
            publish_many(queue, RUN, first)
            tuples = [each for each in gc.get_objects() if type(each) is tuple and len(each) == RUN]
            most = max(most, len(tuples))
    finally:
        gc.set_threshold(*before)
    assert 0 < most <= 2 * YOUNG  # the bodies and the properties of each run
