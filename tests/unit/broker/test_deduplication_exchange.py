"""x-message-deduplication: what is a duplicate, for how long, and what remembering costs."""

from __future__ import annotations

import pytest

from amqpd import fields
from amqpd.broker.exchange import Exchange
from amqpd.broker.seen_keys import KEY_OCTETS
from amqpd.errors import PreconditionFailed
from amqpd.fields import Field, Table
from amqpd.properties import Properties
from tests.unit.broker.world import World


def deduplicating(world: World, size: int = 100, **arguments: object) -> Exchange:
    """An exchange x with a queue q."""
    source = world.exchange("x", "x-message-deduplication", {"x-cache-size": size, **arguments})
    world.bind(source, world.queue())
    return source


def send(world: World, value: Field | str | None, **more: Field) -> bool:
    """Publish with a deduplication header; return whether the message had a route."""
    headers = dict(more)
    if value is not None:
        headers["x-deduplication-header"] = fields.longstr(value) if isinstance(value, str) else value
    return world.publish("x", "k", properties=Properties.of(headers=Table.of(headers)))


def test_a_duplicate_is_unroutable(world: World) -> None:
    deduplicating(world)
    assert [send(world, value) for value in ("a", "a", "b", "a")] == [True, False, True, False]
    assert world.bodies("q") == [b"body"] * 2


@pytest.mark.parametrize("value", [None, fields.void()])
def test_without_the_header_nothing_is_a_duplicate(world: World, value: Field | None) -> None:
    deduplicating(world)
    assert [send(world, value) for _ in range(3)] == [True] * 3
    assert world.publish("x", "k")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (fields.signedint(1), fields.long(1), True),
        (fields.signedint(1), fields.longstr("1"), False),
        (fields.signedint(1), fields.boolean(True), False),
        (fields.signedint(1), fields.double(1.0), False),
        (fields.longstr("a"), fields.longstr("A"), False),
        (fields.longstr("a" * 5000), fields.longstr("a" * 5000), True),
        (fields.longstr("a" * 5000), fields.longstr("a" * 4999 + "b"), False),
        (fields.array([fields.signedint(1)]), fields.array([fields.signedint(1)]), True),
        (fields.array([fields.signedint(1)]), fields.array([fields.signedint(2)]), False),
    ],
)
def test_values_are_compared_by_kind_and_value(world: World, first: Field, second: Field, same: bool) -> None:
    deduplicating(world)
    send(world, first)
    assert send(world, second) is not same


def test_it_is_a_fanout(world: World) -> None:
    source = deduplicating(world)
    world.bind(source, world.queue("other"), "whatever")
    send(world, "a")
    assert world.bodies("q") == world.bodies("other") == [b"body"]


def test_an_unroutable_message_is_remembered_too(world: World) -> None:
    source = world.exchange("x", "x-message-deduplication", {"x-cache-size": 10})
    assert not send(world, "a")
    world.bind(source, world.queue())
    assert not send(world, "a")


def test_the_oldest_keys_are_forgotten_first(world: World) -> None:
    deduplicating(world, 2)
    assert [send(world, value) for value in ("a", "b", "c", "b", "c", "a")] == [True, True, True, False, False, True]


def test_keys_are_remembered_for_a_time_that_duplicates_do_not_prolong(world: World) -> None:
    deduplicating(world, **{"x-cache-ttl": 1000})
    assert send(world, "a")
    world.advance(0.999)
    assert not send(world, "a")
    world.advance(0.001)
    assert send(world, "a")
    assert not send(world, "a")


def test_a_message_may_say_how_long(world: World) -> None:
    deduplicating(world, **{"x-cache-ttl": 1000})
    send(world, "short", **{"x-cache-ttl": fields.signedint(10)})
    send(world, "long", **{"x-cache-ttl": fields.signedint(5000)})
    send(world, "usual", **{"x-cache-ttl": fields.longstr("never")})
    world.advance(0.01)
    assert [send(world, value) for value in ("short", "long", "usual")] == [True, False, False]
    world.advance(1)
    assert [send(world, value) for value in ("long", "usual")] == [False, True]
    world.advance(4)
    assert send(world, "long")


def test_what_is_remembered_is_bounded_and_accounted_for(world: World) -> None:
    source = deduplicating(world, 10, **{"x-cache-ttl": 1000})
    for number in range(50):
        send(world, f"{number}")
    world.taken("q")
    assert world.octets == 10 * KEY_OCTETS
    world.advance(1)
    for number in range(5):
        send(world, f"later {number}")
    world.taken("q")
    assert world.octets == 5 * KEY_OCTETS
    world.vhost.delete_exchange(source)
    assert world.octets == 0


NO_TTL = "Invalid argument, 'x-cache-ttl' must be an integer greater than 0"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0"),
        *(
            ({"x-cache-size": value}, "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0")
            for value in (0, -1, "", "a", "0", "-1", 1.5, True, None)
        ),
        *(
            ({"x-cache-size": 1, "x-cache-ttl": value}, NO_TTL) for value in (0, -1, "a", 1.5, True)
        ),
        *(
            (
                {"x-cache-size": 1, "x-cache-persistence": value},
                "Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'",
            )
            for value in ("tape", 1)
        ),
    ],
)
def test_arguments_that_are_refused(world: World, arguments: dict[str, object], text: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        world.exchange("x", "x-message-deduplication", arguments)
    assert refused.value.text == text


def test_numbers_may_be_written_as_text(world: World) -> None:
    arguments: dict[str, object] = {"x-cache-size": "2", "x-cache-ttl": "1000", "x-cache-persistence": "memory"}
    world.exchange("x", "x-message-deduplication", arguments)
    assert not send(world, "a")
