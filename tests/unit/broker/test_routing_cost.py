"""What routing costs, counted in function calls and key comparisons, never in time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.forms import interpreted
from tests.unit.broker.cost import calls, lines
from tests.unit.broker.world import World, message

FEW, MANY = 10, 20_000


class CountedKey(str):
    """A routing key that counts how often it is hashed or compared."""

    __slots__ = ()
    touched = 0

    def __hash__(self) -> int:
        CountedKey.touched += 1
        return str.__hash__(self)

    def __eq__(self, other: object) -> bool:
        CountedKey.touched += 1
        return str.__eq__(self, other)


def bound(type_: str, keys: Callable[[int], str], count: int) -> World:
    """An exchange x with one matching binding (a.b.c) among `count` that do not match."""
    world = World()
    source, other = world.exchange("x", type_), world.queue("other")
    for number in range(count):
        world.bind(source, other, keys(number))
    world.bind(source, world.queue("q"), "a.b.c")
    return world


def key_beside(number: int) -> str:
    """Keys that share the first words with the routing key."""
    return ("a.b.k{}", "a.k{}.c", "k{}.b.c", "a.*.k{}", "a.#.k{}")[number % 5].format(number)


@pytest.mark.parametrize(
    ("type_", "keys"),
    [("direct", "k{}".format), ("topic", "k{}".format), ("topic", "a.b.{}".format), ("topic", key_beside)],
    ids=["direct", "topic, other words", "topic, same first words", "topic, wildcards"],
)
def test_bindings_that_do_not_match_cost_nothing(type_: str, keys: Callable[[int], str]) -> None:
    few, many = bound(type_, keys, FEW), bound(type_, keys, MANY)

    def route(world: World) -> Callable[[], object]:
        exchange = world.vhost.exchanges["x"]
        return lambda: world.vhost.route(exchange, ("a.b.c",), message())

    assert many.route("x", "a.b.c") == few.route("x", "a.b.c") == ["q"]
    assert calls(route(many)) == calls(route(few))
    assert lines(route(many)) == lines(route(few))


@interpreted
def test_a_direct_exchange_looks_its_key_up_and_does_not_search() -> None:
    world = bound("direct", "k{}".format, MANY)
    key = CountedKey("a.b.c")
    CountedKey.touched = 0
    assert world.route("x", key) == ["q"]
    assert CountedKey.touched <= 4


def test_the_default_exchange_costs_the_same_however_many_queues_there_are() -> None:
    few, many = World(), World()
    for world, count in ((few, FEW), (many, 10_000)):
        for number in range(count):
            world.queue(f"q{number}")
    cost = [lines(lambda world=world: world.route("", "q5")) for world in (few, many)]  # type: ignore[misc]  # no type for the default
    assert cost[0] == cost[1]


def test_asking_whether_the_key_decides_costs_the_same_however_many_bindings_there_are() -> None:
    """Publishers ask it anew after every change of the graph."""
    few, many = bound("direct", "k{}".format, FEW), bound("direct", "k{}".format, MANY)
    cost = [lines(lambda world=world: world.vhost.by_key(world.vhost.exchanges["x"])) for world in (few, many)]  # type: ignore[misc]  # no type for the default
    assert cost[0] == cost[1]


def test_a_bind_and_an_unbind_cost_the_same_however_many_bindings_there_are() -> None:
    few, many = bound("topic", key_beside, FEW), bound("topic", key_beside, MANY)

    def bind_and_unbind(world: World) -> Callable[[], object]:
        def run() -> None:
            queue = world.vhost.queues["q"]
            world.bind(world.vhost.exchanges["x"], queue, "n.e.w")
            world.vhost.unbind(list(queue.bindings)[-1])

        return run

    assert lines(bind_and_unbind(many)) == lines(bind_and_unbind(few))
