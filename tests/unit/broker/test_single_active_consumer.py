"""Single active consumer: one of a queue's consumers gets everything, and who follows it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.queue import SLICE, Queue
from tests.unit.broker.world import RecordingConsumer, World, numbered, publish


@pytest.fixture
def queue(world: World) -> Queue:
    return world.queue(arguments={"x-single-active-consumer": True})


def joined(queue: Queue, tag: str, *, priority: int = 0, window: int = 0, no_ack: bool = False) -> RecordingConsumer:
    """A consumer that has been added and got what it could."""
    consumer = RecordingConsumer(queue, tag, priority=priority, window=window, no_ack=no_ack)
    queue.add_consumer(consumer)
    queue.resume()
    return consumer


def leave(world: World, consumer: RecordingConsumer) -> None:
    """What a cancel does: the consumer keeps what it holds."""
    consumer.block()
    consumer.queue.remove_consumer(consumer)
    world.drain()


def fail(world: World, consumer: RecordingConsumer) -> None:
    """What the end of a channel does: what the consumer holds goes back in the same turn."""
    consumer.block()
    consumer.queue.remove_consumer(consumer)
    held, consumer.unsettled = consumer.unsettled, []
    consumer.queue.put_back_all(held)
    world.drain()


def test_the_first_one_gets_everything(queue: Queue) -> None:
    first, second = joined(queue, "a"), joined(queue, "b")
    publish(queue, *numbered(4))
    assert (first.bodies, second.bodies) == (numbered(4), [])
    assert queue.consumers.active is first
    assert len(queue.consumers) == 2


def test_there_is_none_without_consumers(queue: Queue) -> None:
    assert queue.consumers.active is None
    assert queue.consumers.next_able() is None


@pytest.mark.parametrize("value", [False, None])
def test_a_queue_that_does_not_ask_for_it_has_none(world: World, value: bool | None) -> None:
    queue = world.queue(arguments={} if value is None else {"x-single-active-consumer": value})
    first, second = joined(queue, "a"), joined(queue, "b")
    publish(queue, *numbered(2))
    assert (first.bodies, second.bodies) == ([b"0"], [b"1"])


def test_a_higher_priority_does_not_take_over(queue: Queue) -> None:
    first, second = joined(queue, "a"), joined(queue, "b", priority=10)
    publish(queue, b"x")
    assert (first.bodies, second.bodies) == ([b"x"], [])


def test_a_blocked_one_stays_active(queue: Queue) -> None:
    first, second = joined(queue, "a", window=1), joined(queue, "b")
    publish(queue, *numbered(3))
    assert (first.bodies, second.bodies, queue.message_count) == ([b"0"], [], 2)
    assert queue.consumers.active is first
    first.ack(first.unsettled[0])
    assert (first.bodies, second.bodies) == ([b"0", b"1"], [])


def test_the_oldest_follows(world: World, queue: Queue) -> None:
    consumers = [joined(queue, tag) for tag in "abc"]
    for consumer in consumers:
        publish(queue, consumer.tag.encode())
        leave(world, consumer)
    assert [each.bodies for each in consumers] == [[b"a"], [b"b"], [b"c"]]


def test_the_oldest_of_the_highest_priority_follows(world: World, queue: Queue) -> None:
    consumers = {
        tag: joined(queue, tag, priority=priority) for tag, priority in (("a", 0), ("b", -1), ("c", 5), ("d", 5))
    }
    order = []
    while (active := queue.consumers.active) is not None:
        order.append(active.tag)
        leave(world, consumers[active.tag])
    assert order == ["a", "c", "d", "b"]


def test_one_that_waits_goes_before_a_newcomer(world: World, queue: Queue) -> None:
    """Even while nothing is to be delivered, and whatever the newcomer's priority."""
    first, second = joined(queue, "a"), joined(queue, "b")
    leave(world, first)
    joined(queue, "c", priority=10)
    assert queue.consumers.active is second


def test_one_that_comes_back_is_the_last(world: World, queue: Queue) -> None:
    first, second = joined(queue, "a"), joined(queue, "b")
    leave(world, first)
    joined(queue, "a")
    publish(queue, b"x")
    assert second.bodies == [b"x"]


def test_a_newcomer_to_an_abandoned_queue_is_active(world: World, queue: Queue) -> None:
    leave(world, joined(queue, "a"))
    publish(queue, b"x")
    assert joined(queue, "b").bodies == [b"x"]


def test_the_end_of_one_that_waits_changes_nothing(world: World, queue: Queue) -> None:
    first, second, third = (joined(queue, tag) for tag in "abc")
    leave(world, second)
    publish(queue, b"x")
    assert (first.bodies, third.bodies) == ([b"x"], [])


@pytest.mark.parametrize("backlog", [1, 3 * SLICE])
def test_what_waits_behind_a_full_window_goes_to_the_next(world: World, queue: Queue, backlog: int) -> None:
    first, second = joined(queue, "a", window=1), joined(queue, "b")
    publish(queue, b"held", *numbered(backlog))
    leave(world, first)
    assert (first.bodies, second.bodies) == ([b"held"], numbered(backlog))
    assert (queue.message_count, queue.unacked) == (0, backlog + 1)


@pytest.mark.parametrize("window", [2, SLICE + 10])
def test_what_a_failed_one_held_comes_first_and_in_order(world: World, queue: Queue, window: int) -> None:
    first, second = joined(queue, "a", window=window), joined(queue, "b")
    publish(queue, *numbered(window + 20))
    fail(world, first)
    assert second.bodies == numbered(window + 20)
    assert [each.redelivered for each in second.delivered] == [True] * window + [False] * 20


def test_a_failed_one_that_held_nothing_lets_the_next_begin(world: World, queue: Queue) -> None:
    """As when its connection could not take any more."""
    first, second = joined(queue, "a", no_ack=True), joined(queue, "b")
    first.block()
    publish(queue, *numbered(3))
    fail(world, first)
    assert (first.bodies, second.bodies) == ([], numbered(3))


def test_the_next_one_may_be_blocked_too(world: World, queue: Queue) -> None:
    first, second, third = joined(queue, "a"), joined(queue, "b", window=1), joined(queue, "c")
    second.block()
    leave(world, first)
    publish(queue, b"x")
    assert (second.bodies, third.bodies) == ([], [])
    second.refresh()
    assert second.bodies == [b"x"]


def test_deleting_the_queue_cancels_all(world: World, queue: Queue) -> None:
    consumers = [joined(queue, tag) for tag in "abc"]
    world.vhost.delete_queue(queue)
    assert [each.was_cancelled for each in consumers] == [True] * 3
    assert queue.consumers.active is None


@given(st.lists(st.tuples(st.sampled_from(["join", "leave", "publish"]), st.integers(0, 5)), max_size=40))
def test_the_active_one_changes_only_when_it_leaves(steps: list[tuple[str, int]]) -> None:
    """Then the oldest of the highest priority is next, and no message waits for anybody."""
    world = World()
    queue = world.queue(arguments={"x-single-active-consumer": True})
    members: list[RecordingConsumer] = []
    active: RecordingConsumer | None = None
    for number, (step, choice) in enumerate(steps):
        if step == "join":
            members.append(joined(queue, str(number), priority=choice % 3))
            active = active or members[-1]
        elif step == "publish":
            publish(queue, str(number).encode())
            assert active is None or active.bodies[-1] == str(number).encode()
        elif members:
            going = members.pop(choice % len(members))
            leave(world, going)
            if going is active:
                active = max(members, key=lambda each: each.priority, default=None)
        assert queue.consumers.active is active
        assert active is None or not queue.message_count
