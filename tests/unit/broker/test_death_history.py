"""The history that a dead letter carries, how versions differ in it, and the cycles that it ends."""

from __future__ import annotations

import pytest

from amqpd.broker.compat import PROFILES
from amqpd.broker.message import Message
from amqpd.fields import Field, Table, array, long, longstr, signedint, table, timestamp
from amqpd.properties import Properties
from tests.unit.broker.deaths import (
    BEFORE_3_13,
    BEFORE_4_0,
    NOW,
    SINCE_3_13,
    SINCE_4_0,
    bodies,
    claim,
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
from tests.unit.broker.world import World, configure, message, numbered, publish

# -- history ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
def test_an_entry_has_these_fields_of_these_types(profile: str) -> None:
    queue, dead = fanning_out(World(profile))
    queue.publish(Message("amq.topic", "k", Properties.of(expiration="60000"), b""))
    reject(queue)
    (entry,) = deaths(taken(dead))
    assert dict(entry.items()) == {
        "count": long(1),
        "reason": longstr("rejected"),
        "queue": longstr("s"),
        "time": timestamp(NOW),
        "exchange": longstr("amq.topic"),
        "routing-keys": keys("k"),
        "original-expiration": longstr("60000"),
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_the_fields_of_a_later_entry_are_in_the_order_of_their_names_before_3_13(profile: str) -> None:
    """It came to another, or was counted again; the other one stays as it was."""
    world = World(profile)
    last = world.queue("last")
    second, first = dead_lettering(world, "second", "last"), dead_lettering(world, "first", "second")
    loop = dead_lettering(world, "loop", "loop")
    publish(first, b"a")
    publish(loop, b"b")
    for queue in (first, second, loop, loop):
        reject(queue)
    order = ["count", "reason", "queue", "time", "exchange", "routing-keys"]
    later = sorted(order) if profile in BEFORE_3_13 else order
    assert [list(each) for each in deaths(taken(last))] == [later, order]
    assert [list(each) for each in deaths(taken(loop))] == [later]


@pytest.mark.parametrize("profile", SINCE_3_13)
def test_the_fields_of_an_entry_are_ordered(profile: str) -> None:
    queue, dead = fanning_out(World(profile))
    got = died(queue, dead, message(properties=Properties.of(expiration="60000")))
    names = ["original-expiration", "count", "reason", "queue", "time", "exchange", "routing-keys"]
    assert list(deaths(got)[0]) == names


def test_the_original_expiration_came_last_before_3_13() -> None:
    queue, dead = fanning_out(World("3.10"))
    got = died(queue, dead, message(properties=Properties.of(expiration="60000")))
    names = ["count", "reason", "queue", "time", "exchange", "routing-keys", "original-expiration"]
    assert list(deaths(got)[0]) == names


def test_without_an_expiration_none_is_recorded(world: World) -> None:
    queue, dead = fanning_out(world, x_message_ttl=60000)
    assert "original-expiration" not in deaths(died(queue, dead, message()))[0]


def test_headers_are_sorted_by_key(world: World) -> None:
    queue, dead = fanning_out(world)
    names = list(headers(died(queue, dead, with_headers(z=longstr(""), A=longstr(""), CC=keys("k")))))
    assert names == sorted(names)
    assert {"A", "CC", "x-death", "x-first-death-queue", "x-last-death-queue", "z"} <= set(names)


def test_the_latest_death_comes_first(world: World) -> None:
    dead_lettering(world, "a", "b")
    dead_lettering(world, "b", "c", x_message_ttl=1000)
    dead_lettering(world, "c", "d")
    last = world.queue("d")
    world.vhost.queues["a"].publish(message())
    reject(world.vhost.queues["a"])
    world.advance(1)
    reject(world.vhost.queues["c"])
    assert order_of(taken(last)) == [("c", "rejected", 1), ("b", "expired", 1), ("a", "rejected", 1)]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_repeated_death_counts_moves_to_the_front_and_keeps_the_rest_of_its_entry(profile: str) -> None:
    world = World(profile)
    queue, wait = dead_lettering(world, to="wait"), dead_lettering(world, "wait", "s", x_message_ttl=1000)
    queue.publish(Message("amq.direct", "k", Properties.of(expiration="60000"), b""))
    for _ in range(3):
        reject(queue)
        assert wait.message_count == 1
        world.advance(1)
    reject(queue)
    (latest, earlier) = plain(taken(wait))
    assert latest == {
        "count": 4,
        "reason": "rejected",
        "queue": "s",
        "time": NOW,
        "exchange": "amq.direct",
        "routing-keys": ["k"],
        "original-expiration": "60000",
    }
    assert earlier == {
        "count": 3,
        "reason": "expired",
        "queue": "wait",
        "time": NOW + 1,
        "exchange": "",
        "routing-keys": ["wait"],
    }


def test_another_reason_is_another_entry(world: World) -> None:
    queue = dead_lettering(world, to="s")
    queue.publish(message())
    reject(queue)
    configure(queue, message_ttl=1000)
    reject(queue)
    world.queue("dead")
    configure(queue, dead_letter_routing_key="dead")
    world.advance(1)
    assert order_of(taken(world.vhost.queues["dead"])) == [("s", "expired", 1), ("s", "rejected", 2)]


FIRST = ["x-first-death-exchange", "x-first-death-queue", "x-first-death-reason"]
LAST = ["x-last-death-exchange", "x-last-death-queue", "x-last-death-reason"]


def values(got: Message, names: list[str]) -> list[object]:
    known = headers(got).to_python()
    return [known.get(name) for name in names]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_first_death_is_told_and_never_changes(profile: str) -> None:
    world = World(profile)
    first, second = fanning_out(world)
    configure(second, dead_letter_exchange="", dead_letter_routing_key="last")
    last = world.queue("last")
    got = died(first, second, message())
    assert values(got, FIRST) == ["", "s", "rejected"]
    second.reject(got)
    assert values(taken(last), FIRST) == ["", "s", "rejected"]


@pytest.mark.parametrize("profile", SINCE_3_13)
def test_the_last_death_is_told(profile: str) -> None:
    world = World(profile)
    first, second = fanning_out(world)
    configure(second, dead_letter_exchange="", dead_letter_routing_key="last")
    last = world.queue("last")
    got = died(first, second, message())
    assert values(got, LAST) == ["", "s", "rejected"]
    second.reject(got)
    assert values(taken(last), LAST) == ["dlx", "dead", "rejected"]


@pytest.mark.parametrize("profile", BEFORE_3_13)
def test_older_versions_do_not_tell_the_last_death(profile: str) -> None:
    queue, dead = fanning_out(World(profile))
    assert values(died(queue, dead, message()), LAST) == [None] * 3


def test_copies_of_one_message_have_histories_of_their_own(world: World) -> None:
    one, dead = fanning_out(world, "one")
    two, _ = fanning_out(world, "two")
    source = world.exchange("source", "fanout")
    world.bind(source, one)
    world.bind(source, two)
    world.vhost.publish(message(), world.vhost.route(source, ("k",), message()))
    reject(one)
    reject(two)
    assert [order_of(taken(dead)) for _ in range(2)] == [[("one", "rejected", 1)], [("two", "rejected", 1)]]


def test_a_history_survives_a_long_queue(world: World) -> None:
    """Waiting messages are packed away."""
    first, second = fanning_out(world)
    configure(second, dead_letter_exchange="", dead_letter_routing_key="last")
    last = world.queue("last")
    publish(first, *numbered(5000))
    for _ in range(5000):
        reject(first)
    for _ in range(4000):
        second.settle(taken(second))
    reject(second)
    assert order_of(taken(last)) == [("dead", "rejected", 1), ("s", "rejected", 1)]


# -- what a client claims --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", SINCE_4_0)
def test_since_4_0_a_history_from_a_client_is_replaced(profile: str) -> None:
    queue, dead = fanning_out(World(profile))
    claims = with_headers(
        x_death=array([claim("s", "rejected", long(7)), claim("other", "expired")]), x_first_death_queue=longstr("mine")
    )
    got = died(queue, dead, claims)
    assert order_of(got) == [("s", "rejected", 1)]
    assert values(got, FIRST) == ["", "s", "rejected"]


@pytest.mark.parametrize("profile", BEFORE_4_0)
def test_before_4_0_a_history_from_a_client_is_continued(profile: str) -> None:
    """Its other fields stay as they came, and the first death is not told."""
    queue, dead = fanning_out(World(profile))
    ours = claim("s", "rejected", long(7), time=timestamp(77), exchange=longstr("e"), extra=longstr("x"))
    got = died(queue, dead, with_headers(x_death=array([claim("other", "expired", extra=longstr("y")), ours])))
    assert plain(got) == [
        {"count": 8, "reason": "rejected", "queue": "s", "time": 77, "exchange": "e", "extra": "x"},
        {"count": 1, "reason": "expired", "queue": "other", "extra": "y"},
    ]
    assert values(got, FIRST) == [None] * 3


@pytest.mark.parametrize("profile", BEFORE_4_0)
def test_before_4_0_a_new_death_goes_before_what_a_client_claims(profile: str) -> None:
    queue, dead = fanning_out(World(profile))
    nameless = table(Table.of({"count": long(3)}))
    got = died(queue, dead, with_headers(x_death=array([claim("s", "expired"), nameless])))
    assert [(each.get("queue"), each.get("reason"), each["count"]) for each in plain(got)] == [
        ("s", "rejected", 1),
        ("s", "expired", 1),
        (None, None, 3),
    ]


@pytest.mark.parametrize(
    ("count", "next_count"),
    [(signedint(5), 6), (longstr("5"), 1), (long(-1), 0), (long(2**63 - 1), 2**63 - 1)],
)
def test_a_count_from_a_client_may_be_anything(count: Field, next_count: int) -> None:
    queue, dead = fanning_out(World("3.10"))
    got = died(queue, dead, with_headers(x_death=array([claim("s", "rejected", count)])))
    assert deaths(got)[0].get("count") == long(next_count)


@pytest.mark.parametrize(
    "odd",
    [
        longstr("x-death"),
        array([]),
        array([signedint(3)]),
        array([claim("s", "rejected", long(0), time=signedint(-5), **{"routing-keys": signedint(1)})]),
        array([table(Table())]),
        table(Table()),
    ],
)
@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_that_a_client_claims_stops_a_death(profile: str, odd: Field) -> None:
    queue, dead = fanning_out(World(profile))
    entry = plain(died(queue, dead, with_headers(x_death=odd)))[0]
    assert (entry["queue"], entry["reason"], entry["count"]) == ("s", "rejected", 1)


# -- cycles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
def test_a_message_that_comes_round_by_expiry_alone_is_dropped(profile: str) -> None:
    world = World(profile)
    one, two = dead_lettering(world, "1", "2", x_message_ttl=1000), dead_lettering(world, "2", "1", x_message_ttl=1000)
    one.publish(message())
    world.advance(1)
    assert (one.message_count, two.message_count) == (0, 1)
    world.advance(1)
    assert (one.message_count, two.message_count, world.octets) == (0, 0, 0)


def test_a_queue_that_dead_letters_to_itself_drops_what_expires(world: World) -> None:
    queue = dead_lettering(world, to="s", x_message_ttl=0)
    queue.publish(message())
    assert (queue.message_count, len(world.broker.work), world.octets) == (0, 0, 0)


def test_a_queue_that_dead_letters_to_itself_drops_its_excess(world: World) -> None:
    queue = dead_lettering(world, to="s", x_max_length=1)
    publish(queue, b"a", b"b", b"c")
    world.drain()
    assert bodies(queue) == [b"c"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_rejected_message_may_come_round_for_ever(profile: str) -> None:
    queue = dead_lettering(World(profile), to="s")
    queue.publish(message())
    for count in range(1, 20):
        reject(queue)
        assert [each.properties.headers is not None for each in queue.browse(2)] == [True], count
    assert order_of(taken(queue)) == [("s", "rejected", 19)]


def test_a_rejection_on_the_way_round_allows_the_return(world: World) -> None:
    wait = dead_lettering(world, "wait", "work", x_message_ttl=1000)
    work = dead_lettering(world, "work", "back")
    dead_lettering(world, "back", "wait", x_message_ttl=1000)
    wait.publish(message())
    world.advance(1)
    reject(work)
    world.advance(1)
    assert wait.message_count == 1


def test_a_rejection_before_the_way_round_does_not(world: World) -> None:
    start = dead_lettering(world, "start", "1")
    one, two = dead_lettering(world, "1", "2", x_message_ttl=1000), dead_lettering(world, "2", "1", x_message_ttl=1000)
    start.publish(message())
    reject(start)
    world.advance(1)
    assert two.message_count == 1
    world.advance(1)
    assert (one.message_count, two.message_count) == (0, 0)


def test_a_cycle_ends_at_its_queue_alone(world: World) -> None:
    """The other queues of the same route still get the message."""
    queue, dead = fanning_out(world, x_message_ttl=1000)
    world.bind(world.vhost.exchanges["dlx"], queue)
    queue.publish(message())
    world.advance(1)
    assert (queue.message_count, dead.message_count) == (0, 1)


@pytest.mark.parametrize(("profile", "arrives"), [(each, each not in BEFORE_4_0) for each in PROFILES])
def test_a_claimed_death_makes_a_cycle_where_claims_count(profile: str, arrives: bool) -> None:
    world = World(profile)
    queue, dead = fanning_out(world, x_message_ttl=1000)
    queue.publish(with_headers(x_death=array([claim("dead", "expired")])))
    world.advance(1)
    assert dead.message_count == arrives
