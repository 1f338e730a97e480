"""Priority queues against a sorted list."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amqpd.broker.message import Message
from amqpd.broker.packed_run import RUN
from amqpd.properties import Properties
from tests.unit.broker.world import RecordingConsumer, World, message

MAXIMUM = 5
BY_PRIORITY = [Properties.of(priority=priority) for priority in range(8)]


@pytest.mark.parametrize(("maximum", "order"), [(10, [b"11", b"5", b"1", b"none"]), (0, [b"none", b"1", b"5", b"11"])])
def test_the_highest_priority_comes_first_and_none_is_zero(world: World, maximum: int, order: list[bytes]) -> None:
    queue = world.queue(arguments={"x-max-priority": maximum})
    queue.publish(message(b"none"))
    for priority in (1, 5, 11):
        queue.publish(message(b"%d" % priority, properties=Properties.of(priority=priority)))
    assert [each.body for each in (queue.get() for _ in range(4)) if each is not None] == order


def test_a_priority_above_the_maximum_counts_as_the_maximum(world: World) -> None:
    queue = world.queue(arguments={"x-max-priority": 2})
    for body, priority in ((b"a", 2), (b"b", 200), (b"c", 2)):
        queue.publish(message(body, properties=Properties.of(priority=priority)))
    assert [each.body for each in queue.browse(9)] == [b"a", b"b", b"c"]


def test_only_what_would_be_taken_next_expires(world: World) -> None:
    """RabbitMQ says so of priorities: a lower one may be stuck behind a higher one that doesn't expire."""
    queue = world.queue(arguments={"x-max-priority": 5})
    for body, priority, life in ((b"high", 5, None), (b"low", 1, "1000"), (b"behind", 1, None)):
        queue.publish(message(body, properties=Properties.of(priority=priority, expiration=life)))
    world.advance(1)
    assert [each.body for each in queue.browse(9)] == [b"high", b"low", b"behind"]
    assert queue.get() is not None
    assert [each.body for each in queue.browse(9)] == [b"behind"]


def test_a_dropped_head_lets_the_next_one_expire_in_time(world: World) -> None:
    queue = world.queue(arguments={"x-max-length": 2})
    for body, life in ((b"long", "9000"), (b"short", "1000"), (b"new", None)):
        queue.publish(message(body, properties=Properties.of(expiration=life)))
    world.advance(1)
    assert [each.body for each in queue.browse(9)] == [b"new"]


def test_a_consumer_gets_a_returned_message_before_newer_ones_of_its_priority(world: World) -> None:
    queue = world.queue(arguments={"x-max-priority": 5})
    for body, priority in ((b"low", 0), (b"high1", 5), (b"high2", 5)):
        queue.publish(message(body, properties=Properties.of(priority=priority)))
    first = queue.get()
    assert first is not None
    queue.put_back_all([first])
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    queue.resume()
    assert consumer.bodies == [b"high1", b"high2", b"low"]


class PriorityQueueAgainstList(RuleBasedStateMachine):
    """The head is always the oldest of the highest priority."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.queue = self.world.queue(arguments={"x-max-priority": MAXIMUM})
        self.ready: list[tuple[int, int]] = []
        self.taken: list[tuple[tuple[int, int], Message]] = []
        self.published = 0

    @rule(priority=st.integers(0, 7), count=st.sampled_from([1, 2, RUN + 5]))
    def publish(self, priority: int, count: int) -> None:
        for _ in range(count):
            self.published += 1
            self.queue.publish(message(b"%d" % self.published, properties=BY_PRIORITY[priority]))
            self.ready.append((-min(priority, MAXIMUM), self.published))

    @precondition(lambda self: self.ready)
    @rule(count=st.sampled_from([1, 3, RUN]))
    def get(self, count: int) -> None:
        for expected in sorted(self.ready)[:count]:
            got = self.queue.get()
            assert got is not None
            assert got.body == b"%d" % expected[1]
            self.ready.remove(expected)
            self.taken.append((expected, got))

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def requeue(self, data: st.DataObject) -> None:
        place, back = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        self.queue.put_back_all([back])
        self.ready.append(place)

    @rule()
    def purge(self) -> None:
        assert self.queue.purge() == len(self.ready)
        self.ready.clear()

    @invariant()
    def the_order_is_that_of_the_list(self) -> None:
        assert self.queue.message_count == len(self.ready)
        expected = [b"%d" % number for _, number in sorted(self.ready)[:20]]
        assert [each.body for each in self.queue.browse(20)] == expected


TestPriorityQueueAgainstList = PriorityQueueAgainstList.TestCase
TestPriorityQueueAgainstList.settings = settings(max_examples=25, stateful_step_count=15)
