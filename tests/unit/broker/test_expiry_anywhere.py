"""Expiry anywhere in the queue: each message at its deadline, however it waits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amqpd.broker.compat import PROFILES
from amqpd.broker.expiry_anywhere import SPARE
from amqpd.broker.message import Message
from amqpd.broker.packed_run import RUN
from amqpd.broker.queue import Queue
from amqpd.broker.returns import RETURNED
from amqpd.properties import Properties
from tests.unit.broker.world import RecordingConsumer, World, configure, expiring, message, publish

TYPES = ("classic", "quorum")


def declared(world: World, type_: str = "classic", **arguments: Any) -> Queue:
    """A queue whose messages expire anywhere; underscores in the names of arguments stand for hyphens."""
    named: dict[str, Any] = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    return world.queue("q", {"x-queue-type": type_, "x-message-expiry": "anywhere", **named})


def bodies(queue: Queue) -> list[bytes]:
    return [each.body for each in queue.browse(9999)]


def got(queue: Queue) -> Message:
    found = queue.get()
    assert found is not None
    return found


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("type_", TYPES)
def test_a_message_expires_behind_one_that_does_not(profile: str, type_: str) -> None:
    world = World(profile)
    dead = world.queue("dead")
    queue = declared(world, type_, dead_letter_exchange="", dead_letter_routing_key="dead")
    for life, body in ((3000, b"3"), (None, b"for ever"), (1000, b"1"), (2000, b"2")):
        queue.publish(message(body) if life is None else expiring(life, body))
    for left in ([b"3", b"for ever", b"2"], [b"3", b"for ever"], [b"for ever"]):
        world.advance(1)
        assert bodies(queue) == left
    assert bodies(dead) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("arguments", [{}, {"x-message-expiry": "head"}])
@pytest.mark.parametrize("strict", [False, True])
def test_the_head_is_the_default(strict: bool, arguments: dict[str, object]) -> None:
    queue = (world := World(strict=strict)).queue("q", arguments)
    publish(queue, b"for ever")
    queue.publish(expiring(1000))
    world.advance(2)
    assert queue.message_count == 2


def test_strict_does_not_know_it() -> None:
    assert declared(World(strict=True)).settings.message_expiry is None


def test_low_priorities_expire_behind_high_ones(world: World) -> None:
    queue = declared(world, max_priority=5)
    for body, priority, life in ((b"high", 5, None), (b"low", 1, "1000"), (b"behind", 1, None)):
        queue.publish(message(body, properties=Properties.of(priority=priority, expiration=life)))
    world.advance(1)
    assert bodies(queue) == [b"high", b"behind"]


@pytest.mark.parametrize("type_", TYPES)
def test_what_comes_back_late_expires_at_once_and_what_is_held_stays(world: World, type_: str) -> None:
    queue = declared(world, type_)
    publish(queue, b"for ever")
    queue.publish(expiring(1000, b"late"))
    queue.publish(expiring(5000, b"in time"))
    first, late, in_time = got(queue), got(queue), got(queue)
    world.advance(2)
    assert queue.unacked == 3
    for each in (first, late, in_time):
        queue.put_back(each)
    world.advance(0)
    assert bodies(queue) == [b"for ever", b"in time"]
    world.advance(3)
    assert bodies(queue) == [b"for ever"]


def test_a_quorum_queue_without_a_limit_finds_what_went_to_its_tail() -> None:
    world = World("3.10")
    queue = declared(world, "quorum")
    queue.publish(expiring(1000, b"1"))
    publish(queue, b"2")
    queue.put_back(got(queue), RETURNED)
    assert bodies(queue) == [b"2", b"1"]
    world.advance(1)
    assert bodies(queue) == [b"2"]


def test_an_overdue_head_hides_nothing(world: World) -> None:
    """Even before the timer has run."""
    queue = declared(world)
    queue.publish(expiring(1000, b"1"))
    publish(queue, b"2")
    world.clock.advance(2)
    assert got(queue).body == b"2"


def test_a_consumer_that_comes_gets_nothing_that_is_overdue(world: World) -> None:
    queue = declared(world)
    publish(queue, b"1")
    queue.publish(expiring(1000, b"2"))
    publish(queue, b"3")
    world.clock.advance(2)
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    queue.resume()
    assert consumer.bodies == [b"1", b"3"]


def test_expired_messages_make_room(world: World) -> None:
    queue = declared(world, max_length=2, max_length_bytes=100, overflow="reject-publish")
    publish(queue, b"for ever")
    queue.publish(expiring(1000))
    publish(queue, b"refused")
    world.advance(1)
    publish(queue, b"taken")
    assert bodies(queue) == [b"for ever", b"taken"]


@pytest.mark.parametrize("count", [3, 3 * RUN])
def test_a_policy_may_bring_it_and_take_it_away(world: World, count: int) -> None:
    queue = world.queue()
    publish(queue, b"for ever")
    for number in range(count):
        queue.publish(expiring(1000 + number, b"%d" % number))
    configure(queue, message_expiry="anywhere")
    world.drain()
    world.advance(1.001)
    assert queue.message_count == count - 1
    configure(queue, message_expiry=None)
    world.advance(100)
    assert queue.message_count == count - 1
    configure(queue, message_expiry="anywhere")
    world.drain()
    world.advance(0)
    assert queue.message_count == 1


def test_it_is_one_timer_and_it_goes_with_the_queue(world: World) -> None:
    queue = declared(world)
    for number in range(500):
        queue.publish(expiring(1000 + 7 * number))
    assert len(world.broker.timers) == 1
    world.vhost.delete_queue(queue)
    assert len(world.broker.timers) == 0


def test_what_was_delivered_is_forgotten_long_before_its_deadline(world: World) -> None:
    """Entries stay few where messages are taken in time."""
    queue = declared(world)
    publish(queue, b"for ever")
    for _ in range(5):
        for _ in range(SPARE):
            queue.publish(expiring(10**9))
        for _ in range(SPARE):
            queue.settle(got(queue))
    world.drain()
    assert len(world.broker.timers) == 1
    queue.publish(expiring(1000, b"soon"))
    world.advance(1)
    assert queue.message_count == 1


class QueueAgainstDeadlines(RuleBasedStateMachine):
    """Every message that waits is gone at its deadline, and no other."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.queue = declared(self.world)
        self.ready: dict[int, float] = {}
        self.held: dict[int, tuple[Message, float]] = {}
        self.last = 0

    @rule(life=st.sampled_from([None, 1, 5, 20, 60, 400]), count=st.sampled_from([1, 3, RUN]))
    def publish(self, life: int | None, count: int) -> None:
        for _ in range(count):
            self.last += 1
            self.queue.publish(message(b"%d" % self.last) if life is None else expiring(1000 * life, b"%d" % self.last))
            self.ready[self.last] = float("inf") if life is None else self.now + life

    @precondition(lambda self: self.ready)
    @rule(count=st.sampled_from([1, 2, RUN + 5]))
    def get(self, count: int) -> None:
        for number in sorted(self.ready)[:count]:
            found = got(self.queue)
            assert found.body == b"%d" % number
            self.held[number] = (found, self.ready.pop(number))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), back=st.booleans())
    def settle(self, data: st.DataObject, back: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.held)))
        found, deadline = self.held.pop(number)
        if not back:
            self.queue.settle(found)
            return
        self.queue.put_back(found)
        self.ready[number] = deadline

    @rule()
    def purge(self) -> None:
        self.queue.purge()
        self.ready.clear()

    @rule()
    def fill_anew(self) -> None:
        configure(self.queue, message_expiry="head")
        configure(self.queue, message_expiry="anywhere")
        self.world.drain()

    @rule(seconds=st.sampled_from([0, 1, 4, 30]))
    def advance(self, seconds: int) -> None:
        self.world.advance(seconds)

    @property
    def now(self) -> float:
        return self.world.clock.monotonic()

    @invariant()
    def what_is_due_is_gone(self) -> None:
        self.world.advance(0)
        self.ready = {number: deadline for number, deadline in self.ready.items() if deadline > self.now}
        assert [int(each) for each in bodies(self.queue)] == sorted(self.ready)[:9999]
        assert self.queue.message_count == len(self.ready)


TestQueueAgainstDeadlines = QueueAgainstDeadlines.TestCase
TestQueueAgainstDeadlines.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
