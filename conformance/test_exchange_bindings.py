"""Bindings between exchanges: twice the same, many that match, and their arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names


def _copies(channel: Channel, exchange: str, key: str, queue: str) -> int:
    channel.publish(exchange, key, b"x")
    channel.fence(queue)
    return channel.purge(queue)


@pytest.fixture
def source(channel: Channel, names: Names) -> str:
    """An exchange whose messages reach the queue `q` once it is bound to `destination`."""
    channel.declare_exchange(names("source"), "topic")
    channel.declare_exchange(names("destination"), "fanout")
    channel.declare_queue(names("q"))
    channel.bind(names("q"), names("destination"))
    return names("source")


@pytest.mark.proves("exchange.bind.duplicates", "exchange.bind", "exchange.unbind")
def test_binding_twice_is_binding_once(channel: Channel, names: Names, source: str) -> None:
    destination, queue = names("destination"), names("q")
    channel.bind_exchange(destination, source, "k")
    channel.bind_exchange(destination, source, "k")
    assert _copies(channel, source, "k", queue) == 1
    channel.unbind_exchange(destination, source, "k")
    assert _copies(channel, source, "k", queue) == 0


@pytest.mark.proves("exchange.bind.unique", "exchange-bindings.once", "exchange.bind.routing-key")
def test_however_many_bindings_match_a_message_comes_once(channel: Channel, names: Names, source: str) -> None:
    for pattern in ("#", "a.*", "*.b", "a.b"):
        channel.bind_exchange(names("destination"), source, pattern)
    assert _copies(channel, source, "a.b", names("q")) == 1


@pytest.mark.proves("exchange.bind.unique", "exchange.bind.cyclical")
def test_a_message_comes_once_through_a_cycle_of_many_bindings(channel: Channel, names: Names, source: str) -> None:
    destination = names("destination")
    for pattern in ("#", "a.b"):
        channel.bind_exchange(destination, source, pattern)
        channel.bind_exchange(source, destination, pattern)
    assert _copies(channel, source, "a.b", names("q")) == 1


@pytest.mark.proves("exchange.bind.arguments", "exchange.unbind.arguments", "bindings.arguments")
def test_other_arguments_are_another_binding(channel: Channel, names: Names, source: str) -> None:
    destination, queue = names("destination"), names("q")
    channel.bind_exchange(destination, source, "k", {"a": 1})
    channel.bind_exchange(destination, source, "k", {"a": 2})
    channel.unbind_exchange(destination, source, "k", {"a": 1})
    channel.unbind_exchange(destination, source, "k")
    assert _copies(channel, source, "k", queue) == 1
    channel.unbind_exchange(destination, source, "k", {"a": 2})
    assert _copies(channel, source, "k", queue) == 0


@pytest.mark.proves("exchange.bind.arguments")
def test_the_arguments_are_those_of_the_sources_type(channel: Channel, names: Names, source: str) -> None:
    destination, queue = names("destination"), names("q")
    channel.bind_exchange(destination, "amq.headers", "", {"token": source})
    channel.publish("amq.headers", "", b"x", {"headers": {"token": "another"}})
    channel.publish("amq.headers", "", b"x", {"headers": {"token": source}})
    channel.fence(queue)
    assert channel.purge(queue) == 1


@pytest.mark.proves("queue.unbind", "queue.unbind.exchange", "queue.unbind.queue", "queue.unbind.routing-key")
def test_unbinding_removes_one_binding_of_several(channel: Channel, names: Names) -> None:
    queue, other, one, two = names("q"), names("r"), names("e1"), names("e2")
    for exchange in (one, two):
        channel.declare_exchange(exchange)
    for each in (queue, other):
        channel.declare_queue(each)
        for exchange in (one, two):
            for key in ("k", "l"):
                channel.bind(each, exchange, key)
    channel.unbind(queue, one, "k")
    left = {
        (each, exchange, key): _copies(channel, exchange, key, each)
        for each in (queue, other)
        for exchange in (one, two)
        for key in ("k", "l")
        if channel.purge(each) >= 0
    }
    assert left.pop((queue, one, "k")) == 0
    assert set(left.values()) == {1}
