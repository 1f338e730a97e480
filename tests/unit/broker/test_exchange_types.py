"""What each exchange type finds, and which bindings it refuses."""

from __future__ import annotations

import pytest

from amqpd.errors import PreconditionFailed
from amqpd.fields import (
    Field,
    Table,
    array,
    boolean,
    double,
    long,
    longstr,
    signedint,
    table,
    timestamp,
    void,
)
from amqpd.properties import Properties
from tests.unit.broker.world import World, message

PROFILES = ("3.10", "3.13", "4.0", "4.2", "4.3")
BYTE = Field("b", 5, b"b\x05")
UNSIGNED = Field("i", 5, b"i\x00\x00\x00\x05")
FLOAT = Field("f", 5.0, b"f\x40\xa0\x00\x00")
OCTETS = Field("x", b"5", b"x\x00\x00\x00\x015")
DECIMAL = Field("D", (0, 5), b"D\x00\x00\x00\x00\x05")


def matches(profile: str, arguments: dict[str, Field], headers: dict[str, Field] | None) -> bool:
    world = World(profile)
    source = world.vhost.exchanges["amq.headers"]
    wanted = Table.of(arguments)
    queue = world.queue("q")
    source.router.check("", wanted, queue)
    world.bind(source, queue, "ignored", wanted)
    return world.route("amq.headers", "whatever", headers=headers) == ["q"]


# -- headers: values ---------------------------------------------------------------------------------------------------

ALWAYS = [
    (signedint(5), signedint(5)),
    (signedint(5), long(5)),
    (signedint(5), BYTE),
    (UNSIGNED, long(5)),
    (double(5.5), double(5.5)),
    (double(5.0), FLOAT),
    (longstr("a"), longstr(b"a")),
    (boolean(True), boolean(True)),
    (void(), signedint(1)),
    (void(), longstr("")),
    (void(), void()),
    (DECIMAL, DECIMAL),
    (array([signedint(1)]), array([signedint(1)])),
    (table(Table.of({"a": signedint(1)})), table(Table.of({"a": signedint(1)}))),
]
NEVER = [
    (signedint(5), signedint(6)),
    (signedint(5), longstr("5")),
    (longstr("a"), longstr("A")),
    (boolean(True), signedint(1)),
    (boolean(True), boolean(False)),
    (boolean(True), longstr("true")),
    (signedint(5), void()),
    (longstr(""), void()),
    (signedint(5), DECIMAL),
    (array([signedint(1)]), array([signedint(2)])),
    (table(Table.of({"a": signedint(1)})), table(Table.of({"a": signedint(2)}))),
]
BEFORE_3_13 = [
    (signedint(5), double(5.0)),
    (double(5.0), long(5)),
    (timestamp(5), signedint(5)),
    (signedint(5), timestamp(5)),
    (timestamp(5), timestamp(5)),
    (longstr("5"), OCTETS),
    (OCTETS, longstr("5")),
]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("wanted", "header"), ALWAYS, ids=repr)
def test_values_that_match_in_every_version(profile: str, wanted: Field, header: Field) -> None:
    assert matches(profile, {"h": wanted}, {"h": header})


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("wanted", "header"), NEVER, ids=repr)
def test_values_that_match_in_no_version(profile: str, wanted: Field, header: Field) -> None:
    assert not matches(profile, {"h": wanted}, {"h": header})


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("wanted", "header"), BEFORE_3_13, ids=repr)
def test_values_of_different_types_match_before_3_13(profile: str, wanted: Field, header: Field) -> None:
    """Since 3.13 floats and integers part company, and a timestamp argument never matches, not even itself."""
    assert matches(profile, {"h": wanted}, {"h": header}) is (profile == "3.10")


# -- headers: modes ----------------------------------------------------------------------------------------------------

A, B, X = {"a": longstr("1")}, {"b": longstr("2")}, {"x-a": longstr("3")}


def mode(name: str) -> dict[str, Field]:
    return {"x-match": longstr(name)}


@pytest.mark.parametrize(
    ("arguments", "headers", "found"),
    [
        (A | B, A | B, True),
        (A | B, A, False),
        (A | B, A | B | {"c": longstr("more")}, True),
        (mode("all") | A | B, A, False),
        (mode("any") | A | B, A, True),
        (mode("any") | A | B, {"c": longstr("1")}, False),
        ({}, A, True),
        ({}, {}, True),
        ({}, None, True),
        (mode("all"), None, True),
        (mode("any"), A, False),
        (mode("any"), None, False),
        (A | X, A, True),
        (A | X, X, False),
        (mode("any") | X, X, False),
        (mode("all-with-x") | A | X, A, False),
        (mode("all-with-x") | A | X, A | X, True),
        (mode("any-with-x") | A | X, X, True),
        (mode("all-with-x"), A, True),
        (mode("any-with-x"), A, False),
        (A, None, False),
        (A | {"b": void()}, A, False),
        (A | {"b": void()}, A | B, True),
    ],
)
def test_modes_decide_how_many_and_which_headers_count(
    arguments: dict[str, Field], headers: dict[str, Field] | None, found: bool
) -> None:
    assert matches("4.2", arguments, headers) is found


def test_the_first_of_duplicate_headers_counts() -> None:
    world = World()
    source = world.vhost.exchanges["amq.match"]
    world.bind(source, world.queue("first"), "", Table.of(A))
    world.bind(source, world.queue("second"), "", Table.of({"a": longstr("9")}))
    duplicates = Table.of([("a", longstr("1")), ("a", longstr("9"))])
    route = world.vhost.route(source, ("k",), message(properties=Properties.of(headers=duplicates)))
    assert [each.name for each in route] == ["first"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (longstr("foo"), 'Invalid x-match field value <<"foo">>; expected all, any, all-with-x, or any-with-x'),
        (longstr("ALL"), 'Invalid x-match field value <<"ALL">>; expected all, any, all-with-x, or any-with-x'),
        (signedint(1), "Invalid x-match field type signedint (value 1); expected longstr"),
        (boolean(True), "Invalid x-match field type bool (value true); expected longstr"),
    ],
)
def test_a_mode_that_does_not_exist_is_refused(world: World, value: Field, text: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        world.vhost.exchanges["amq.headers"].router.check("", Table.of({"x-match": value}), world.queue())
    assert refused.value.text == text


# -- topic -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("key", "wildcards"), [("#", 1), ("#.a.#", 2), ("a#.#b.c##", 0), ("*.*.*.*", 0)])
def test_two_wildcards_for_many_words_are_fine_everywhere(profile: str, key: str, wildcards: int) -> None:
    world = World(profile)
    world.vhost.exchanges["amq.topic"].router.check(key, Table(), world.queue())
    assert key.split(".").count("#") == wildcards


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("key", "wildcards"), [("#.#.#", 3), ("a.#.b.#.c.#.#", 4)])
def test_more_than_two_are_refused_since_4_3(profile: str, key: str, wildcards: int) -> None:
    world = World(profile)
    router, queue = world.vhost.exchanges["amq.topic"].router, world.queue()
    if profile != "4.3":
        router.check(key, Table(), queue)
        return
    with pytest.raises(PreconditionFailed) as refused:
        router.check(key, Table(), queue)
    assert refused.value.text == f"Topic binding key '{key}' uses {wildcards} '#' wildcards, at most 2 are allowed"


@pytest.mark.parametrize(
    ("binding_key", "routing_key", "found"),
    [("a.#.b", "a.b", True), ("a.#.b", "a..b", True), ("a.#.b", "a.b.", False), ("#", "", True), ("*", "", False)],
)
def test_topics_match_word_by_word(world: World, binding_key: str, routing_key: str, found: bool) -> None:
    world.bind(world.vhost.exchanges["amq.topic"], world.queue("q"), binding_key)
    assert world.route("amq.topic", routing_key) == (["q"] if found else [])


# -- direct and fanout -------------------------------------------------------------------------------------------------


def test_direct_knows_no_wildcards(world: World) -> None:
    world.bind(world.vhost.exchanges["amq.direct"], world.queue("q"), "a.*")
    assert world.route("amq.direct", "a.b") == []
    assert world.route("amq.direct", "a.*") == ["q"]


def test_fanout_ignores_keys(world: World) -> None:
    world.bind(world.vhost.exchanges["amq.fanout"], world.queue("q"), "a")
    assert world.route("amq.fanout", "b") == ["q"]
