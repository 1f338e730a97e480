"""In what share of the time consumers took what came at once."""

from __future__ import annotations

import pytest
from pamqp import commands

from amqpd.broker.capacities import INTEREST, LOOKS, Capacities
from amqpd.broker.queue import Queue
from tests.protocol.harness import Client, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> Client:
    """With a window of one message, before an empty queue q."""
    client = world.open()
    client.declare("q")
    client.call(commands.Basic.Qos(prefetch_count=1))
    return client


def queue(world: World, name: str = "q") -> Queue:
    return world.broker.vhosts["/"].queues[name]


def capacity(world: World) -> float:
    return world.broker.capacities.of(queue(world))


def test_without_consumers_there_is_no_capacity_and_nothing_is_looked_at(world: World, client: Client) -> None:
    client.fill("q", b"x")
    assert capacity(world) == 0.0
    assert len(world.broker.capacities) == 0
    assert len(world.broker.timers) == 0


def test_a_full_window_takes_nothing_from_it_until_a_message_waits(world: World, client: Client) -> None:
    client.consume("q")
    client.fill("q", b"x")
    world.advance(60)
    assert capacity(world) == 1.0
    client.fill("q", b"y")
    world.advance(60)
    assert capacity(world) == pytest.approx(0, abs=0.001)
    client.call(commands.Basic.Ack(1))
    client.call(commands.Basic.Ack(2))
    world.advance(60)
    assert capacity(world) == pytest.approx(1, abs=0.001)


def test_the_first_answer_is_about_the_moment(world: World, client: Client) -> None:
    client.fill("q", b"x", b"y")
    client.consume("q")
    assert capacity(world) == 0.0


def test_a_paused_queue_takes_what_does_not_wait(world: World, client: Client) -> None:
    client.consume("q")
    queue(world).pause()
    assert capacity(world) == 1.0
    client.fill("q", b"x")
    assert Capacities(world.broker.timers).of(queue(world)) == 0.0


@pytest.mark.parametrize("busy", [0.2, 0.5, 0.8])
def test_a_share_of_each_second_comes_out_as_that_share(world: World, client: Client, busy: float) -> None:
    client.consume("q")
    assert capacity(world) == 1.0
    tag, shares = 0, []
    for _ in range(60):
        client.fill("q", b"x", b"y")
        world.advance(busy)
        tag += 2
        client.call(commands.Basic.Ack(tag - 1))
        client.call(commands.Basic.Ack(tag))
        world.advance(1 - busy)
        shares.append(capacity(world))
    assert shares[-1] == pytest.approx(1 - busy, abs=0.2)
    assert sum(shares[20:]) / len(shares[20:]) == pytest.approx(1 - busy, abs=0.1)


def test_a_queue_that_nobody_asks_for_is_forgotten_with_its_timer(world: World, client: Client) -> None:
    client.consume("q")
    capacity(world)
    world.advance(INTEREST - 1)
    assert len(world.broker.capacities) == 1
    capacity(world)
    world.advance(INTEREST - 1)
    assert len(world.broker.capacities) == 1
    world.advance(2)
    assert len(world.broker.capacities) == 0
    assert len(world.broker.timers) == 0


def test_what_is_gone_is_forgotten(world: World, client: Client) -> None:
    client.consume("q")
    capacity(world)
    client.call(commands.Queue.Delete(queue="q"))
    world.advance(1)
    assert len(world.broker.capacities) == 0


def test_of_many_queues_so_many_are_looked_at_in_one_go(world: World, client: Client) -> None:
    for number in range(LOOKS + 10):
        name = f"q{number}"
        client.declare(name)
        client.consume(name, tag=name)
        world.broker.capacities.of(queue(world, name))
        client.call(commands.Queue.Delete(queue=name))
    assert len(world.broker.timers) == 1
    world.advance(0.4)
    assert len(world.broker.capacities) == 10
