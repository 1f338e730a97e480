"""A message through a whole broker in memory, sockets left out: `make bench-parts`. One round is MESSAGES messages."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from pamqp import commands

from tests.protocol.harness import Client, World, publish, raw_method

MESSAGES = 5000
PIECE = 65_536
"""Octets that arrive at a time."""

Benchmark = Callable[..., object]


def pieces(stream: bytes) -> list[bytes]:
    return [stream[at : at + PIECE] for at in range(0, len(stream), PIECE)]


def feed(client: Client, parts: list[bytes]) -> int:
    """Give the broker octets a piece at a time, each a turn; return how many octets all clients were sent."""
    world, sent = client.world, 0
    for part in parts:
        client.feed(part)
        world.settle()
        for each in world.clients:
            sent += len(each.wire.received)
            each.wire.received.clear()
    return sent


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("size", [16, 1024])
def test_publish_and_deliver_without_acks(benchmark: Benchmark, world: World, size: int) -> None:
    publisher, consumer = world.open(), world.open()
    consumer.declare("q")
    consumer.consume("q", "c", no_ack=True)
    stream = pieces(publish("q", bytes(size)) * MESSAGES)
    assert benchmark(lambda: feed(publisher, stream))


@pytest.mark.parametrize("every", [1, 100], ids=["each", "every hundredth"])
def test_publish_with_confirms_deliver_and_ack(benchmark: Benchmark, world: World, every: int) -> None:
    publisher, consumer = world.open(), world.open()
    consumer.declare("q")
    consumer.consume("q", "c")
    publisher.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    stream = pieces(publish("q", bytes(16)) * MESSAGES)
    settled = 0

    def run() -> int:
        nonlocal settled
        sent = feed(publisher, stream)
        tags = range(settled + every, settled + MESSAGES + 1, every)
        settled += MESSAGES
        acks = b"".join(raw_method(1, 60, 80, struct.pack(">QB", tag, every > 1)) for tag in tags)
        return sent + feed(consumer, pieces(acks))

    assert benchmark(run)
    assert world.broker.vhosts["/"].queues["q"].unacked == 0


def test_publish_only_into_a_deep_queue(benchmark: Benchmark, world: World) -> None:
    publisher = world.open()
    publisher.declare("q")
    stream = pieces(publish("q", bytes(16)) * MESSAGES)
    benchmark(lambda: feed(publisher, stream))
    assert world.broker.vhosts["/"].queues["q"].message_count >= MESSAGES


@pytest.mark.parametrize("kind", ["direct", "topic", "fanout", "headers"])
def test_a_new_route_for_each_message(benchmark: Benchmark, world: World, kind: str) -> None:
    publisher, consumer = world.open(), world.open()
    consumer.ask(commands.Exchange.Declare(exchange="x", exchange_type=kind), commands.Exchange.DeclareOk)
    consumer.declare("q")
    consumer.consume("q", "c", no_ack=True)
    for number in range(100):
        key = f"plant{number}.#" if kind == "topic" else f"plant{number}.line"
        consumer.ask(commands.Queue.Bind(queue="q", exchange="x", routing_key=key), commands.Queue.BindOk)
    keys = (f"plant{number % 100}.line" + (f"{number}" if kind == "topic" else "") for number in range(MESSAGES))
    stream = pieces(b"".join(publish(key, bytes(16), "x") for key in keys))
    assert benchmark(lambda: feed(publisher, stream)) or kind == "headers"
