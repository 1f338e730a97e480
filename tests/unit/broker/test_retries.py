"""Delivery limits and delayed retry on every queue type: what counts, what dies, what waits, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from amqpd.broker.compat import PROFILES
from amqpd.broker.message import Message
from amqpd.broker.operations import operator
from amqpd.broker.queue import SLICE, Queue
from amqpd.broker.returns import LOST, REFUSED, RETURNED, TIMED_OUT
from amqpd.broker.schedule import SLICE as SLICE_OF_TIMER
from amqpd.properties import Properties
from tests.unit.broker.world import RecordingConsumer, World, accounted, configure, expiring, message, publish

ALL = tuple(PROFILES)
TYPES = ("classic", "quorum")
CAUSES = (LOST, REFUSED, RETURNED, TIMED_OUT)


def declared(world: World, type_: str = "classic", name: str = "q", **arguments: object) -> Queue:
    """A queue; underscores in the names of arguments stand for hyphens."""
    named: dict[str, Any] = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    return world.queue(name, {"x-queue-type": type_, **named})


def retrying(world: World, type_: str = "classic", **arguments: Any) -> Queue:
    """One that lets everything wait, from a second on up to five."""
    usual: dict[str, Any] = {"delayed_retry_type": "all", "delayed_retry_min": 1000, "delayed_retry_max": 5000}
    return declared(world, type_, **{**usual, **arguments})


def got(queue: Queue) -> Message:
    found = queue.get()
    assert found is not None
    return found


def headers(found: Message) -> dict[str, object]:
    table = found.properties.headers
    return {} if table is None else dict(table.to_python())


def waiting(queue: Queue) -> list[bytes]:
    return [each.body for each in queue.browse(99)]


# -- the delivery limit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ALL)
def test_a_classic_queue_counts_failures_and_gives_up_over_the_limit(profile: str) -> None:
    """At once when it comes back, not at its next delivery."""
    world = World(profile)
    dead = world.queue("dead")
    queue = declared(world, delivery_limit=2, dead_letter_exchange="", dead_letter_routing_key="dead")
    publish(queue, b"poison", b"next")
    for failures in (None, 1, 2):
        found = got(queue)
        assert found.body == b"poison"
        assert headers(found).get("x-delivery-count") == failures
        queue.put_back(found, REFUSED)
    assert waiting(queue) == [b"next"]
    letter = got(dead)
    assert letter.body == b"poison"
    assert "x-delivery-count" not in headers(letter)
    death = headers(letter)["x-death"]
    assert isinstance(death, list)
    assert death[0]["reason"] == "delivery_limit"


@pytest.mark.parametrize("profile", ALL)
def test_the_acquired_count_is_told_where_rabbitmq_tells_it(profile: str) -> None:
    queue = declared(World(profile), delivery_limit=5)
    publish(queue, b"a")
    queue.put_back(got(queue), REFUSED)
    expected = {"x-delivery-count": 1}
    if profile in ("4.2", "4.3"):
        expected["x-acquired-count"] = 1
    assert headers(got(queue)) == expected


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("cause", CAUSES)
def test_what_counts_as_a_failed_delivery(profile: str, type_: str, cause: int) -> None:
    """From 4.3 on only what was rejected or lost; before that, whatever came back."""
    queue = declared(World(profile), type_, delivery_limit=5)
    publish(queue, b"a")
    for _ in range(2):
        queue.put_back(got(queue), cause)
    counted = headers(got(queue))
    failed = profile != "4.3" or cause in (LOST, REFUSED)
    assert counted.get("x-delivery-count") == (2 if failed else None)
    assert counted.get("x-acquired-count") == (2 if profile in ("4.2", "4.3") else None)


def test_a_message_that_comes_back_keeps_its_place_in_a_classic_queue(world: World) -> None:
    queue = declared(world, delivery_limit=5)
    publish(queue, b"1", b"2", b"3")
    first, second = got(queue), got(queue)
    queue.put_back(second, RETURNED)
    queue.put_back(first, RETURNED)
    assert waiting(queue) == [b"1", b"2", b"3"]


def test_a_negative_limit_of_a_classic_queue_is_none_but_failures_count(world: World) -> None:
    queue = declared(world, delivery_limit=-1)
    publish(queue, b"a")
    for _ in range(30):
        queue.put_back(got(queue), REFUSED)
    assert headers(got(queue))["x-delivery-count"] == 30


def test_a_classic_queue_without_the_argument_counts_nothing(world: World) -> None:
    queue = declared(world)
    publish(queue, b"a")
    for _ in range(30):
        queue.put_back(got(queue), REFUSED)
    assert headers(got(queue)) == {}


def test_a_policy_may_bring_the_limit_and_take_it_away(world: World) -> None:
    queue = declared(world)
    publish(queue, b"a", b"b")
    configure(queue, delivery_limit=0)
    queue.put_back(got(queue), REFUSED)
    assert waiting(queue) == [b"b"]
    configure(queue, delivery_limit=None)
    queue.put_back(got(queue), REFUSED)
    assert waiting(queue) == [b"b"]


@pytest.mark.parametrize("type_", TYPES)
def test_strict_leaves_counting_to_quorum_queues(type_: str) -> None:
    queue = declared(World(strict=True), type_, delivery_limit=0)
    assert queue.settings.delivery_limit == (0 if type_ == "quorum" else None)


def test_nothing_of_what_was_counted_stays_in_the_account(world: World) -> None:
    queue = declared(world, delivery_limit=2)
    long_header = message(b"m", properties=Properties.of(message_id="m" * 250))
    queue.publish(long_header)
    for _ in range(2):
        queue.put_back(got(queue), REFUSED)
    assert world.octets == accounted(queue.browse(1))
    queue.settle(got(queue))
    assert world.octets == 0


# -- delayed retry -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("type_", TYPES)
def test_a_message_that_comes_back_waits_longer_each_time(profile: str, type_: str) -> None:
    world = World(profile)
    queue = retrying(world, type_)
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    publish(queue, b"a")
    for delay in (1, 2, 3, 4, 5, 5):
        before = len(consumer.delivered)
        consumer.unsettled.clear()
        queue.put_back(consumer.delivered[-1], REFUSED)
        world.advance(delay - 0.001)
        assert len(consumer.delivered) == before
        assert (queue.message_count, queue.delayed) == (0, 1)
        world.advance(0.001)
        assert len(consumer.delivered) == before + 1
    assert consumer.delivered[-1].redelivered


@pytest.mark.parametrize("profile", ALL)
def test_the_delay_grows_with_what_counts_as_a_failure(profile: str) -> None:
    """From 4.3 on a nack is none."""
    world = World(profile)
    queue = retrying(world)
    publish(queue, b"a")
    for _ in range(2):
        queue.put_back(got(queue), RETURNED)
        world.advance(2)
    queue.put_back(got(queue), RETURNED)
    world.advance(1)
    assert waiting(queue) == ([b"a"] if profile == "4.3" else [])
    world.advance(2)
    assert waiting(queue) == [b"a"]


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize(
    ("word", "delayed"),
    [
        ("all", CAUSES),
        ("failed", (LOST, REFUSED)),
        ("returned", (RETURNED, TIMED_OUT)),
        ("disabled", ()),
        ("sometimes", ()),
    ],
)
def test_which_messages_wait(world: World, cause: int, word: str, delayed: tuple[int, ...]) -> None:
    queue = retrying(world, delayed_retry_type=word)
    publish(queue, b"a")
    queue.put_back(got(queue), cause)
    assert waiting(queue) == ([] if cause in delayed else [b"a"])
    assert queue.message_count + queue.delayed == 1


def test_the_longest_delay_is_the_shortest_where_none_is_given(world: World) -> None:
    queue = declared(world, delayed_retry_type="all", delayed_retry_min=1000)
    publish(queue, b"a")
    for _ in range(4):
        queue.put_back(got(queue), REFUSED)
        world.advance(1)
        assert waiting(queue) == [b"a"]


def test_without_a_type_or_a_shortest_delay_nothing_waits(world: World) -> None:
    for name, arguments in (("a", {"delayed_retry_min": 1000}), ("b", {"delayed_retry_type": "all"})):
        queue = declared(world, name=name, **arguments)
        publish(queue, b"a")
        queue.put_back(got(queue), REFUSED)
        assert waiting(queue) == [b"a"]


def test_strict_knows_delayed_retry_from_4_3_on_and_on_quorum_queues() -> None:
    for profile in ALL:
        for type_ in TYPES:
            queue = retrying(World(profile, strict=True), type_)
            assert (queue.settings.delayed_retry_min is not None) == (profile == "4.3" and type_ == "quorum")


def test_the_limit_counts_while_messages_wait(world: World) -> None:
    queue = retrying(world, delivery_limit=1)
    publish(queue, b"a")
    queue.put_back(got(queue), REFUSED)
    world.advance(1)
    queue.put_back(got(queue), REFUSED)
    assert queue.message_count == 0


def test_a_message_keeps_its_place_when_its_time_comes(world: World) -> None:
    queue = retrying(world)
    publish(queue, b"1", b"2", b"3")
    first, second = got(queue), got(queue)
    queue.put_back(second, REFUSED)
    queue.put_back(first, REFUSED)
    assert waiting(queue) == [b"3"]
    world.advance(1)
    assert waiting(queue) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("type_", TYPES)
def test_waiting_messages_count_against_the_limits(world: World, type_: str) -> None:
    """What would be delivered next is dropped first; of what waits, what would be ready first."""
    queue = retrying(world, type_, max_length=2)
    publish(queue, b"1", b"2")
    for found in (got(queue), got(queue)):
        queue.put_back(found, REFUSED)
        world.advance(0.1)
    publish(queue, b"3")
    assert (waiting(queue), queue.delayed) == ([], 2)
    queue.resume()
    configure(queue, max_length=1)
    assert queue.delayed == 1
    world.advance(1)
    assert waiting(queue) == [b"2"]


@pytest.mark.parametrize("type_", TYPES)
def test_a_full_queue_refuses_what_is_published_while_its_messages_wait(world: World, type_: str) -> None:
    queue = retrying(world, type_, max_length_bytes=3, overflow="reject-publish")
    publish(queue, b"123", b"4")
    while (found := queue.get()) is not None:
        queue.put_back(found, REFUSED)
    queue.resume()
    publish(queue, b"x")
    world.advance(1)
    assert b"x" not in waiting(queue)
    for found in (got(queue) for _ in range(queue.message_count)):
        queue.settle(found)
    publish(queue, b"x")
    assert waiting(queue) == [b"x"]


@pytest.mark.parametrize("type_", TYPES)
def test_a_purge_and_a_delete_take_what_waits(world: World, type_: str) -> None:
    queue = retrying(world, type_, max_length_bytes=100)
    publish(queue, b"1", b"2", b"3")
    for _ in range(2):
        queue.put_back(got(queue), REFUSED)
    assert queue.purge() == 3
    world.drain()
    assert (queue.message_count, queue.delayed, world.octets) == (0, 0, 0)
    publish(queue, b"4")
    queue.put_back(got(queue), REFUSED)
    assert world.vhost.delete_queue(queue) == 0, "as RabbitMQ, which counts what is ready"
    world.advance(10)
    assert world.octets == 0


@pytest.mark.parametrize("type_", TYPES)
def test_a_message_expires_while_it_waits(world: World, type_: str) -> None:
    dead = world.queue("dead")
    queue = retrying(world, type_, dead_letter_exchange="", dead_letter_routing_key="dead", max_length_bytes=100)
    queue.publish(expiring(500, b"a"))
    queue.put_back(got(queue), REFUSED)
    world.advance(0.499)
    assert queue.delayed == 1
    world.advance(0.001)
    assert (queue.delayed, waiting(dead)) == (0, [b"a"])


def test_an_operator_releases_what_waits(world: World) -> None:
    queue = retrying(world)
    count = SLICE + 10
    publish(queue, *(b"%d" % number for number in range(count)))
    for found in [got(queue) for _ in range(count)]:
        queue.put_back(found, REFUSED)
    assert operator.retry_delayed(world.broker, world.vhost, "q") == count
    assert len(queue.browse(count)) == SLICE_OF_TIMER
    world.drain()
    assert len(queue.browse(count)) == count
    assert operator.retry_delayed(world.broker, world.vhost, "q") == 0


def test_what_comes_back_after_a_release_waits_again(world: World) -> None:
    """A consumer that rejects at once must not keep the release going."""
    queue = retrying(world)
    publish(queue, b"a", b"b")
    for _ in range(2):
        queue.put_back(got(queue), REFUSED)
    assert operator.retry_delayed(world.broker, world.vhost, "q") == 2
    queue.put_back(got(queue), REFUSED)
    world.advance(1.999)
    assert waiting(queue) == [b"b"]
    world.advance(0.001)
    assert waiting(queue) == [b"a", b"b"]


def test_all_that_waits_is_behind_one_timer(world: World) -> None:
    queue = retrying(world)
    publish(queue, *(b"%d" % number for number in range(50)))
    for found in [got(queue) for _ in range(50)]:
        world.advance(0.01)
        queue.put_back(found, REFUSED)
    assert len(world.broker.timers) == 1
