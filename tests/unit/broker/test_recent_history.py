"""x-recent-history: what it keeps, who gets it, what it costs."""

from __future__ import annotations

import pytest

from amqpd import fields
from amqpd.broker.message import OVERHEAD
from amqpd.errors import PreconditionFailed
from amqpd.fields import Field, Table
from amqpd.properties import Properties
from tests.unit.broker.world import World, numbered


def filled(count: int, length: int | None = None) -> World:
    world = World()
    world.exchange("x", "x-recent-history", {} if length is None else {"x-recent-history-length": length})
    for body in numbered(count):
        world.publish("x", "k", body=body)
    return world


def replayed(world: World, name: str = "late") -> list[bytes]:
    world.bind(world.vhost.exchanges["x"], world.queue(name))
    world.drain()
    return world.bodies(name)


@pytest.mark.parametrize(("length", "kept"), [(None, 20), (3, 3), (50, 30)])
def test_a_new_binding_gets_the_latest_messages_oldest_first(length: int | None, kept: int) -> None:
    assert replayed(filled(30, length)) == numbered(30)[-kept:]


def test_every_new_binding_gets_them_again_and_the_same_one_does_not(world: World) -> None:
    source = world.exchange("x", "x-recent-history")
    world.publish("x", "k")
    queue = world.queue()
    for key, copies in (("a", 1), ("a", 0), ("b", 1)):
        world.bind(source, queue, key)
        assert world.bodies("q") == [b"body"] * copies


def test_bound_queues_get_each_message_once(world: World) -> None:
    source = world.exchange("x", "x-recent-history")
    queue = world.queue()
    world.bind(source, queue, "a")
    world.bind(source, queue, "b")
    assert world.publish("x", "k")
    assert world.bodies("q") == [b"body"]
    for binding in list(queue.bindings):
        world.vhost.unbind(binding)
    assert not world.publish("x", "k")


def test_a_bound_exchange_routes_the_history_with_its_keys(world: World) -> None:
    source, target = world.exchange("x", "x-recent-history"), world.exchange("y", "direct")
    world.bind(target, world.queue("first"), "k")
    world.bind(target, world.queue("copy"), "c")
    world.publish("x", "k", "c")
    world.publish("x", "other")
    world.bind(source, target)
    assert world.bodies("first") == world.bodies("copy") == [b"body"]


def test_what_comes_through_another_exchange_is_kept_too(world: World) -> None:
    source = world.exchange("f", "fanout")
    world.bind(source, world.exchange("x", "x-recent-history"))
    world.publish("f", "k", body=b"via")
    world.bind(world.vhost.exchanges["x"], world.queue("late"))
    (got,) = world.taken("late")
    assert (got.body, got.exchange, got.routing_key, got.redelivered) == (b"via", "f", "k", False)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (fields.boolean(True), False),
        (fields.boolean(False), True),
        (fields.longstr("true"), True),
        (fields.signedint(1), True),
        (fields.void(), True),
    ],
)
def test_a_true_no_store_header_keeps_a_message_out(world: World, value: Field, kept: bool) -> None:
    world.exchange("x", "x-recent-history")
    world.publish("x", "k", properties=Properties.of(headers=Table.of({"x-recent-history-no-store": value})))
    assert bool(replayed(world)) is kept


def test_a_long_history_is_given_out_in_slices() -> None:
    world = filled(2000, 2000)
    world.bind(world.vhost.exchanges["x"], world.queue("late"))
    assert world.vhost.queues["late"].message_count == 256
    world.drain()
    assert world.bodies("late") == numbered(2000)


def test_a_queue_that_goes_meanwhile_gets_no_more() -> None:
    world = filled(1000, 1000)
    queue = world.queue("late")
    world.bind(world.vhost.exchanges["x"], queue)
    world.vhost.delete_queue(queue)
    world.drain()
    assert world.octets == 1000 * OVERHEAD + sum(len(body) for body in numbered(1000))


def test_the_history_is_accounted_for_and_goes_with_the_exchange() -> None:
    world = filled(30, 5)
    assert world.octets == 5 * (OVERHEAD + 2)
    world.vhost.delete_exchange(world.vhost.exchanges["x"])
    assert world.octets == 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (fields.signedint(0), "0"),
        (fields.signedint(-1), "-1"),
        (fields.longstr("a"), '<<"a">>'),
        (fields.boolean(True), "true"),
        (fields.void(), "undefined"),
        (fields.double(5.0), "5.0"),
        (fields.timestamp(5), "5"),
    ],
)
def test_lengths_that_are_refused(world: World, value: Field, shown: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        world.exchange("x", "x-recent-history", Table.of({"x-recent-history-length": value}))
    assert refused.value.text == f"Invalid argument {shown}, 'x-recent-history-length' must be a positive integer"
