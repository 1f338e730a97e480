"""Length limits: dropping the head, or refusing the newest."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.queue import ACCEPTED, REJECTED, Queue
from amqpd.properties import Properties
from tests.unit.broker.world import RecordingConsumer, World, expiring, message, publish


def waiting(queue: Queue) -> list[bytes]:
    return [each.body for each in queue.browse(1000)]


def test_the_head_is_dropped_when_there_is_one_too_many(world: World) -> None:
    queue = world.queue(arguments={"x-max-length": 2})
    publish(queue, b"a", b"b", b"c", b"d")
    assert waiting(queue) == [b"c", b"d"]


def test_octets_of_bodies_count_and_a_message_over_the_limit_is_itself_dropped(world: World) -> None:
    queue = world.queue(arguments={"x-max-length-bytes": 10})
    publish(queue, b"12345", b"6789", b"0")
    assert waiting(queue) == [b"12345", b"6789", b"0"]
    publish(queue, b"x")
    assert waiting(queue) == [b"6789", b"0", b"x"]
    publish(queue, b"far too long")
    assert waiting(queue) == []


def test_unacked_messages_do_not_count(world: World) -> None:
    queue = world.queue(arguments={"x-max-length": 1, "x-max-length-bytes": 1})
    publish(queue, b"a")
    assert queue.get() is not None
    publish(queue, b"b")
    assert waiting(queue) == [b"b"]


@pytest.mark.parametrize("mode", ["reject-publish", "reject-publish-dlx"])
def test_a_full_queue_refuses_new_messages_and_takes_old_ones_back(world: World, mode: str) -> None:
    queue = world.queue(arguments={"x-max-length": 1, "x-overflow": mode})
    assert queue.publish(message(b"a")) == ACCEPTED
    got = queue.get()
    assert got is not None
    assert queue.publish(message(b"b")) == ACCEPTED
    queue.put_back_all([got])
    assert queue.publish(message(b"c")) == REJECTED
    assert waiting(queue) == [b"a", b"b"]


def test_what_comes_back_together_is_dropped_for_the_length_before_it_expires(world: World) -> None:
    queue = world.queue(arguments={"x-max-length": 1})
    deaths: list[tuple[bytes, str]] = []
    queue.settings = evolve(queue.settings, dead_letter_exchange="")
    queue.on_death = lambda _queue, dead, reason, _attempt: deaths.append((dead.body, reason))
    held = []
    for each in (expiring(1000, b"short"), message(b"long")):
        queue.publish(each)
        held.append(queue.get())
    world.advance(2)
    queue.put_back_all([each for each in held if each])
    assert deaths == [(b"short", "maxlen")]
    assert waiting(queue) == [b"long"]


def test_refusing_comes_before_delivery_and_dropping_after(world: World) -> None:
    """With a limit of 0 and a consumer that waits."""
    refusing = world.queue("refusing", {"x-max-length": 0, "x-overflow": "reject-publish"})
    dropping = world.queue("dropping", {"x-max-length": 0})
    for queue, taken, answer in ((refusing, [], REJECTED), (dropping, [b"a"], ACCEPTED)):
        consumer = RecordingConsumer(queue, window=1)
        queue.add_consumer(consumer)
        assert queue.publish(message(b"a")) == answer
        assert consumer.bodies == taken
        assert queue.publish(message(b"b")) == answer
        assert queue.message_count == 0


def test_with_priorities_the_highest_is_dropped_first(world: World) -> None:
    """It is the head: the message that would be delivered next."""
    queue = world.queue(arguments={"x-max-length": 2, "x-max-priority": 10})
    for body, priority in ((b"lo1", 0), (b"hi1", 9), (b"hi2", 9), (b"lo2", 0)):
        queue.publish(message(body, properties=Properties.of(priority=priority)))
    assert waiting(queue) == [b"lo1", b"lo2"]


@given(
    st.lists(st.tuples(st.sampled_from(["publish", "get", "requeue", "settle"]), st.integers(0, 6)), max_size=40),
    st.integers(0, 4),
    st.integers(0, 12),
)
def test_a_queue_never_holds_more_than_its_limits(
    steps: list[tuple[str, int]], max_length: int, max_octets: int
) -> None:
    world = World()
    queue = world.queue(arguments={"x-max-length": max_length, "x-max-length-bytes": max_octets})
    held = []
    for step, size in steps:
        if step == "publish":
            queue.publish(message(b"x" * size))
        elif step == "get":
            got = queue.get()
            held += [] if got is None else [got]
        elif held:
            taken = held.pop(size % len(held))
            if step == "settle":
                queue.settle(taken)
            else:
                queue.put_back_all([taken])
        bodies = waiting(queue)
        assert len(bodies) == queue.message_count <= max_length
        assert sum(map(len, bodies)) <= max_octets
        assert queue.unacked == len(held)
    for each in held:
        queue.settle(each)
    queue.purge()
    world.drain()
    assert world.octets == 0
