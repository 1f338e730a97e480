"""Dead-lettering: what dies, where it goes, in which order and when."""

from __future__ import annotations

import inspect
from itertools import pairwise

import pytest

from amqpd.broker.compat import PROFILES
from amqpd.broker.message import Message
from amqpd.broker.queue import ACCEPTED, REJECTED, Queue
from amqpd.fields import longstr
from amqpd.properties import Properties
from tests.unit.broker.deaths import (
    BEFORE_3_13,
    SINCE_3_13,
    bodies,
    dead_lettering,
    deaths,
    died,
    fanning_out,
    headers,
    keys,
    order_of,
    plain,
    reject,
    taken,
    with_headers,
)
from tests.unit.broker.world import RecordingConsumer, World, accounted, configure, expiring, message, numbered, publish

# -- sources ---------------------------------------------------------------------------------------------------------


def test_a_rejected_message_dies(world: World) -> None:
    queue, dead = fanning_out(world)
    assert order_of(died(queue, dead, message())) == [("s", "rejected", 1)]


@pytest.mark.parametrize("by_get", [False, True])
def test_an_expired_message_dies_whoever_notices(world: World, by_get: bool) -> None:
    """The timer, or a basic.get that comes before it."""
    queue, dead = fanning_out(world, x_message_ttl=1000)
    queue.publish(message())
    if by_get:
        world.clock.advance(1)
        assert queue.get() is None
    else:
        world.advance(1)
    assert order_of(taken(dead)) == [("s", "expired", 1)]


def test_a_dropped_head_dies(world: World) -> None:
    queue, dead = fanning_out(world, x_max_length=1)
    publish(queue, b"a", b"b")
    got = taken(dead)
    assert (got.body, order_of(got)) == (b"a", [("s", "maxlen", 1)])


def test_a_refused_message_dies_where_the_overflow_rule_says_so(world: World) -> None:
    queue, dead = fanning_out(world, x_max_length=1, x_overflow="reject-publish-dlx")
    assert [queue.publish(message(body)) for body in (b"a", b"b")] == [ACCEPTED, REJECTED]
    got = taken(dead)
    assert (got.body, order_of(got)) == (b"b", [("s", "maxlen", 1)])


def test_a_refused_message_is_the_publishers_otherwise(world: World) -> None:
    queue, dead = fanning_out(world, x_max_length=0, x_overflow="reject-publish")
    assert queue.publish(message()) == REJECTED
    assert dead.message_count == 0


def test_acknowledging_purging_deleting_and_queue_expiry_are_no_deaths(world: World) -> None:
    queue, dead = fanning_out(world, x_expires=1000)
    publish(queue, *numbered(4))
    queue.settle(taken(queue))
    held = taken(queue)
    assert queue.purge() == 2
    publish(queue, b"left")
    world.advance(1)
    assert queue.deleted
    queue.put_back_all([held])
    other, _ = fanning_out(world, "other")
    publish(other, b"x")
    world.vhost.delete_queue(other)
    world.drain()
    assert dead.message_count == 0
    assert world.octets == 0


def test_a_rejection_after_the_queue_is_gone_is_no_death(world: World) -> None:
    queue, dead = fanning_out(world)
    publish(queue, b"x")
    held = taken(queue)
    world.vhost.delete_queue(queue)
    queue.reject(held)
    assert dead.message_count == 0


# -- target ----------------------------------------------------------------------------------------------------------


def test_the_exchange_is_looked_up_at_death_and_a_missing_one_loses_the_message(world: World) -> None:
    queue = world.queue("s", {"x-dead-letter-exchange": "later"})
    publish(queue, b"lost", b"found")
    reject(queue)
    dead = world.queue("dead")
    world.bind(world.exchange("later", "fanout"), dead)
    reject(queue)
    assert bodies(dead) == [b"found"]
    assert world.octets == accounted(dead.browse(10))


def test_an_unroutable_dead_letter_is_lost(world: World) -> None:
    queue = dead_lettering(world, to="nowhere")
    publish(queue, b"x")
    reject(queue)
    assert world.octets == 0


def test_an_alternate_exchange_takes_dead_letters(world: World) -> None:
    dead = world.queue("dead")
    world.bind(world.exchange("ae", "fanout"), dead)
    world.exchange("dlx", alternate="ae")
    queue = world.queue("s", {"x-dead-letter-exchange": "dlx"})
    assert died(queue, dead, message()).exchange == "dlx"


def test_a_dead_letter_is_a_new_message_to_the_exchange(world: World) -> None:
    """Redelivery and expiration stay behind, everything else comes along."""
    queue, dead = fanning_out(world)
    properties = Properties.of(content_type="t", priority=3, delivery_mode=2, message_id="m", expiration="60000")
    queue.publish(message(b"x", properties=properties))
    queue.put_back_all([taken(queue)])
    reject(queue)
    got = taken(dead)
    assert (got.body, got.exchange, got.routing_key, got.redelivered) == (b"x", "dlx", "q", False)
    assert got.deadline is None
    assert got.properties.replace(headers=None) == properties.replace(expiration=None)


def test_a_dead_letter_routing_key_is_the_only_key(world: World) -> None:
    dead, copied = world.queue("dead"), world.queue("copied")
    queue = dead_lettering(world)
    got = died(queue, dead, with_headers(CC=keys("copied"), hidden=("copied",)))
    assert (got.routing_key, copied.message_count) == ("dead", 0)


def test_an_empty_dead_letter_routing_key_is_a_key(world: World) -> None:
    exchange, dead = world.exchange("dlx"), world.queue("dead")
    world.bind(exchange, dead, "")
    queue = world.queue("s", {"x-dead-letter-exchange": "dlx", "x-dead-letter-routing-key": ""})
    assert died(queue, dead, message(key="s")).routing_key == ""


@pytest.mark.parametrize("profile", PROFILES)
def test_without_one_the_keys_of_cc_and_bcc_take_part(profile: str) -> None:
    world = World(profile)
    exchange = world.exchange("dlx")
    queues = {key: world.queue(f"by-{key}") for key in ("s", "cc", "bcc")}
    for key, queue in queues.items():
        world.bind(exchange, queue, key)
    source = world.queue("s", {"x-dead-letter-exchange": "dlx"})
    source.publish(with_headers(CC=keys("cc"), hidden=("bcc",)))
    reject(source)
    got = [taken(queue) for queue in queues.values()]
    assert {each.routing_key for each in got} == {"s"}
    assert {headers(each).get("CC") for each in got} == {keys("cc")}
    assert "BCC" not in headers(got[0])


@pytest.mark.parametrize("profile", PROFILES)
def test_keys_in_cc_are_recorded_and_keys_in_bcc_are_not(profile: str) -> None:
    queue, dead = fanning_out(World(profile))
    got = died(queue, dead, with_headers(CC=keys("cc", "s"), hidden=("bcc",)))
    assert plain(got)[0]["routing-keys"] == ["s", "cc", "s"]


def test_hidden_keys_survive_a_death_that_keeps_the_keys(world: World) -> None:
    first, second = fanning_out(world)
    configure(second, dead_letter_exchange="again")
    last = world.queue("last")
    world.bind(world.exchange("again"), last, "bcc")
    got = died(first, second, with_headers(hidden=("bcc",)))
    second.reject(got)
    assert order_of(taken(last)) == [("dead", "rejected", 1), ("s", "rejected", 1)]


@pytest.mark.parametrize("profile", PROFILES)
def test_after_a_dead_letter_routing_key_no_copies_take_part_any_more(profile: str) -> None:
    """Neither in the routes of later deaths nor in what they record, even where the header stays."""
    world = World(profile)
    exchange, last, copied = world.exchange("e"), world.queue("last"), world.queue("copied")
    world.bind(exchange, last, "middle")
    for key in ("cc", "bcc", "s"):
        world.bind(exchange, copied, key)
    first = dead_lettering(world, to="middle")
    middle = world.queue("middle", {"x-dead-letter-exchange": "e"})
    middle.reject(died(first, middle, with_headers(CC=keys("cc"), hidden=("bcc",))))
    assert [each["routing-keys"] for each in plain(taken(last))] == [["middle"], ["s", "cc"]]
    assert copied.message_count == 0


@pytest.mark.parametrize("profile", BEFORE_3_13)
def test_a_dead_letter_routing_key_removes_the_cc_header(profile: str) -> None:
    world = World(profile)
    got = died(dead_lettering(world), world.queue("dead"), with_headers(CC=keys("cc"), other=longstr("kept")))
    assert "CC" not in headers(got)
    assert headers(got).get("other") == longstr("kept")


@pytest.mark.parametrize("profile", SINCE_3_13)
def test_a_dead_letter_routing_key_keeps_the_cc_header(profile: str) -> None:
    world = World(profile)
    got = died(dead_lettering(world), world.queue("dead"), with_headers(CC=keys("cc")))
    assert headers(got).get("CC") == keys("cc")


# -- order and budget ------------------------------------------------------------------------------------------------


def test_dead_letters_are_published_in_the_order_of_death(world: World) -> None:
    queue, dead = fanning_out(world, x_max_length=3)
    publish(queue, *numbered(8))
    held = [taken(queue) for _ in range(3)]
    for each in (held[1], held[2], held[0]):
        queue.reject(each)
    assert bodies(dead) == [b"0", b"1", b"2", b"3", b"4", b"6", b"7", b"5"]


def test_what_expires_together_is_published_in_the_order_of_the_queue(world: World) -> None:
    queue, dead = fanning_out(world)
    for body in numbered(1000):
        queue.publish(expiring(1000, body))
    world.advance(1)
    assert bodies(dead) == numbered(1000)


class DepthConsumer(RecordingConsumer):
    """Notes how deep in calls it gets a message."""

    __slots__ = ("depth",)

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue)
        self.depth = 0

    def deliver(self, message: Message) -> None:
        self.depth = len(inspect.stack(0))
        super().deliver(message)


def chain(world: World, length: int, prefix: str = "") -> tuple[Queue, Queue]:
    """The first and last of so many queues; what is published to one falls through to the next at once."""
    for number in range(length - 1):
        dead_lettering(world, f"{prefix}{number}", f"{prefix}{number + 1}", x_message_ttl=0)
    return world.vhost.queues[f"{prefix}0"], world.queue(f"{prefix}{length - 1}")


def test_a_chain_of_queues_is_no_recursion(world: World) -> None:
    depths = []
    for length in (3, 200):
        first, last = chain(world, length, f"{length}-")
        consumer = DepthConsumer(last)
        last.add_consumer(consumer)
        first.publish(message())
        assert len(deaths(consumer.delivered[0])) == length - 1
        depths.append(consumer.depth)
    assert depths[0] == depths[1]


def test_a_long_chain_is_worked_off_in_turns(world: World) -> None:
    first, last = chain(world, 300)
    first.publish(message())
    assert (last.message_count, len(world.broker.work)) == (0, 1)
    turns = 1
    while world.broker.drain(budget=10):
        turns += 1
    assert last.message_count == 1
    assert turns >= 4
    assert len(deaths(taken(last))) == 299


def test_a_death_waits_behind_those_before_it(world: World) -> None:
    """Also when they are still on the work list."""
    first, last = chain(world, 300)
    other = dead_lettering(world, "other", last.name)
    first.publish(message(b"long way"))
    publish(other, b"short way")
    reject(other)
    assert last.message_count == 0
    world.broker.drain(budget=2)
    assert bodies(last) == [b"short way"]
    world.drain()
    assert bodies(last) == [b"short way", b"long way"]


def test_many_deaths_from_one_are_worked_off_in_turns(world: World) -> None:
    exchange, dead = world.exchange("many", "fanout"), world.queue("dead")
    for number in range(1000):
        world.bind(exchange, dead_lettering(world, f"q{number}", x_message_ttl=0))
    source = world.queue("s", {"x-dead-letter-exchange": "many"})
    source.publish(message())
    reject(source)
    assert 0 < dead.message_count < 1000
    counts = [dead.message_count]
    while world.broker.drain(budget=100):
        counts.append(dead.message_count)
    counts.append(dead.message_count)
    assert max(after - before for before, after in pairwise(counts)) <= 100
    assert dead.message_count == 1000
    assert world.octets == accounted(dead.browse(1000))


def test_a_message_arrives_before_what_dies_of_it_in_another_queue_of_its_route(world: World) -> None:
    vhost = world.broker.vhosts["/"]
    source = world.queue("s", {"x-max-length": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "t"})
    target = world.queue("t", {})
    assert vhost.publish(message(b"x"), (source, target))
    assert [order_of(each) if each.trail else None for each in (target.get(), target.get()) if each] == [
        None,
        [("s", "maxlen", 1)],
    ]
