"""Moving messages and replaying dead letters: what goes where, what stays, and in which order."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from amqpd.broker.message import Message
from amqpd.broker.operations import moving
from amqpd.broker.operations.moving import Moved, ToExchange, ToQueue
from amqpd.broker.pending import Pending
from amqpd.broker.ports import MemoryJournal
from amqpd.broker.queue import Queue
from amqpd.errors import NotFound, NotImplementedHere
from amqpd.fields import array, longstr
from tests.unit.broker.deaths import (
    SINCE_3_13,
    bodies,
    claim,
    dead_lettering,
    fanning_out,
    headers,
    keys,
    order_of,
    reject,
    taken,
    with_headers,
)
from tests.unit.broker.world import RecordingConsumer, World, accounted, expiring, message, numbered, publish


def move(
    world: World,
    source: str,
    target: ToQueue | ToExchange,
    *,
    limit: int | None = None,
    numbers: Iterable[int] | None = None,
) -> Moved:
    return ended(world, moving.move(world.broker, world.vhost, source, target, limit=limit, numbers=numbers))


def replay(world: World, source: str = "dead", *, limit: int | None = None) -> Moved:
    return ended(world, moving.replay(world.broker, world.vhost, source, limit=limit))


def ended(world: World, outcome: Moved | Pending[Moved]) -> Moved:
    """The outcome, after as many turns as it takes."""
    if isinstance(outcome, Moved):
        return outcome
    world.drain()
    assert outcome.done
    return outcome.result()


def filled(world: World, *contents: bytes, name: str = "q") -> Queue:
    queue = world.queue(name)
    publish(queue, *contents)
    return queue


# -- to a queue --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["classic", "quorum"])
@pytest.mark.parametrize("target", ["classic", "quorum"])
@pytest.mark.parametrize("count", [0, 3, 256, 257, 3000])
def test_everything_moves_in_order(world: World, source: str, target: str, count: int) -> None:
    queue, other = (world.queue(type_ + at, {"x-queue-type": type_}) for type_, at in ((source, "1"), (target, "2")))
    publish(queue, *numbered(count))
    octets = world.octets
    assert move(world, queue.name, ToQueue(other.name)) == Moved(count)
    assert (bodies(queue), bodies(other)) == ([], numbered(count))
    assert world.octets == octets


def test_as_many_as_asked_for_move_from_the_head_on(world: World) -> None:
    queue, other = filled(world, *numbered(1000)), world.queue("other")
    assert move(world, "q", ToQueue("other"), limit=600) == Moved(600)
    assert (bodies(other), bodies(queue)) == (numbered(1000)[:600], numbered(1000)[600:])
    assert move(world, "q", ToQueue("other"), limit=0) == Moved(0)
    assert move(world, "q", ToQueue("other"), limit=999) == Moved(400)


def test_a_limit_counts_messages_and_not_the_gaps_between_them(world: World) -> None:
    queue, other = filled(world, *numbered(3000)), world.queue("other")
    for number in range(2, 2500):
        queue.remove(number)
    assert move(world, "q", ToQueue("other"), limit=2) == Moved(2)
    assert bodies(other) == [b"0", b"2499"]


def test_messages_move_by_their_numbers_in_the_order_given(world: World) -> None:
    queue, other = filled(world, *numbered(5)), world.queue("other")
    assert move(world, "q", ToQueue("other"), numbers=[4, 99, 2]) == Moved(2)
    assert (bodies(other), bodies(queue)) == ([b"3", b"1"], [b"0", b"2", b"4"])


def test_a_queue_as_its_own_target_puts_a_message_at_its_tail(world: World) -> None:
    queue = filled(world, b"a", b"b", b"c")
    assert move(world, "q", ToQueue("q"), limit=1) == Moved(1)
    assert bodies(queue) == [b"b", b"c", b"a"]
    assert move(world, "q", ToQueue("q")) == Moved(3)
    assert bodies(queue) == [b"b", b"c", b"a"]


def test_a_moved_message_is_a_new_one_with_the_same_content(world: World) -> None:
    queue, other = world.queue(), world.queue("other", {"x-message-ttl": 5000})
    world.bind(world.vhost.exchanges["amq.topic"], queue, "a.b")
    queue.publish(Message("amq.topic", "a.b", expiring(9000).properties, b"body"))
    queue.put_back(taken(queue))
    world.clock.advance(2)
    move(world, "q", ToQueue("other"))
    got = taken(other)
    assert (got.exchange, got.routing_key, got.body, got.properties.expiration) == ("amq.topic", "a.b", b"body", "9000")
    assert not got.redelivered
    assert got.deadline == world.clock.monotonic() + 5


def test_the_count_of_failed_deliveries_stays_behind(world: World) -> None:
    queue = world.queue(arguments={"x-queue-type": "quorum"})
    other = world.queue("other", {"x-queue-type": "quorum"})
    publish(queue, b"b")
    queue.put_back(taken(queue))
    assert "x-delivery-count" in headers(queue.browse(1)[0])
    assert move(world, "q", ToQueue("other")) == Moved(1)
    got = taken(other)
    assert (got.body, got.properties.headers, got.redelivered) == (b"b", None, False)


def test_what_a_full_queue_refuses_stays_and_so_does_what_follows(world: World) -> None:
    queue = filled(world, b"1", b"22", b"333", b"4")
    other = world.queue("other", {"x-max-length-bytes": 4, "x-overflow": "reject-publish"})
    assert move(world, "q", ToQueue("other")) == Moved(2, refused=2)
    assert (bodies(other), bodies(queue)) == ([b"1", b"22"], [b"333", b"4"])


def test_a_queue_that_dead_letters_what_it_refuses_is_not_asked(world: World) -> None:
    queue = filled(world, b"a")
    dead = world.queue("dead")
    dead_lettering(world, "other", x_max_length=0, x_overflow="reject-publish-dlx")
    assert move(world, "q", ToQueue("other")) == Moved(0, refused=1)
    assert (bodies(queue), bodies(dead)) == ([b"a"], [])


def test_consumers_get_what_moves_to_their_queue_at_once(world: World) -> None:
    filled(world, b"a", b"b")
    consumer = RecordingConsumer(world.queue("other"), no_ack=True)
    consumer.queue.add_consumer(consumer)
    assert move(world, "q", ToQueue("other")) == Moved(2)
    assert consumer.bodies == [b"a", b"b"]
    assert world.octets == 0


def test_what_consumers_take_meanwhile_is_not_counted(world: World) -> None:
    queue, other = filled(world, *numbered(1000)), world.queue("other")
    outcome = moving.move(world.broker, world.vhost, "q", ToQueue("other"))
    assert isinstance(outcome, Pending)
    got = taken(queue)
    publish(queue, b"late")
    assert ended(world, outcome) == Moved(999)
    assert got.body not in bodies(other)
    assert bodies(queue) == [b"late"]


def test_a_target_that_is_deleted_meanwhile_takes_nothing_more(world: World) -> None:
    queue, other = filled(world, *numbered(1000)), world.queue("other")
    outcome = moving.move(world.broker, world.vhost, "q", ToQueue("other"))
    moved = other.message_count
    world.vhost.delete_queue(other)
    assert ended(world, outcome) == Moved(moved, unroutable=1000 - moved)
    assert queue.message_count == 1000 - moved


def test_a_source_that_is_deleted_meanwhile_ends_the_move(world: World) -> None:
    queue = filled(world, *numbered(1000))
    other = world.queue("other")
    outcome = moving.move(world.broker, world.vhost, "q", ToQueue("other"))
    world.vhost.delete_queue(queue)
    assert ended(world, outcome) == Moved(other.message_count)


def test_an_expired_message_that_waits_behind_others_does_not_move(world: World) -> None:
    queue, other = filled(world, b"first"), world.queue("other")
    queue.publish(expiring(1000, b"expired"))
    world.advance(1)
    assert move(world, "q", ToQueue("other")) == Moved(1)
    assert (bodies(other), bodies(queue)) == ([b"first"], [])


def test_a_stream_takes_what_moves_to_it_and_gives_nothing_away(world: World) -> None:
    filled(world, b"a", b"b")
    stream = world.queue("stream", {"x-queue-type": "stream"})
    assert move(world, "q", ToQueue("stream")) == Moved(2)
    world.drain()
    assert bodies(stream) == [b"a", b"b"]
    for numbers in (None, [0]):
        with pytest.raises(NotImplementedHere, match="messages of stream queue 'stream' can't be taken out one by one"):
            move(world, "stream", ToQueue("q"), numbers=numbers)


def test_what_is_missing_is_named(world: World) -> None:
    filled(world)
    for source, target, text in (
        ("no", ToQueue("q"), "no queue 'no' in vhost '/'"),
        ("q", ToQueue("no"), "no queue 'no' in vhost '/'"),
        ("q", ToExchange("no"), "no exchange 'no' in vhost '/'"),
    ):
        with pytest.raises(NotFound, match=text):
            move(world, source, target)
    with pytest.raises(NotFound, match="no queue 'dead' in vhost '/'"):
        replay(world)


class SlowJournal(MemoryJournal):
    """Messages are durable once it is told so."""

    immediate = False

    def __init__(self) -> None:
        self.pending: Pending[None] = Pending()

    def messages_durable(self) -> Pending[None]:
        return self.pending


@pytest.mark.parametrize("fails", [False, True])
def test_the_outcome_comes_once_what_moved_is_durable(fails: bool) -> None:
    journal = SlowJournal()
    world = World(journal=journal)
    filled(world, b"a")
    world.queue("other")
    outcome = moving.move(world.broker, world.vhost, "q", ToQueue("other"))
    assert isinstance(outcome, Pending)
    assert not outcome.done
    if fails:
        journal.pending.fail(OSError("the disk is gone"))
        with pytest.raises(OSError, match="the disk is gone"):
            outcome.result()
    else:
        journal.pending.settle(None)
        assert outcome.result() == Moved(1)


# -- to an exchange ----------------------------------------------------------------------------------------------------


def test_through_an_exchange_messages_go_by_their_own_keys_and_the_others_stay(world: World) -> None:
    exchange = world.exchange("e", "topic")
    for name, pattern in (("a", "a.#"), ("b", "#.b")):
        world.bind(exchange, world.queue(name), pattern)
    queue = world.queue()
    for key in ("a.b", "c", "a"):
        queue.publish(message(key.encode(), key=key))
    queue.publish(with_headers("none", ("x.b",), CC=keys("a.x")))
    assert move(world, "q", ToExchange("e")) == Moved(3, unroutable=1)
    assert bodies(world.vhost.queues["a"]) == [b"a.b", b"a", b"body"]
    assert bodies(world.vhost.queues["b"]) == [b"a.b", b"body"]
    assert bodies(queue) == [b"c"]
    got = taken(world.vhost.queues["b"])
    assert (got.exchange, got.routing_key) == ("e", "a.b")


def test_a_routing_key_takes_the_place_of_all_keys(world: World) -> None:
    exchange = world.exchange("e", "direct")
    for name in ("new", "copy", "hidden"):
        world.bind(exchange, world.queue(name), name)
    world.queue().publish(with_headers("old", ("hidden",), CC=keys("copy")))
    assert move(world, "q", ToExchange("e", "new")) == Moved(1)
    assert {name: each.message_count for name, each in world.vhost.queues.items()} == {
        "new": 1,
        "copy": 0,
        "hidden": 0,
        "q": 0,
    }


def test_a_message_stays_whole_if_one_queue_of_several_is_full(world: World) -> None:
    exchange = world.exchange("e", "fanout")
    full = world.queue("full", {"x-max-length": 1, "x-overflow": "reject-publish"})
    for each in (full, free := world.queue("free")):
        world.bind(exchange, each)
    queue = filled(world, b"a", b"b")
    assert move(world, "q", ToExchange("e")) == Moved(1, refused=1)
    assert (bodies(full), bodies(free), bodies(queue)) == ([b"a"], [b"a"], [b"b"])
    assert world.octets == accounted([message(b"a"), message(b"b")]) + accounted([message(b"")])


def test_other_queues_still_get_theirs_where_one_is_full(world: World) -> None:
    world.queue("full", {"x-max-length": 0, "x-overflow": "reject-publish"})
    free, queue = world.queue("free"), world.queue()
    for key in ("full", "free", "full"):
        queue.publish(message(key=key))
    assert move(world, "q", ToExchange("")) == Moved(1, refused=2)
    assert (free.message_count, queue.message_count) == (1, 2)


# -- replay ------------------------------------------------------------------------------------------------------------


def test_dead_letters_go_back_to_where_they_were_published(world: World) -> None:
    queue, dead = fanning_out(world)
    world.bind(world.vhost.exchanges["amq.topic"], queue, "order.#")
    for number in range(600):
        queue.publish(Message("amq.topic", "order.new", message().properties, b"%d" % number))
        reject(queue)
    assert replay(world) == Moved(600)
    assert (bodies(dead), bodies(queue)) == ([], numbered(600))
    got = taken(queue)
    assert (got.exchange, got.routing_key, got.redelivered) == ("amq.topic", "order.new", False)


def test_all_keys_of_then_take_part(world: World) -> None:
    """Also those in CC and, where no key took their place, in BCC."""
    queue, _ = fanning_out(world)
    copy, hidden = world.queue("copy"), world.queue("hidden")
    queue.publish(with_headers("s", ("hidden",), CC=keys("copy")))
    reject(queue)
    assert replay(world) == Moved(1)
    assert [each.message_count for each in (queue, copy, hidden)] == [1, 1, 1]


def test_a_key_that_took_the_place_of_others_is_forgotten(world: World) -> None:
    dead, queue = world.queue("dead"), dead_lettering(world)
    copy = world.queue("copy")
    queue.publish(with_headers("s", CC=keys("copy")))
    reject(queue)
    assert replay(world) == Moved(1)
    assert [each.message_count for each in (queue, copy, dead)] == [1, 1, 0]


@pytest.mark.parametrize("profile", SINCE_3_13)
def test_a_replayed_message_keeps_its_history_and_goes_on_with_it(profile: str) -> None:
    world = World(profile)
    queue, dead = fanning_out(world)
    publish(queue, b"a")
    reject(queue)
    replay(world)
    again = taken(queue)
    assert order_of(again) == [("s", "rejected", 1)]
    queue.reject(again)
    assert order_of(taken(dead)) == [("s", "rejected", 2)]


def test_the_last_death_is_undone_not_the_first(world: World) -> None:
    """Through a chain of dead-letter queues a message goes back stage by stage."""
    last = world.queue("last")
    dead = dead_lettering(world, "dead", "last")
    queue = dead_lettering(world)
    publish(queue, b"a")
    reject(queue)
    reject(dead)
    assert order_of(last.browse(1)[0]) == [("dead", "rejected", 1), ("s", "rejected", 1)]
    assert replay(world, "last") == Moved(1)
    assert [bodies(each) for each in (queue, dead, last)] == [[], [b"a"], []]


def test_an_expired_message_comes_back_without_its_expiration(world: World) -> None:
    queue, _ = fanning_out(world)
    queue.publish(Message("", "s", expiring(1000).properties, b"a"))
    world.advance(1)
    assert replay(world) == Moved(1)
    got = taken(queue)
    assert (got.properties.expiration, got.deadline) == (None, None)
    assert order_of(got) == [("s", "expired", 1)]


def test_what_never_died_or_has_no_way_back_stays_and_is_counted(world: World) -> None:
    queue, dead = fanning_out(world)
    publish(queue, b"lost", b"kept")
    reject(queue)
    world.vhost.delete_queue(queue)
    publish(dead, b"never died")
    for history in (
        longstr("x"),
        array([]),
        array([longstr("x")]),
        array([claim("s", "rejected")]),
        array([claim("s", "rejected", exchange=longstr(""), **{"routing-keys": longstr("s")})]),
        array([claim("s", "rejected", exchange=longstr(""), **{"routing-keys": array([])})]),
    ):
        dead.publish(with_headers("dead", x_death=history))
    before = bodies(dead)
    assert replay(world) == Moved(0, unroutable=8)
    assert bodies(dead) == before


def test_a_death_that_only_the_header_tells_of_is_undone_as_well(world: World) -> None:
    """The message came from another broker, or through a client."""
    queue, dead = world.queue("s"), world.queue("dead")
    entry = claim("s", "rejected", exchange=longstr(""), **{"routing-keys": keys("s")})
    dead.publish(with_headers("dead", x_death=array([entry])))
    assert replay(world) == Moved(1)
    assert queue.message_count == 1


def test_as_many_as_asked_for_are_replayed(world: World) -> None:
    queue, dead = fanning_out(world)
    publish(queue, *numbered(5))
    for _ in range(5):
        reject(queue)
    assert replay(world, limit=2) == Moved(2)
    assert (bodies(queue), bodies(dead)) == ([b"0", b"1"], [b"2", b"3", b"4"])
