"""Which segments of a stream go, and when."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd.broker.ages import milliseconds
from amqpd.broker.stream.log import Segment
from amqpd.broker.stream.retention import Retention
from tests.unit.broker.streams import batch, offsets, reading, stream
from tests.unit.broker.world import World, configure, numbered

BODY = b"x" * 98
"""With its header of two octets, 100."""


def kept(world: World) -> tuple[int, int]:
    """The first offset, and the count."""
    queue = world.vhost.queues["q"]
    return queue.browse(1)[0].number, queue.message_count


def test_without_limits_everything_stays(world: World) -> None:
    batch(world, stream(world, x_stream_max_segment_size_bytes=100), *[BODY] * 10)
    world.advance(10**9)
    assert kept(world) == (0, 10)


def test_a_stream_that_is_too_large_loses_whole_segments(world: World) -> None:
    batch(world, stream(world, x_stream_max_segment_size_bytes=200, x_max_length_bytes=500), *[BODY] * 10)
    assert kept(world) == (4, 6)  # when the last segment became full, the new one had one message


@pytest.mark.parametrize("limit", [0, 1, 99])
def test_the_newest_segment_stays(world: World, limit: int) -> None:
    batch(world, stream(world, x_stream_max_segment_size_bytes=100, x_max_length_bytes=limit), *[BODY] * 3)
    assert kept(world) == (2, 1)


def test_a_segment_that_is_not_full_stays_however_large_or_old(world: World) -> None:
    batch(world, stream(world, x_max_length_bytes=100, x_max_age="1s"), *[BODY] * 10)
    world.advance(3600)
    assert kept(world) == (0, 10)


def test_full_segments_go_when_their_newest_message_is_too_old(world: World) -> None:
    queue = stream(world, x_stream_max_segment_size_bytes=200, x_max_age="1h")
    batch(world, queue, BODY)
    world.advance(1800)
    batch(world, queue, BODY, BODY)  # the third one is in the second segment
    world.advance(3599)
    assert kept(world) == (0, 3)
    world.advance(1)
    assert kept(world) == (2, 1)


def test_no_timer_runs_while_nothing_can_become_too_old(world: World) -> None:
    batch(world, stream(world, x_max_age="1h"), BODY)
    assert world.broker.timers.next_deadline() is None


def test_a_deleted_stream_leaves_no_timer(world: World) -> None:
    queue = stream(world, x_stream_max_segment_size_bytes=1, x_max_age="1h")
    batch(world, queue, *numbered(3))
    world.vhost.delete_queue(queue)
    assert world.broker.timers.next_deadline() is None


def test_limits_that_change_take_effect_at_once(world: World) -> None:
    queue = stream(world, x_stream_max_segment_size_bytes=100)
    batch(world, queue, *[BODY] * 10)
    configure(queue, max_length_bytes=300)
    assert kept(world) == (7, 3)
    world.advance(60)
    configure(queue, max_length_bytes=None, max_age="1m")
    assert kept(world) == (9, 1)


def test_segments_keep_the_size_that_the_stream_was_declared_with(world: World) -> None:
    queue = stream(world, x_max_length_bytes=100)
    configure(queue, stream_max_segment_size_bytes=100)
    batch(world, queue, *[BODY] * 10)
    assert kept(world) == (0, 10)


def test_a_reader_of_what_has_gone_goes_on_with_what_is_there(world: World) -> None:
    queue = stream(world, x_stream_max_segment_size_bytes=100, x_max_length_bytes=300)
    batch(world, queue, *[BODY] * 3)
    consumer = reading(world, queue, window=1)
    batch(world, queue, *[BODY] * 7)
    consumer.ack(consumer.unsettled[0])
    world.drain()
    assert offsets(consumer) == [0, 7]


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 100), max_size=8),
    newest=st.integers(1, 100),
    limit=st.integers(0, 600),
)
def test_as_many_segments_stay_as_fit(sizes: list[int], newest: int, limit: int) -> None:
    segments = [Segment(1, octets, 0) for octets in sizes]
    gone = Retention(limit, None).excess(segments, newest, 0)
    assert gone == 0 or newest + sum(sizes[gone - 1 :]) > limit
    assert gone == len(sizes) or newest + sum(sizes[gone:]) <= limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1s", 1000), ("2m", 120_000), ("1h", 3_600_000), ("1D", 86_400_000), ("1M", 2_592_000_000)],
)
def test_units_of_ages(text: str, expected: int) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "0D", "00h", "1d", "1H", "1.5h", "-1h", " 1h", "h", "\u0661h"])
def test_texts_that_are_no_age(text: str) -> None:
    assert milliseconds(text) is None
