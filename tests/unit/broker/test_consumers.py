"""Who gets the next message: rotation, priorities, and what a blocked consumer costs."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.consumers import Consumers
from tests.forms import interpreted
from tests.unit.broker.world import RecordingConsumer, World, numbered, publish


def chosen(consumers: Consumers, count: int) -> list[str]:
    names = []
    for _ in range(count):
        consumer = consumers.next_able()
        names.append("-" if consumer is None else consumer.tag)
    return names


def joined(world: World, **priorities: int) -> tuple[Consumers, dict[str, RecordingConsumer]]:
    """Consumers by tag, in the order given, with these priorities."""
    queue = world.queue()
    consumers = Consumers()
    members = {tag: RecordingConsumer(queue, tag, priority=priority) for tag, priority in priorities.items()}
    for member in members.values():
        consumers.add(member)
    return consumers, members


def test_nobody_is_chosen_from_none(world: World) -> None:
    assert joined(world)[0].next_able() is None


def test_consumers_of_equal_priority_take_turns(world: World) -> None:
    consumers, _ = joined(world, a=0, b=0, c=0)
    assert chosen(consumers, 7) == ["a", "b", "c", "a", "b", "c", "a"]


def test_two_consumers_alternate_strictly_on_a_queue(world: World) -> None:
    queue = world.queue()
    first, second = RecordingConsumer(queue, "a"), RecordingConsumer(queue, "b")
    queue.add_consumer(first)
    queue.add_consumer(second)
    publish(queue, *numbered(4))
    assert (first.bodies, second.bodies) == ([b"0", b"2"], [b"1", b"3"])


def test_the_highest_priority_gets_everything_while_it_can(world: World) -> None:
    consumers, members = joined(world, low=-5, middle=0, high=10)
    assert chosen(consumers, 3) == ["high"] * 3
    members["high"].block()
    assert chosen(consumers, 2) == ["middle"] * 2
    members["middle"].block()
    assert chosen(consumers, 2) == ["low"] * 2


def test_a_consumer_of_higher_priority_that_arrives_later_gets_the_next_message(world: World) -> None:
    queue = world.queue()
    low, high = RecordingConsumer(queue, "low"), RecordingConsumer(queue, "high", priority=1)
    queue.add_consumer(low)
    publish(queue, b"0")
    queue.add_consumer(high)
    publish(queue, b"1", b"2")
    assert (low.bodies, high.bodies) == ([b"0"], [b"1", b"2"])


def test_a_consumer_of_higher_priority_that_unblocks_gets_the_next_message(world: World) -> None:
    queue = world.queue()
    low, high = RecordingConsumer(queue, "low"), RecordingConsumer(queue, "high", priority=1, window=1)
    queue.add_consumer(low)
    queue.add_consumer(high)
    publish(queue, b"0", b"1")
    high.ack(high.unsettled[0])
    publish(queue, b"2")
    assert (low.bodies, high.bodies) == ([b"1"], [b"0", b"2"])


def test_one_that_can_take_messages_again_joins_at_the_end(world: World) -> None:
    consumers, members = joined(world, a=0, b=0, c=0)
    members["a"].block()
    assert chosen(consumers, 3) == ["b", "c", "b"]
    members["a"].able = True
    consumers.rejoin(members["a"])
    assert chosen(consumers, 3) == ["c", "b", "a"]


def test_rejoining_twice_gives_no_second_turn(world: World) -> None:
    consumers, members = joined(world, a=0, b=0)
    consumers.rejoin(members["a"])
    assert chosen(consumers, 4) == ["a", "b", "a", "b"]


def test_a_consumer_that_left_is_not_chosen_even_if_its_window_opens_later(world: World) -> None:
    """Acks for its deliveries may come long after basic.cancel."""
    consumers, members = joined(world, a=0, b=0)
    consumers.remove(members["a"])
    consumers.rejoin(members["a"])
    assert chosen(consumers, 2) == ["b", "b"]
    assert consumers.members() == [members["b"]]


def test_removing_a_stranger_is_harmless(world: World) -> None:
    consumers, members = joined(world, a=0)
    consumers.remove(RecordingConsumer(members["a"].queue, "stranger"))
    assert chosen(consumers, 1) == ["a"]


def test_members_come_in_the_order_of_their_arrival(world: World) -> None:
    consumers, members = joined(world, a=0, b=7, c=-1)
    assert consumers.members() == list(members.values())


class CountedConsumer(RecordingConsumer):
    """Counts how often it is asked whether it is able."""

    __slots__ = ("asked",)

    def __init__(self, world: World, tag: str) -> None:
        self.asked = 0
        super().__init__(world.vhost.queues["q"], tag)

    @property
    def able(self) -> bool:
        self.asked += 1
        return False

    @able.setter
    def able(self, value: bool) -> None:
        """The port sets it; this one is never able."""


@interpreted
def test_blocked_consumers_are_asked_once_and_cost_nothing_afterwards(world: World) -> None:
    world.queue()
    consumers = Consumers()
    blocked = [CountedConsumer(world, str(number)) for number in range(500)]
    for each in blocked:
        consumers.add(each)
    consumers.add(RecordingConsumer(world.vhost.queues["q"], "free"))
    assert chosen(consumers, 1000) == ["free"] * 1000
    assert {each.asked for each in blocked} == {1}


@given(
    st.lists(st.tuples(st.integers(-1, 1), st.booleans()), min_size=1, max_size=8),
    st.integers(1, 40),
)
def test_the_choice_is_always_fair_among_the_able_of_the_highest_priority(
    made: list[tuple[int, bool]], rounds: int
) -> None:
    world = World()
    queue = world.queue()
    consumers = Consumers()
    for number, (priority, able) in enumerate(made):
        consumer = RecordingConsumer(queue, str(number), priority=priority)
        consumer.able = able
        consumers.add(consumer)
    able_ones = [str(number) for number, (_, able) in enumerate(made) if able]
    best = max((made[int(tag)][0] for tag in able_ones), default=0)
    candidates = [tag for tag in able_ones if made[int(tag)][0] == best]
    counts = Counter(chosen(consumers, rounds))
    assert set(counts) <= set(candidates or ["-"])
    turns = [counts[tag] for tag in candidates]
    assert not turns or max(turns) - min(turns) <= 1
