"""Heartbeats in both directions: counted in octets, paused while the broker itself doesn't read."""

from __future__ import annotations

import pytest

from amqpd.broker.alarms import MEMORY
from tests.protocol.harness import HEADER, HEARTBEAT, Client, World, publish


def opened(world: World, heartbeat: int = 10) -> Client:
    client = world.open(heartbeat=heartbeat)
    client.take()
    return client


def test_without_heartbeats_a_silent_client_stays(world: World) -> None:
    client = opened(world, 0)
    world.advance(100_000)
    assert not client.has_ended()
    assert client.take() == b""


def test_the_first_half_interval_ends_with_a_heartbeat(world: World) -> None:
    client = opened(world)
    world.advance(4.99)
    assert client.take() == b""
    world.advance(0.02)
    assert client.take() == HEARTBEAT


def test_heartbeats_begin_at_tune_ok(world: World) -> None:
    client = world.connect()
    client.send(HEADER)
    client.start_ok()
    client.tune_ok(heartbeat=4)
    client.take()
    world.advance(2.01)
    assert client.take() == HEARTBEAT


def test_an_idle_broker_sends_one_every_half_interval(world: World) -> None:
    client = opened(world)
    for _ in range(20):
        world.advance(5)
        client.send(HEARTBEAT)
        assert client.take() == HEARTBEAT


def test_a_busy_broker_sends_none(world: World) -> None:
    """What was sent since the last tick stands for the heartbeat; only the first tick always sends."""
    client = opened(world)
    world.advance(5)
    assert client.take() == HEARTBEAT
    for _ in range(10):
        client.declare("q")
        world.advance(5)
        assert client.take() == b""
    world.advance(5)
    assert client.take() == HEARTBEAT


def test_a_client_that_reads_nothing_gets_no_pile_of_heartbeats(world: World) -> None:
    client = opened(world)
    client.wire.full = True
    for _ in range(10):
        world.advance(5)
        client.send(HEARTBEAT)
    client.wire.full = False
    client.world.settle()
    assert len(client.take()) <= 2 * len(HEARTBEAT)


def test_a_client_silent_since_open_is_dropped_after_two_intervals(world: World) -> None:
    """Nothing was received at the first check nor at the second one; no close is sent."""
    client = opened(world)
    world.advance(19.9)
    assert not client.has_ended()
    world.advance(10.2)
    assert client.has_ended()
    assert client.read() == []


@pytest.mark.parametrize("offset", [0.1, 3.0, 5.0, 9.9])
def test_a_client_is_dropped_between_two_and_three_intervals_after_its_last_octet(world: World, offset: float) -> None:
    client = opened(world)
    world.advance(offset)
    client.send(HEARTBEAT)
    world.advance(20)
    assert not client.has_ended()
    world.advance(10)
    assert client.has_ended()
    assert client.connection not in world.node.connections


def test_a_client_that_sends_heartbeats_stays(world: World) -> None:
    client = opened(world)
    for _ in range(100):
        world.advance(10)
        client.send(HEARTBEAT)
    assert not client.has_ended()


def test_any_octet_counts_even_half_a_frame(world: World) -> None:
    client = opened(world)
    for octet in publish("q", b"x" * 20):
        world.advance(15)
        client.send(bytes((octet,)))
    assert not client.has_ended()


def test_a_dropped_clients_messages_go_back(world: World) -> None:
    other = world.open()
    other.declare("q")
    client = opened(world)
    other.fill("q", b"m")
    client.get("q")
    world.advance(31)
    assert client.has_ended()
    assert other.get("q").body == b"m"


def test_a_blocked_clients_silence_is_not_held_against_it(world: World) -> None:
    client = opened(world)
    client.declare("q")
    world.broker.alarms.set(MEMORY, "test", True)
    client.fill("q", b"m")
    assert not client.is_read()
    world.advance(1000)
    assert not client.has_ended()
    world.broker.alarms.set(MEMORY, "test", False)
    world.settle()
    assert client.is_read()
    world.advance(9)
    assert not client.has_ended()
    world.advance(21)
    assert client.has_ended()


def test_a_stalled_clients_silence_is_not_held_against_it(world: World) -> None:
    client = opened(world)
    client.connection.stall(True)
    world.advance(1000)
    assert not client.has_ended()
    client.connection.stall(False)
    world.advance(40)
    assert client.has_ended()


def test_heartbeats_stop_with_the_connection(world: World) -> None:
    client = opened(world)
    client.vanish()
    world.advance(1000)
    assert client.take() == b""
    assert len(world.broker.timers) == 0
