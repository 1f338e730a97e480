"""x-random and x-local-random."""

from __future__ import annotations

from collections import Counter

import pytest

from amqpd.errors import PreconditionFailed
from amqpd.fields import Table
from tests.unit.broker.world import World

BOTH = pytest.mark.parametrize("type_", ["x-random", "x-local-random"])


@BOTH
def test_each_message_goes_to_one_queue_by_lot(world: World, type_: str) -> None:
    source = world.exchange("x", type_)
    for name in ("a", "b", "c", "d"):
        world.bind(source, world.queue(name))
    found = Counter(queue for _ in range(2000) for queue in world.route("x", "same", "copy"))
    assert found.total() == 2000
    assert sorted(found) == ["a", "b", "c", "d"]
    assert min(found.values()) > 400


def test_two_bindings_are_two_lots(world: World) -> None:
    source = world.exchange("x", "x-random")
    for key in ("1", "2", "3"):
        world.bind(source, world.queue("often") if key == "1" else world.vhost.queues["often"], key)
    world.bind(source, world.queue("seldom"))
    found = Counter(queue for _ in range(2000) for queue in world.route("x", "k"))
    assert 400 < found["seldom"] < 600


def test_what_is_unbound_is_drawn_no_more(world: World) -> None:
    source = world.exchange("x", "x-random")
    queues = [world.queue(name) for name in ("a", "b", "c")]
    for queue in queues:
        world.bind(source, queue)
    world.vhost.delete_queue(queues[0])
    assert {queue for _ in range(100) for queue in world.route("x", "k")} == {"b", "c"}
    world.vhost.delete_queue(queues[2])
    assert world.route("x", "k") == ["b"]
    world.vhost.delete_queue(queues[1])
    assert world.route("x", "k") == []


def test_the_same_seed_draws_the_same() -> None:
    routes = []
    for _ in range(2):
        world = World()
        source = world.exchange("x", "x-random")
        for name in ("a", "b", "c"):
            world.bind(source, world.queue(name))
        routes.append([world.route("x", "k") for _ in range(50)])
    assert routes[0] == routes[1]


@BOTH
def test_no_route_is_remembered(world: World, type_: str) -> None:
    world.exchange("x", type_)
    assert not world.vhost.by_key(world.vhost.exchanges["x"])


@pytest.mark.parametrize("profile", ["3.10", "3.13"])
def test_local_random_came_with_4_0(profile: str) -> None:
    assert "x-local-random" not in World(profile).broker.exchange_types
    assert "x-random" in World(profile).broker.exchange_types


def test_local_random_binds_classic_queues_without_a_key(world: World) -> None:
    source = world.exchange("x", "x-local-random")
    queue, quorum = world.queue(), world.queue("quorum", {"x-queue-type": "quorum"})
    source.router.check("", Table(), queue)
    for key, destination, text in (
        ("k", queue, "Non empty binding 'k' key not permitted"),
        ("", quorum, "Queue type rabbit_quorum_queue not valid for this exchange type"),
        ("", source, "Destination not found"),
    ):
        with pytest.raises(PreconditionFailed) as refused:
            source.router.check(key, Table(), destination)
        assert refused.value.text == text
