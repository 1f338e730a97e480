"""Clients that got some way into the handshake, and how a refusal before connection.open looks to them."""

from __future__ import annotations

from pamqp import commands

from amqpd.protocol.endpoint import Endpoint
from tests.protocol.harness import HEADER, LOOPBACK, Client, World, raw_method


def started(world: World, endpoint: Endpoint = LOOPBACK) -> Client:
    """A client that got connection.start."""
    client = world.connect(endpoint)
    client.send(HEADER)
    assert client.read()[0].name == "Connection.Start"
    return client


def tuned(world: World) -> Client:
    """A client that got connection.tune."""
    client = started(world)
    client.start_ok()
    client.only(commands.Connection.Tune, channel=0)
    return client


def opening(world: World, user: str = "guest") -> Client:
    """A client that has sent tune-ok."""
    client = started(world)
    client.start_ok(user=user)
    client.tune_ok()
    client.read()
    return client


def assert_silence_then_drop(world: World, client: Client) -> None:
    """Nothing for three seconds, then the end of the TCP connection."""
    assert client.take() == b""
    client.send(HEADER, raw_method(0, 10, 40, b"\x01/\x00\x00"))
    world.advance(2.99)
    assert not client.has_ended()
    world.advance(0.02)
    assert client.has_ended()
    assert client.take() == b""
    assert client.connection not in world.node.connections
