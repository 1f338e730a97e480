"""x-random: one binding for each message, drawn by lot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names


@pytest.mark.proves("random.one")
def test_each_message_goes_to_one_queue(channel: Channel, names: Names) -> None:
    channel.declare_exchange(names("e"), "x-random")
    queues = [names(f"q{number}") for number in range(3)]
    for queue in queues:
        channel.declare_queue(queue)
        channel.bind(queue, names("e"), "no matter")
    for _ in range(300):
        channel.publish(names("e"), "same", b"x", {"headers": {"CC": ["more"], "BCC": ["still more"]}})
    channel.fence(*queues)
    taken = [channel.purge(queue) for queue in queues]
    assert sum(taken) == 300
    assert min(taken) > 50


@pytest.mark.proves("random.one")
def test_a_queue_that_is_bound_often_is_drawn_often(channel: Channel, names: Names) -> None:
    channel.declare_exchange(names("e"), "x-random")
    for queue, count in (("often", 9), ("seldom", 1)):
        channel.declare_queue(names(queue))
        for number in range(count):
            channel.bind(names(queue), names("e"), f"key{number}")
    for _ in range(500):
        channel.publish(names("e"), "k")
    channel.fence(names("often"), names("seldom"))
    seldom = channel.purge(names("seldom"))
    assert channel.purge(names("often")) + seldom == 500
    assert 10 < seldom < 110


@pytest.mark.proves("random.one")
def test_without_bindings_nothing_is_drawn(channel: Channel, names: Names) -> None:
    channel.declare_exchange(names("e"), "x-random")
    channel.publish(names("e"), "k", mandatory=True)
    assert channel.expect("basic.return")["reply_code"] == 312
