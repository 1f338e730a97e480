"""The graph of a virtual host: which queues a message reaches, and what a deletion takes along."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.bindings import binding_key
from amqpd.broker.exchange import Exchange
from amqpd.broker.queue import Queue
from amqpd.fields import EMPTY, Table, from_python, long, signedint
from tests.unit.broker.world import RecordingReplyConsumer, World, message


def unbind(
    source: Exchange, destination: Queue | Exchange, world: World, key: str = "", arguments: Table = EMPTY
) -> None:
    world.vhost.unbind(source.outgoing[binding_key(destination, key, arguments)])


def test_a_new_vhost_has_the_predeclared_exchanges(world: World) -> None:
    found = {each.name: (each.type_name, each.internal) for each in world.vhost.exchanges.values()}
    assert found == {
        "": ("direct", False),
        "amq.direct": ("direct", False),
        "amq.fanout": ("fanout", False),
        "amq.topic": ("topic", False),
        "amq.headers": ("headers", False),
        "amq.match": ("headers", False),
        "amq.rabbitmq.trace": ("topic", True),
    }
    assert all(each.durable and not each.auto_delete for each in world.vhost.exchanges.values())


# -- routing -----------------------------------------------------------------------------------------------------------


def test_the_default_exchange_leads_to_the_queue_of_that_name(world: World) -> None:
    world.queue("q")
    assert world.route("", "q") == ["q"]
    assert world.route("", "r") == []


def test_a_direct_exchange_leads_to_all_bindings_of_a_key(world: World) -> None:
    source = world.exchange("x")
    for name in ("a", "b", "c"):
        world.bind(source, world.queue(name), "k")
    world.bind(source, world.queue("d"), "other")
    assert world.route("x", "k") == ["a", "b", "c"]


@pytest.mark.parametrize("type_", ["direct", "fanout", "topic", "headers"])
def test_a_queue_that_is_bound_twice_gets_one_copy(world: World, type_: str) -> None:
    source, queue = world.exchange("x", type_), world.queue("q")
    world.bind(source, queue, "k")
    world.bind(source, queue, "k", from_python({"a": 1}))
    if type_ == "topic":
        world.bind(source, queue, "#")
    properties = {"a": signedint(1)}
    assert world.route("x", "k", headers=properties) == ["q"]


@pytest.mark.parametrize("type_", ["direct", "fanout", "topic", "headers"])
def test_a_binding_stays_in_force_until_its_last_twin_is_gone(world: World, type_: str) -> None:
    """Two bindings that differ in their arguments only."""
    source, queue = world.exchange("x", type_), world.queue("q")
    arguments = from_python({"x-twin": 1})
    world.bind(source, queue, "k")
    world.bind(source, queue, "k", arguments)
    unbind(source, queue, world, "k")
    assert world.route("x", "k") == ["q"]
    unbind(source, queue, world, "k", arguments)
    assert world.route("x", "k") == []


def test_binding_the_same_again_changes_nothing(world: World) -> None:
    source, queue = world.exchange("x"), world.queue("q")
    arguments = from_python({"a": 1, "b": 2})
    world.bind(source, queue, "k", arguments)
    generation = world.vhost.generation
    world.bind(source, queue, "k", from_python({"b": 2, "a": 1}))
    assert len(source.outgoing) == 1
    assert world.vhost.generation == generation
    unbind(source, queue, world, "k", from_python({"b": 2, "a": 1}))
    assert world.route("x", "k") == []


def test_wire_types_of_arguments_tell_bindings_apart(world: World) -> None:
    source, queue = world.exchange("x"), world.queue("q")
    world.bind(source, queue, "k", Table.of({"a": signedint(1)}))
    world.bind(source, queue, "k", Table.of({"a": long(1)}))
    assert len(source.outgoing) == 2


def test_several_keys_reach_the_queues_of_each_once(world: World) -> None:
    for name in ("a", "b", "c"):
        world.queue(name)
    assert world.route("", "a", "b", "a", "missing", "c") == ["a", "b", "c"]


def test_a_message_passes_through_exchanges_with_its_own_key(world: World) -> None:
    first, second = world.exchange("first", "fanout"), world.exchange("second", "topic")
    world.bind(first, second, "ignored")
    world.bind(second, world.queue("q"), "a.*")
    assert world.route("first", "a.b") == ["q"]
    assert world.route("first", "b.b") == []


def test_cycles_between_exchanges_end(world: World) -> None:
    first, second = world.exchange("first", "fanout"), world.exchange("second", "fanout")
    world.bind(first, second)
    world.bind(second, first)
    world.bind(first, first)
    world.bind(second, world.queue("q"))
    assert world.route("first", "k") == ["q"]
    assert world.route("second", "k") == ["q"]


def test_a_queue_on_several_paths_gets_one_copy(world: World) -> None:
    top, left, right = (world.exchange(name, "fanout") for name in ("top", "left", "right"))
    queue = world.queue("q")
    for source, destination in ((top, left), (top, right), (left, queue), (right, queue), (top, queue)):
        world.bind(source, destination)
    assert world.route("top", "k") == ["q"]


def test_an_alternate_exchange_gets_what_matches_nothing(world: World) -> None:
    source = world.exchange("x", alternate="spare")
    spare = world.exchange("spare", "topic")
    world.bind(source, world.queue("matched"), "k")
    world.bind(spare, world.queue("unmatched"), "#")
    assert world.route("x", "k") == ["matched"]
    assert world.route("x", "other") == ["unmatched"]


def test_an_alternate_exchange_is_not_asked_where_an_exchange_matched_that_leads_nowhere(world: World) -> None:
    source = world.exchange("x", "fanout", alternate="spare")
    spare = world.exchange("spare", "fanout")
    world.bind(source, world.exchange("dead end"))
    world.bind(spare, world.queue("q"))
    assert world.route("x", "k") == []


def test_alternate_exchanges_chain_and_their_cycles_end(world: World) -> None:
    world.exchange("a", alternate="b")
    world.exchange("b", alternate="c")
    last = world.exchange("c", "fanout", alternate="a")
    assert world.route("a", "k") == []
    world.bind(last, world.queue("q"))
    assert world.route("a", "k") == ["q"]


def test_a_missing_alternate_exchange_is_ignored_until_it_is_there(world: World) -> None:
    world.exchange("x", alternate="spare")
    assert world.route("x", "k") == []
    world.bind(world.exchange("spare", "fanout"), world.queue("q"))
    assert world.route("x", "k") == ["q"]


def test_the_default_exchange_as_an_alternate_leads_nowhere(world: World) -> None:
    """A 3.10.8 returns such a message as unroutable."""
    world.exchange("x", alternate="")
    world.queue("q")
    assert world.route("x", "q") == []


def test_the_default_exchange_leads_to_whoever_waits_for_replies(world: World) -> None:
    consumer = RecordingReplyConsumer("amq.rabbitmq.reply-to.abc")
    world.broker.reply_consumers[consumer.name] = consumer
    route = world.vhost.route(world.vhost.default_exchange, (consumer.name,), message())
    assert route == (consumer,)
    assert world.vhost.publish(message(b"reply"), route)
    assert consumer.replies == [b"reply"]


def test_a_reply_name_that_nobody_waits_on_leads_nowhere(world: World) -> None:
    assert world.route("", "amq.rabbitmq.reply-to.gone") == []


EXCHANGES = "abcd"
EDGES = st.lists(st.tuples(st.sampled_from(EXCHANGES), st.sampled_from(EXCHANGES + "123")), max_size=12)
ALTERNATES = st.dictionaries(st.sampled_from(EXCHANGES), st.sampled_from(EXCHANGES + "z"))


@given(EDGES, ALTERNATES)
def test_the_queues_reached_are_those_reachable_in_the_graph(
    edges: list[tuple[str, str]], alternates: dict[str, str]
) -> None:
    world = World()
    exchanges = {name: world.exchange(name, "fanout", alternate=alternates.get(name)) for name in EXCHANGES}
    queues = {name: world.queue(name) for name in "123"}
    for source, destination in edges:
        world.bind(exchanges[source], exchanges.get(destination) or queues[destination])

    def following(name: str) -> list[str]:
        found = [destination for source, destination in edges if source == name]
        return found or [each for each in [alternates.get(name)] if each in exchanges]

    for start in EXCHANGES:
        reached, waiting = set(), [start]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += following(name)
        route = world.route(start, "k")
        assert sorted(route) == sorted(reached & set(queues))
        assert world.vhost.by_key(exchanges[start])


def test_a_headers_exchange_anywhere_on_the_way_means_that_the_key_does_not_decide(world: World) -> None:
    first, second = world.exchange("a"), world.exchange("b", "fanout", alternate="c")
    third = world.exchange("c", "headers")
    world.bind(first, second, "k")
    assert not world.vhost.by_key(first)
    world.vhost.delete_exchange(third)
    assert world.vhost.by_key(first)
    world.bind(second, world.vhost.exchanges["amq.match"])
    assert not world.vhost.by_key(first)
    unbind(second, world.vhost.exchanges["amq.match"], world)
    assert world.vhost.by_key(first)


# -- deletion ----------------------------------------------------------------------------------------------------------


def test_a_deleted_queue_takes_its_bindings_along(world: World) -> None:
    source, queue = world.exchange("x"), world.queue("q")
    world.bind(source, queue, "k")
    world.bind(source, queue, "l")
    world.vhost.delete_queue(queue)
    assert not source.outgoing
    assert world.route("x", "k") == []
    world.queue("q")
    assert world.route("x", "k") == []


def test_a_deleted_exchange_takes_its_bindings_on_both_sides_along(world: World) -> None:
    before, middle, queue = world.exchange("before"), world.exchange("middle"), world.queue("q")
    world.bind(before, middle, "k")
    world.bind(middle, queue, "k")
    world.bind(middle, middle, "k")
    world.vhost.delete_exchange(middle)
    assert not before.outgoing
    assert not queue.bindings
    assert "middle" not in world.vhost.exchanges


def test_an_auto_delete_exchange_goes_with_its_last_binding_as_a_source(world: World) -> None:
    source = world.exchange("x", auto_delete=True)
    first, second = world.queue("a"), world.queue("b")
    world.bind(source, first)
    world.bind(source, second)
    unbind(source, first, world)
    assert "x" in world.vhost.exchanges
    world.vhost.delete_queue(second)
    assert "x" not in world.vhost.exchanges


def test_an_auto_delete_exchange_that_is_only_a_destination_stays(world: World) -> None:
    source, destination = world.exchange("x"), world.exchange("y", auto_delete=True)
    world.bind(source, destination)
    unbind(source, destination, world)
    assert "y" in world.vhost.exchanges


def test_a_deletion_cascades_through_a_chain_of_auto_delete_exchanges(world: World) -> None:
    chain = [world.exchange(f"x{number}", auto_delete=True) for number in range(2000)]
    for source, destination in pairwise(chain):
        world.bind(source, destination)
    queue = world.queue("q")
    world.bind(chain[-1], queue)
    world.vhost.delete_queue(queue)
    assert not [name for name in world.vhost.exchanges if name.startswith("x")]


def test_a_cascade_ends_where_an_exchange_has_another_binding(world: World) -> None:
    kept, gone = world.exchange("kept", auto_delete=True), world.exchange("gone", auto_delete=True)
    queue = world.queue("q")
    world.bind(kept, gone)
    world.bind(kept, world.queue("other"))
    world.bind(gone, queue)
    world.vhost.delete_queue(queue)
    assert "kept" in world.vhost.exchanges
    assert "gone" not in world.vhost.exchanges


def test_a_cascade_through_a_cycle_ends(world: World) -> None:
    first, second = world.exchange("a", auto_delete=True), world.exchange("b", auto_delete=True)
    world.bind(first, second, "k")
    world.bind(first, second, "l")
    world.bind(second, first)
    world.bind(first, first)
    world.vhost.delete_exchange(first)
    assert not {"a", "b"} & set(world.vhost.exchanges)


CHANGES: dict[str, Callable[[World], object]] = {
    "a queue is declared": lambda world: world.queue("new"),
    "a queue is deleted": lambda world: world.vhost.delete_queue(world.vhost.queues["q"]),
    "an exchange is declared": lambda world: world.exchange("new"),
    "an exchange is deleted": lambda world: world.vhost.delete_exchange(world.vhost.exchanges["x"]),
    "a binding is made": lambda world: world.bind(world.vhost.exchanges["x"], world.vhost.queues["q"], "new"),
    "a binding is removed": lambda world: unbind(world.vhost.exchanges["x"], world.vhost.queues["q"], world, "k"),
    "somebody waits for replies": lambda world: world.vhost.reply_consumer_changed(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_generation_rises_when(world: World, change: str) -> None:
    world.bind(world.exchange("x"), world.queue("q"), "k")
    before = world.vhost.generation
    CHANGES[change](world)
    assert world.vhost.generation > before


def test_a_route_that_is_remembered_for_a_generation_stays_right(world: World) -> None:
    """Publishing and settling change no generation."""
    queue = world.queue("q")
    before = world.vhost.generation
    queue.publish(message())
    assert queue.get() is not None
    queue.purge()
    assert world.vhost.generation == before
