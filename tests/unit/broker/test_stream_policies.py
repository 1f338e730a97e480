"""Policies of streams: the policy wins over the argument, and segments keep the size they were declared with."""

from __future__ import annotations

import pytest

from amqpd.broker.operations.policies import clear_policy, set_policy
from tests.unit.broker.streams import batch, stream
from tests.unit.broker.world import World

BODY = b"x" * 98
"""With its header of two octets, 100."""


def policy(world: World, definition: dict[str, object], apply_to: str = "all") -> None:
    set_policy(world.broker, world.vhost, "p", "", definition, apply_to=apply_to)


def test_a_limit_by_policy_takes_effect_at_once_and_goes_with_it(world: World) -> None:
    queue = stream(world, x_stream_max_segment_size_bytes=100, x_max_length_bytes=1000)
    batch(world, queue, *[BODY] * 10)
    policy(world, {"max-length-bytes": 300}, "streams")
    world.drain()
    assert queue.message_count == 3
    clear_policy(world.broker, world.vhost, "p")
    world.drain()
    batch(world, queue, *[BODY] * 20)
    assert queue.message_count == 10


def test_a_policy_may_allow_more_than_the_argument(world: World) -> None:
    policy(world, {"max-length-bytes": 2000, "max-age": "1D"})
    queue = stream(world, x_stream_max_segment_size_bytes=100, x_max_length_bytes=100, x_max_age="1s")
    batch(world, queue, *[BODY] * 10)
    world.advance(3600)
    assert queue.message_count == 10
    world.advance(24 * 3600)
    assert queue.message_count == 1


def test_the_size_of_segments_is_that_of_the_policy_at_the_declaration(world: World) -> None:
    policy(world, {"stream-max-segment-size-bytes": 100})
    queue = stream(world, x_stream_max_segment_size_bytes=10_000, x_max_length_bytes=100)
    policy(world, {"stream-max-segment-size-bytes": 10_000})
    world.drain()
    batch(world, queue, *[BODY] * 10)
    assert queue.message_count == 1


@pytest.mark.parametrize(
    "other",
    [{"max-length": 1}, {"message-ttl": 1}, {"expires": 1}, {"dead-letter-exchange": "x"}, {"overflow": "drop-head"}],
)
def test_a_policy_with_what_a_stream_cannot_do_is_passed_over(world: World, other: dict[str, object]) -> None:
    queue = stream(world, x_stream_max_segment_size_bytes=100)
    batch(world, queue, *[BODY] * 10)
    policy(world, {"max-length-bytes": 100, **other})
    world.advance(1)
    assert queue.message_count == 10


def test_a_policy_for_streams_alone_is_passed_over_by_other_queues(world: World) -> None:
    queue = world.queue()
    policy(world, {"max-length-bytes": 0, "max-age": "1D"})
    assert queue.settings.max_length_bytes is None
