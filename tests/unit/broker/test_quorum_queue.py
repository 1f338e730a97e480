"""Quorum queues: what comes back goes where, what failures count, and what the profiles change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.compat import PROFILES, Compat
from amqpd.broker.message import Message
from amqpd.broker.packed_run import RUN
from amqpd.broker.queue import ACCEPTED, REJECTED, SLICE, Queue
from amqpd.broker.queue_types.quorum import Quorum
from amqpd.broker.returns import LOST, REFUSED, RETURNED
from amqpd.errors import NotImplementedHere, PreconditionFailed
from amqpd.fields import Field, Table, longstr, signedint
from amqpd.properties import Properties
from tests.unit.broker.world import RecordingConsumer, World, expiring, message, numbered, publish

ALL = tuple(PROFILES)
SINCE_4_0 = ALL[ALL.index("4.0") :]
BEFORE_4_0 = ALL[: ALL.index("4.0")]


def quorum(world: World, name: str = "q", **arguments: object) -> Queue:
    """A quorum queue; underscores in the names of arguments stand for hyphens."""
    named = {key.replace("_", "-"): value for key, value in arguments.items()}
    return world.queue(name, {"x-queue-type": "quorum", **named})


def got(queue: Queue) -> Message:
    """The head, which must be there."""
    found = queue.get()
    assert found is not None
    return found


def drained(queue: Queue) -> list[bytes]:
    """The bodies of all that is ready, in order; nobody settles them."""
    bodies = []
    while (found := queue.get()) is not None:
        bodies.append(found.body)
    return bodies


def headers(found: Message) -> dict[str, object]:
    table = found.properties.headers
    return {} if table is None else dict(table.to_python())


def joined(queue: Queue, tag: str = "c", *, window: int = 0, priority: int = 0) -> RecordingConsumer:
    """A consumer that has been added and got what it could."""
    consumer = RecordingConsumer(queue, tag, window=window, priority=priority)
    queue.add_consumer(consumer)
    queue.resume()
    return consumer


# -- what comes back ---------------------------------------------------------------------------------------------------


def test_without_a_limit_a_requeued_message_goes_to_the_tail_and_a_lost_one_to_the_head() -> None:
    queue = quorum(World("3.10"))
    publish(queue, b"1", b"2", b"3", b"4")
    first, second, third = got(queue), got(queue), got(queue)
    queue.put_back(first, RETURNED)
    queue.put_back(third)
    queue.put_back(second)
    assert drained(queue) == [b"3", b"2", b"4", b"1"]


@pytest.mark.parametrize("profile", SINCE_4_0)
def test_with_the_default_limit_what_comes_back_comes_first(profile: str) -> None:
    queue = quorum(World(profile))
    publish(queue, b"1", b"2", b"3")
    first, second = got(queue), got(queue)
    queue.put_back(second, RETURNED)
    queue.put_back(first, RETURNED)
    assert drained(queue) == [b"2", b"1", b"3"]


def test_many_requeued_messages_are_redelivered_with_their_count_however_they_waited(world: World) -> None:
    queue = quorum(world, x_delivery_limit=-1)
    publish(queue, *numbered(2 * RUN))
    for found in [got(queue) for _ in range(2 * RUN)]:
        queue.put_back(found, RETURNED)
    publish(queue, b"new")
    again = [got(queue) for _ in range(2 * RUN)]
    assert [each.body for each in again] == numbered(2 * RUN)
    assert all(each.redelivered for each in again)
    assert all(headers(each)["x-delivery-count"] == 1 for each in again)
    assert not got(queue).redelivered


def test_very_many_lost_messages_count_as_one_failure_each(world: World) -> None:
    queue = quorum(world)
    publish(queue, *numbered(3 * SLICE), b"last")
    held = [got(queue) for _ in range(3 * SLICE)]
    queue.put_back_all(held)
    assert queue.message_count == 3 * SLICE + 1
    world.drain()
    again = [got(queue) for _ in range(3 * SLICE + 1)]
    assert [each.body for each in again] == [*numbered(3 * SLICE), b"last"]
    assert {str(headers(each)) for each in again[:-1]} == {str(headers(again[0]))}


Step = tuple[str, int]
STEPS = st.lists(st.tuples(st.sampled_from(["publish", "get", "requeue", "lose", "ack", "reject"]), st.integers(0, 9)))


@given(steps=STEPS, limit=st.sampled_from([None, 0, 1, 2]))
def test_a_queue_is_two_lists(steps: list[Step], limit: int | None) -> None:
    """What came back, in that order, and then the others; nothing is left of the account when nothing is left."""
    world = World("3.10")
    queue = quorum(world) if limit is None else quorum(world, x_delivery_limit=limit)
    returned: list[bytes] = []
    waiting: list[bytes] = []
    failures: dict[bytes, int] = {}
    held: list[Message] = []
    for number, (step, at) in enumerate(steps):
        if step == "publish":
            body = b"%d" % number
            waiting.append(body)
            failures[body] = 0
            assert queue.publish(message(body)) == ACCEPTED
        elif step == "get":
            found = queue.get()
            source = returned or waiting
            expected = source.pop(0) if source else None
            assert (None if found is None else found.body) == expected
            if found is not None:
                assert found.redelivered == bool(failures[found.body])
                assert headers(found) == {"x-delivery-count": failures[found.body]}
                held.append(found)
        elif held:
            found = held.pop(at % len(held))
            if step in {"requeue", "lose"}:
                failures[found.body] += 1
                if limit is None or failures[found.body] <= limit:
                    (waiting if step == "requeue" and limit is None else returned).append(found.body)
                queue.put_back(found, RETURNED if step == "requeue" else LOST)
                queue.resume()
            else:
                (queue.settle if step == "ack" else queue.reject)(found)
        assert (queue.message_count, queue.unacked) == (len(returned) + len(waiting), len(held))
        assert queue.consumer_count == len(held)
    for found in held:
        queue.settle(found)
    assert drained(queue) == returned + waiting
    queue.delete()
    world.drain()


def test_nothing_is_left_of_the_account(world: World) -> None:
    queue = quorum(world, x_delivery_limit=1)
    publish(queue, *numbered(4))
    lost, settled, rejected, dying = (got(queue) for _ in range(4))
    queue.put_back(dying)
    queue.put_back(got(queue))
    queue.put_back(lost, RETURNED)
    queue.settle(settled)
    queue.reject(rejected)
    assert queue.purge() == 1
    world.drain()
    assert world.octets == 0


# -- headers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ALL)
def test_what_get_shows_at_first(profile: str) -> None:
    queue = quorum(World(profile))
    publish(queue, b"x")
    assert headers(got(queue)) == ({"x-delivery-count": 0} if profile in BEFORE_4_0 else {})


@pytest.mark.parametrize("profile", ["4.2", "4.3"])
def test_after_4_0_the_acquired_count_is_told_as_well(profile: str) -> None:
    queue = quorum(World(profile))
    publish(queue, b"x")
    queue.put_back(got(queue), REFUSED)
    assert headers(got(queue)) == {"x-delivery-count": 1, "x-acquired-count": 1}


def test_copies_in_other_queues_keep_their_own_count(world: World) -> None:
    queues = (quorum(world, "a"), quorum(world, "b"))
    world.vhost.publish(message(b"x"), queues)
    queues[0].put_back(got(queues[0]), RETURNED)
    assert got(queues[0]).redelivered
    assert not got(queues[1]).redelivered


def dying_into(world: World, type_: str, limit: int) -> tuple[Queue, Queue]:
    """A quorum queue, and one of a type that gets its dead letters."""
    dead = world.queue("dead", {"x-queue-type": type_})
    queue = quorum(world, x_dead_letter_exchange="", x_dead_letter_routing_key="dead", x_delivery_limit=limit)
    return queue, dead


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("type_", ["quorum", "classic"])
def test_since_4_3_a_dead_letter_from_one_to_another_takes_its_count_along(profile: str, type_: str) -> None:
    world = World(profile)
    queue, dead = dying_into(world, type_, 5)
    publish(queue, b"m")
    for _ in range(2):
        queue.put_back(got(queue), REFUSED)
    queue.reject(got(queue))
    found = got(dead)
    carries = profile == "4.3" and type_ == "quorum"
    assert found.redelivered is carries
    assert headers(found).get("x-delivery-count", 0) == (2 if carries else 0)
    dead.put_back(found, REFUSED)
    if type_ == "quorum":
        assert headers(got(dead))["x-delivery-count"] == (3 if carries else 1)


def test_the_failure_that_was_too_many_is_taken_along_too_and_no_count_is_none() -> None:
    world = World("4.3")
    queue, dead = dying_into(world, "quorum", 1)
    publish(queue, b"failed")
    for _ in range(2):
        queue.put_back(got(queue), REFUSED)
    publish(queue, b"fine")
    queue.put_back(got(queue), RETURNED)
    queue.reject(got(queue))
    failed, fine = got(dead), got(dead)
    assert (failed.redelivered, headers(failed)["x-delivery-count"]) == (True, 2)
    assert (fine.redelivered, headers(fine).get("x-delivery-count")) == (False, None)


def test_its_next_dead_letter_has_the_headers_that_were_published_and_the_account_is_even() -> None:
    world = World("4.3")
    queue, dead = dying_into(world, "quorum", 5)
    last = world.queue("last")
    world.vhost.delete_queue(dead)
    dead = quorum(world, "dead", x_dead_letter_exchange="", x_dead_letter_routing_key="last")
    publish(queue, b"m")
    queue.put_back(got(queue), REFUSED)
    queue.reject(got(queue))
    dead.reject(got(dead))
    found = got(last)
    assert (found.redelivered, "x-delivery-count" in headers(found)) == (False, False)
    last.settle(found)
    assert world.octets == 0


def test_a_dead_letter_has_the_headers_that_were_published(world: World) -> None:
    dead = world.queue("dead")
    queue = quorum(world, x_delivery_limit=0, x_dead_letter_exchange="", x_dead_letter_routing_key="dead")
    properties = Properties.of(headers=Table.of({"x-delivery-count": longstr("mine")}), priority=3)
    queue.publish(message(b"x", properties=properties))
    queue.put_back(got(queue))
    letter = got(dead)
    assert headers(letter)["x-delivery-count"] == "mine"
    assert letter.properties.priority == 3
    assert headers(letter)["x-first-death-reason"] == "delivery_limit"


# -- the limit ---------------------------------------------------------------------------------------------------------


def failures_until_death(queue: Queue, attempts: int = 50) -> int | None:
    """How often a message fails before it is gone, or None."""
    publish(queue, b"x")
    for attempt in range(attempts):
        found = queue.get()
        if found is None:
            return attempt
        queue.put_back(found, REFUSED)
    return None


@pytest.mark.parametrize(
    ("profile", "limit", "expected"),
    [
        ("3.10", None, None),
        ("3.13", None, None),
        ("4.0", None, 21),
        ("4.2", None, 21),
        ("4.3", None, 21),
        ("4.3", signedint(3), 4),
        ("3.10", signedint(0), 1),
        ("3.10", signedint(-1), 1),
        ("4.0", signedint(-1), None),
        ("3.10", longstr("5"), None),
        ("3.10", Field("t", True, b"t\x01"), None),
        ("3.10", Field("d", 1.5, b"d\x3f\xf8\0\0\0\0\0\0"), 2),
        ("4.2", Field("V", None, b"V"), 21),
    ],
)
def test_how_often_a_delivery_may_fail(profile: str, limit: Field | None, expected: int | None) -> None:
    world = World(profile)
    arguments = [("x-queue-type", longstr("quorum")), *([] if limit is None else [("x-delivery-limit", limit)])]
    queue = world.vhost.add_queue("q", True, False, None, Table.of(arguments))
    assert failures_until_death(queue) == expected


# -- length and time ---------------------------------------------------------------------------------------------------


def test_publishers_are_refused_between_the_limit_and_four_fifths_of_it(world: World) -> None:
    queue = quorum(world, x_overflow="reject-publish", x_max_length=5)
    assert [queue.publish(message()) for _ in range(8)] == [ACCEPTED] * 6 + [REJECTED] * 2
    queue.settle(got(queue))
    assert queue.publish(message()) == REJECTED
    held = got(queue)
    assert queue.publish(message()) == ACCEPTED
    queue.put_back(held)
    queue.resume()
    assert queue.publish(message()) == REJECTED
    queue.purge()
    assert queue.publish(message()) == ACCEPTED


def test_dropping_waits_for_consumers(world: World) -> None:
    queue = quorum(world, x_max_length=1)
    consumer = joined(queue, window=2)
    publish(queue, b"1", b"2", b"3", b"4")
    first, second = consumer.unsettled
    consumer.unsettled = []
    queue.put_back(first, RETURNED)
    queue.put_back(second, RETURNED)
    consumer.refresh()
    queue.resume()
    assert consumer.bodies == [b"1", b"2", b"1", b"2"]
    assert drained(queue) == [b"4"]


def test_a_returned_message_hides_one_behind_it_that_is_overdue(world: World) -> None:
    queue = quorum(world)
    publish(queue, b"first")
    queue.publish(expiring(1000, b"second"))
    queue.put_back(got(queue), RETURNED)
    world.advance(2)
    assert queue.message_count == 2
    assert drained(queue) == [b"first"]


def test_message_priorities_do_not_matter() -> None:
    queue = quorum(World("3.10"))
    for priority in (0, 9):
        queue.publish(message(b"%d" % priority, properties=Properties.of(priority=priority)))
    assert drained(queue) == [b"0", b"9"]


def test_a_redeclare_is_no_use_and_an_unsettled_get_is(world: World) -> None:
    queue = quorum(world, x_expires=1000)
    world.advance(0.9)
    queue.redeclared()
    world.advance(0.2)
    assert queue.deleted
    queue = quorum(world, x_expires=1000)
    publish(queue, b"x")
    held = got(queue)
    world.advance(5)
    assert not queue.deleted
    queue.settle(held)
    world.advance(1)
    assert queue.deleted


# -- consumers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ALL)
def test_the_next_single_active_consumer(profile: str) -> None:
    queue = quorum(World(profile), x_single_active_consumer=True)
    consumers = [joined(queue, "abc"[each], priority=each) for each in range(3)]
    assert queue.consumers.active is consumers[0]
    queue.remove_consumer(consumers[0])
    assert queue.consumers.active is consumers[1 if profile in BEFORE_4_0 else 2]
    assert queue.consumer_count == 1


@pytest.mark.parametrize("profile", SINCE_4_0)
def test_a_single_active_consumer_gives_way_to_a_higher_priority_once_it_has_settled_everything(profile: str) -> None:
    queue = quorum(World(profile), x_single_active_consumer=True)
    low = joined(queue, "low")
    publish(queue, b"1", b"2")
    joined(queue, "other")
    high = joined(queue, "high", priority=1)
    publish(queue, b"3")
    low.ack(low.unsettled[0])
    assert (low.bodies, high.bodies) == ([b"1", b"2"], [])
    low.ack(low.unsettled[0])
    assert (low.bodies, high.bodies) == ([b"1", b"2"], [b"3"])
    queue.remove_consumer(high)
    queue.put_back(high.unsettled.pop())
    queue.resume()
    assert low.bodies == [b"1", b"2", b"3"]


@pytest.mark.parametrize("profile", BEFORE_4_0)
def test_before_4_0_the_single_active_consumer_stays(profile: str) -> None:
    queue = quorum(World(profile), x_single_active_consumer=True)
    low, high = joined(queue, "low"), joined(queue, "high", priority=1)
    publish(queue, b"1")
    low.ack(low.unsettled[0])
    publish(queue, b"2")
    assert (low.bodies, high.bodies) == ([b"1", b"2"], [])


def test_an_active_consumer_that_holds_nothing_gives_way_at_once(world: World) -> None:
    queue = quorum(world, x_single_active_consumer=True)
    low, high = joined(queue, "low"), joined(queue, "high", priority=1)
    publish(queue, b"1")
    assert (low.bodies, high.bodies) == ([], [b"1"])


def test_of_several_that_wait_the_highest_priority_takes_over(world: World) -> None:
    queue = quorum(world, x_single_active_consumer=True)
    low = joined(queue, "low")
    publish(queue, b"1")
    middle, high, higher = (joined(queue, tag, priority=priority) for tag, priority in (("m", 1), ("h", 2), ("hh", 3)))
    queue.remove_consumer(higher)
    publish(queue, b"2")
    low.ack(low.unsettled[0])
    assert (middle.bodies, high.bodies, higher.bodies) == ([], [b"2"], [])


def test_an_heir_that_leaves_gives_the_queue_back_to_the_active_consumer(world: World) -> None:
    queue = quorum(world, x_single_active_consumer=True)
    low = joined(queue, "low")
    publish(queue, b"1")
    heir = joined(queue, "heir", priority=1)
    publish(queue, b"2")
    assert low.bodies == [b"1"]
    queue.remove_consumer(heir)
    world.drain()
    assert low.bodies == [b"1", b"2"]


def test_consumers_that_are_over_count_while_they_hold_something(world: World) -> None:
    queue = quorum(world)
    consumers = [joined(queue, str(each), window=1) for each in range(100)]
    publish(queue, *numbered(50))
    for consumer in consumers:
        queue.remove_consumer(consumer)
    assert queue.consumer_count == 50
    for consumer in consumers[:20]:
        consumer.ack(consumer.unsettled[0])
    assert queue.consumer_count == 30


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("durable", "exclusive", "auto_delete", "expected"),
    [
        (True, False, True, "auto-delete"),
        (False, True, True, "auto-delete"),
        (False, True, False, "exclusive-owner"),
        (False, False, False, "non-durable"),
    ],
)
def test_properties_that_it_cannot_have(durable: bool, exclusive: bool, auto_delete: bool, expected: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        Quorum.check_new("queue 'q' in vhost '/'", durable=durable, exclusive=exclusive, auto_delete=auto_delete)
    assert refused.value.text == f"invalid property '{expected}' for queue 'q' in vhost '/'"


def test_if_unused_is_refused_before_if_empty(world: World) -> None:
    queue = quorum(world)
    for empty in (True, False):
        with pytest.raises(NotImplementedHere, match="if-unused"):
            Quorum.check_delete("queue 'q' in vhost '/'", queue, if_unused=True, if_empty=empty)
    Quorum.check_delete("queue 'q' in vhost '/'", queue, if_unused=False, if_empty=False)


@pytest.mark.parametrize("profile", ALL)
def test_a_redeclare_compares_each_argument_it_knows_once(profile: str) -> None:
    names = Quorum.compared(Compat.of(profile))
    assert len(set(names)) == len(names)
    assert {"x-queue-type", "x-delivery-limit", "x-dead-letter-strategy", "x-queue-leader-locator"} <= set(names)
    assert not {"x-max-priority", "x-queue-mode", "x-max-age", "x-foo"} & set(names)
