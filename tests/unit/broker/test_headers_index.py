"""The headers exchange against a naive matcher, which tries every binding on every message."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd import fields
from amqpd.broker.exchange_types.headers import comparable
from amqpd.fields import Field, Table
from amqpd.properties import Properties
from tests.unit.broker.cost import calls
from tests.unit.broker.world import World, message

NAMES = ("a", "b", "c", "x-d", "x-e")
VALUES: tuple[Field, ...] = (
    fields.longstr("1"),
    fields.longstr("2"),
    fields.signedint(1),
    fields.long(1),
    fields.double(1.0),
    fields.boolean(True),
    fields.timestamp(1),
    fields.void(),
    fields.array([]),
)
MODES = (None, "all", "any", "all-with-x", "any-with-x")

headers = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=5)
patterns = st.tuples(st.sampled_from(MODES), headers)
steps = st.lists(st.one_of(patterns, st.integers(0, 20), headers), max_size=40)


def matches(arguments: Table, sent: Table | None, *, loose: bool) -> bool:
    """What RabbitMQ documents, word by word."""
    mode = "all" if arguments.get("x-match") is None else arguments.get("x-match").text()  # type: ignore[union-attr]  # asked for above
    hits = []
    for name, wanted in arguments.items():
        if name == "x-match" or (name.startswith("x-") and not mode.endswith("-with-x")):
            continue
        header = None if sent is None else sent.get(name)
        if header is None:
            hits.append(False)
        elif wanted.tag == "V":
            hits.append(True)
        elif wanted.tag == "T" and not loose:
            hits.append(False)
        else:
            hits.append(comparable(wanted, loose) == comparable(header, loose))
    return any(hits) if mode.startswith("any") else all(hits)


@settings(max_examples=300, deadline=None)
@given(profile=st.sampled_from(("3.10", "4.2")), play=steps)
def test_the_index_finds_what_a_naive_matcher_finds(
    profile: str, play: list[tuple[str | None, list[tuple[str, Field]]] | int | list[tuple[str, Field]]]
) -> None:
    """Through any order of bindings, unbindings and messages; queues come in the order of their first binding."""
    world = World(profile)
    source = world.vhost.exchanges["amq.headers"]
    bound: list[tuple[str, Table]] = []
    for number, step in enumerate(play):
        if isinstance(step, tuple):
            mode, wanted = step
            arguments = Table.of([*([("x-match", fields.longstr(mode))] if mode else []), *wanted])
            queue = world.queue(f"q{number}")
            world.bind(source, queue, "", arguments)
            bound.append((queue.name, arguments))
        elif isinstance(step, int):
            if bound:
                name, _ = bound.pop(step % len(bound))
                world.vhost.delete_queue(world.vhost.queues[name])
        else:
            sent = Table.of(step)
            route = world.vhost.route(source, ("k",), message(properties=Properties.of(headers=sent)))
            expected = [name for name, arguments in bound if matches(arguments, sent, loose=profile == "3.10")]
            assert [each.name for each in route] == expected


def selecting(count: int) -> World:
    """As many bindings, alike in one header and each with a value of its own in another."""
    world = World()
    for number in range(count):
        arguments = Table.of({"kind": fields.longstr("order"), "id": fields.signedint(number)})
        world.bind(world.vhost.exchanges["amq.headers"], world.queue(f"q{number}"), "", arguments)
    return world


def test_bindings_that_ask_for_other_values_cost_nothing() -> None:
    """They stand under the header that tells them apart, not under the one they share."""
    sent = {"kind": fields.longstr("order"), "id": fields.signedint(3), "more": fields.longstr("x")}
    few, many = selecting(10), selecting(1000)
    assert few.route("amq.headers", "", headers=sent) == many.route("amq.headers", "", headers=sent) == ["q3"]
    cost = [calls(lambda world=world: world.route("amq.headers", "", headers=sent)) for world in (few, many)]  # type: ignore[misc]  # no type for the default
    assert cost[0] == cost[1]


def test_bindings_that_are_tried_in_vain_count_against_the_turn() -> None:
    world = World()
    for number in range(160):
        arguments = Table.of({"kind": fields.longstr("order"), "z": fields.void()})
        world.bind(world.vhost.exchanges["amq.headers"], world.queue(f"q{number}"), "", arguments)
    before = world.broker.work.spent
    assert world.route("amq.headers", "", headers={"kind": fields.longstr("order")}) == []
    assert world.broker.work.spent == before + 5
