"""The numbers that the specification asks for at least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names


@pytest.mark.proves("exchange.declare.minimum")
def test_sixteen_exchanges(channel: Channel, names: Names) -> None:
    for number in range(16):
        channel.declare_exchange(names(f"e{number}"))
    for number in range(16):
        channel.declare_exchange(names(f"e{number}"), passive=True)


@pytest.mark.proves("queue.declare.minimum-queues")
def test_256_queues(channel: Channel) -> None:
    queues = [channel.declare_queue(exclusive=True)["queue"] for _ in range(256)]
    assert len(set(queues)) == 256
    for queue in queues:
        channel.publish("", queue, b"x", mandatory=True)
    assert channel.quiet() == []


@pytest.mark.proves("queue.bind.binding-count")
def test_four_bindings_to_four_exchanges(channel: Channel, names: Names) -> None:
    queue, exchanges = names("q"), [names(f"e{number}") for number in range(4)]
    channel.declare_queue(queue)
    for exchange in exchanges:
        channel.declare_exchange(exchange)
        channel.bind(queue, exchange, "k")
    for exchange in exchanges:
        channel.publish(exchange, "k", exchange.encode())
    channel.fence(queue)
    assert channel.drain(queue) == [exchange.encode() for exchange in exchanges]


@pytest.mark.proves("basic.consume.01")
def test_sixteen_consumers(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    tags = [channel.consume(queue) for _ in range(16)]
    assert channel.counts(queue) == (0, 16)
    for _ in tags:
        channel.publish("", queue, b"x")
    assert sorted(delivery["consumer_tag"] for delivery in channel.deliveries(16)) == sorted(tags)
