"""x-consistent-hash and x-modulus-hash: shares, stability, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd import fields
from amqpd.broker.exchange_types.hashing import hash64, key_octets
from amqpd.errors import InternalError, PreconditionFailed
from amqpd.fields import Field, Table
from amqpd.properties import Properties
from tests.unit.broker.world import World, message

KEYS = [f"user{number}" for number in range(4_000)]
HASHED = pytest.mark.parametrize("type_", ["x-consistent-hash", "x-modulus-hash"])


def hashing(weights: dict[str, int], arguments: dict[str, object] | None = None) -> World:
    """An exchange x with queues of these weights."""
    world = World()
    source = world.exchange("x", "x-consistent-hash", arguments)
    for name, weight in weights.items():
        world.bind(source, world.queue(name), str(weight))
    return world


def choices(world: World) -> dict[str, str]:
    """Where each key goes: to one queue."""
    found = {}
    for key in KEYS:
        (found[key],) = world.route("x", key)
    return found


@pytest.mark.parametrize(
    "weights",
    [{"a": 1, "b": 1}, {"a": 1, "b": 2, "c": 1}, {f"q{n}": 7 for n in range(10)}, {"a": 1, "b": 9_999}, {"a": 10_000}],
)
def test_a_queue_gets_its_weights_share(weights: dict[str, int]) -> None:
    """Within four standard deviations, as if each key had been drawn by lot."""
    shares = Counter(choices(hashing(weights)).values())
    total = sum(weights.values())
    for name, weight in weights.items():
        expected = len(KEYS) * weight / total
        deviation = (expected * (1 - weight / total)) ** 0.5
        assert abs(shares[name] - expected) <= 4 * deviation, (name, shares)


def test_a_removed_queue_leaves_its_share_and_nothing_else_moves() -> None:
    world = hashing({"a": 1, "b": 2, "c": 3, "d": 1})
    before = choices(world)
    world.vhost.delete_queue(world.vhost.queues["b"])
    after = choices(world)
    assert {key: queue for key, queue in before.items() if queue != "b"} == {
        key: queue for key, queue in after.items() if before[key] != "b"
    }
    heirs = Counter(after[key] for key in KEYS if before[key] == "b")
    assert set(heirs) == {"a", "c", "d"}


def test_a_new_queue_takes_its_share_from_all_others() -> None:
    world = hashing({"a": 1, "b": 1, "c": 2})
    before = choices(world)
    world.bind(world.vhost.exchanges["x"], world.queue("d"), "2")
    after = choices(world)
    moved = [key for key in KEYS if before[key] != after[key]]
    assert {after[key] for key in moved} == {"d"}
    assert {before[key] for key in moved} == {"a", "b", "c"}


@given(st.permutations(["a", "b", "c", "d", "e"]))
@settings(max_examples=20, deadline=None)
def test_the_order_of_bindings_is_no_matter(order: list[str]) -> None:
    weights = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
    reference = hashing(weights)
    other = hashing({name: weights[name] for name in order})
    for key in KEYS[:200]:
        assert reference.route("x", key) == other.route("x", key)


@HASHED
def test_another_process_chooses_alike(type_: str) -> None:
    program = f"""
from tests.unit.broker.world import World
world = World()
source = world.exchange("x", {type_!r})
for number in range(5):
    world.bind(source, world.queue(f"q{{number}}"), "1")
print([world.route("x", f"user{{number}}")[0] for number in range(50)])
"""
    root = Path(__file__).resolve().parents[3]
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


def test_the_hash_is_what_it_was() -> None:
    """A new value would move every key of every exchange at the next upgrade."""
    assert hash64(b"user1") == 0xCEFB3950B4C8B007
    assert key_octets(("a", "bc")) == b"\x01a\x02bc"


def test_the_oldest_binding_of_a_queue_gives_its_weight() -> None:
    world = hashing({"a": 1, "b": 1})
    before = choices(world)
    source = world.vhost.exchanges["x"]
    world.bind(source, world.vhost.queues["a"], "9")
    assert choices(world) == before
    first = next(each for each in world.vhost.queues["a"].bindings if each.routing_key == "1")
    world.vhost.unbind(first)
    assert Counter(choices(world).values())["a"] > 3_400


def test_the_first_key_alone_chooses() -> None:
    world = hashing({"a": 1, "b": 1, "c": 1})
    for key in KEYS[:50]:
        assert world.route("x", key, "other", "more") == world.route("x", key)


def test_an_exchange_without_bindings_leads_nowhere() -> None:
    world = hashing({"a": 1})
    world.vhost.delete_queue(world.vhost.queues["a"])
    assert world.route("x", "k") == []


def test_a_header_chooses_by_its_octets() -> None:
    world = hashing({f"q{number}": 1 for number in range(10)}, {"hash-header": "id"})

    def where(**headers: Field) -> list[str]:
        return world.route("x", "k", headers=headers)

    assert len({tuple(where(id=fields.longstr(key))) for key in KEYS[:200]}) == 10
    assert where(id=fields.longstr("user1")) == where(id=fields.longstr("user1"), more=fields.signedint(1))
    assert where() == where(other=fields.longstr("x")) == world.route("x", "another key")
    assert not world.vhost.by_key(world.vhost.exchanges["x"])


@pytest.mark.parametrize("name", ["correlation_id", "message_id", "timestamp"])
def test_a_property_chooses(name: str) -> None:
    world = hashing({f"q{number}": 1 for number in range(10)}, {"hash-property": name})
    source = world.vhost.exchanges["x"]

    def where(value: int | None) -> str:
        given = None if value is None else value if name == "timestamp" else f"id{value}"
        properties = Properties.of(**{name: given})  # type: ignore[arg-type]  # the name varies
        (queue,) = world.vhost.route(source, ("k",), message(properties=properties))
        return queue.name

    assert len({where(value) for value in range(200)}) == 10
    assert where(7) == where(7)
    assert where(None) == where(None)


def test_routes_by_key_are_remembered() -> None:
    world = hashing({"a": 1})
    assert world.vhost.by_key(world.vhost.exchanges["x"])


def test_memory_of_values_is_bounded() -> None:
    """More values than are remembered are still answered alike."""
    world = hashing({"a": 1, "b": 1, "c": 1})
    before = choices(world)
    for number in range(17_000):
        world.route("x", f"other{number}")
    assert choices(world) == before


@pytest.mark.parametrize("profile", ["3.10", "4.2"])
@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("", "The binding key must be an integer: <<>>"),
        ("abc", 'The binding key must be an integer: <<"abc">>'),
        ("1.5", 'The binding key must be an integer: <<"1.5">>'),
        (" 1", 'The binding key must be an integer: <<" 1">>'),
        ("1_0", 'The binding key must be an integer: <<"1_0">>'),
        ("٣", 'The binding key must be an integer: <<"٣">>'),
        ("0", "The binding key must be greater than 0"),
        ("-1", "The binding key must be greater than 0"),
    ],
)
def test_a_weight_that_is_none_is_refused(profile: str, key: str, text: str) -> None:
    world = World(profile)
    with pytest.raises(PreconditionFailed) as refused:
        world.exchange("x", "x-consistent-hash").router.check(key, Table(), world.queue())
    assert refused.value.text == text


def test_a_weight_over_the_maximum_is_refused_after_3_10() -> None:
    old, new = World("3.10"), World("4.2")
    old.exchange("x", "x-consistent-hash").router.check("1000001", Table(), old.queue())
    check = new.exchange("x", "x-consistent-hash").router.check
    check("10000", Table(), new.queue())
    with pytest.raises(PreconditionFailed) as refused:
        check("10001", Table(), new.vhost.queues["q"])
    assert refused.value.text == "The binding key must not exceed 10000"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"hash-property": "app_id"}, "Unsupported property: app_id"),
        ({"hash-header": "a", "hash-property": "message_id"}, "hash-header and hash-property are mutually exclusive"),
    ],
)
def test_arguments_that_are_refused(world: World, arguments: dict[str, object], text: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        world.exchange("x", "x-consistent-hash", arguments)
    assert refused.value.text == text


@pytest.mark.parametrize("name", ["hash-header", "hash-property"])
@pytest.mark.parametrize("value", [5, True, None, b"\xff", ["a"]])
def test_arguments_that_make_rabbitmq_crash(world: World, name: str, value: object) -> None:
    arguments = Table.of({name: Field("x", b"a", b"x\x00\x00\x00\x01a")}) if value == b"\xff" else {name: value}
    with pytest.raises(InternalError):
        world.exchange("x", "x-consistent-hash", arguments)


# -- x-modulus-hash


def test_the_modulus_spreads_keys_and_keeps_to_them(world: World) -> None:
    source = world.exchange("x", "x-modulus-hash")
    for name in ("c", "a", "b"):
        world.bind(source, world.queue(name), "ignored")
    shares = Counter(world.route("x", key)[0] for key in KEYS[:3000])
    assert sorted(shares) == ["a", "b", "c"]
    assert min(shares.values()) > 900
    assert world.route("x", "k") == world.route("x", "k")
    assert {tuple(world.route("x", "k", f"copy{number}")) for number in range(50)} == {("a",), ("b",), ("c",)}


def test_the_modulus_doesn_t_depend_on_the_order_of_bindings() -> None:
    worlds = []
    for names in (("a", "b", "c"), ("c", "a", "b")):
        world = World()
        source = world.exchange("x", "x-modulus-hash")
        for name in names:
            world.bind(source, world.queue(name))
        worlds.append(world)
    assert [worlds[0].route("x", key) for key in KEYS[:50]] == [worlds[1].route("x", key) for key in KEYS[:50]]


def test_without_bindings_the_modulus_leads_nowhere(world: World) -> None:
    world.exchange("x", "x-modulus-hash")
    assert world.route("x", "k") == []
