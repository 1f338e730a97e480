"""Filters: a consumer gets the messages whose value it asked for, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd.broker.stream.chunk import CHUNK
from amqpd.broker.stream.filters import value_of
from amqpd.fields import Field, Table, array, longstr, signedint
from amqpd.properties import Properties
from tests.unit.broker.streams import arguments, batch, filtered, offsets, reading, stream
from tests.unit.broker.world import RecordingConsumer, World, message, numbered

VALUES = st.sampled_from([b"a", b"b", b"c", None])


def mixed(world: World) -> None:
    """a, b, none, a."""
    queue = stream(world)
    for value in (b"a", b"b", None, b"a"):
        batch(world, queue, b"x", value=value)


@pytest.mark.parametrize(
    ("wanted", "unfiltered", "expected"),
    [
        ("a", False, [0, 3]),
        (["a", "b"], False, [0, 1, 3]),
        ("a", True, [0, 2, 3]),
        ("z", False, []),
        ([], True, [2]),
        (["a", 5], False, [0, 3]),
        (5, False, [0, 1, 2, 3]),
        (5, True, [0, 1, 2, 3]),
        ("a", 1, [0, 3]),
    ],
)
def test_a_filter_is_a_text_or_some(
    world: World, wanted: object, unfiltered: object, expected: list[int]
) -> None:
    mixed(world)
    queue = world.vhost.queues["q"]
    got = reading(world, queue, x_stream_filter=wanted, x_stream_match_unfiltered=unfiltered)
    assert offsets(got) == expected


def test_matching_unfiltered_alone_filters_nothing(world: World) -> None:
    mixed(world)
    assert offsets(reading(world, world.vhost.queues["q"], x_stream_match_unfiltered=True)) == [0, 1, 2, 3]


def test_only_a_text_is_a_filter_value() -> None:
    def with_value(field: Field) -> Properties:
        return Properties.of(headers=Table.of({"x-stream-filter-value": field}))

    assert value_of(with_value(longstr("a"))) == b"a"
    assert value_of(with_value(signedint(1))) is None
    assert value_of(with_value(array([longstr("a")]))) is None
    assert value_of(Properties.of(headers=Table.of({"x": longstr("x-stream-filter-value")}))) is None
    assert value_of(Properties.of(message_id="x-stream-filter-value")) is None


def test_before_3_13_nobody_knew_filters() -> None:
    world = World("3.10")
    mixed(world)
    assert offsets(reading(world, world.vhost.queues["q"], x_stream_filter="a")) == [0, 1, 2, 3]


def test_messages_that_are_passed_over_cost_the_turn_something(world: World) -> None:
    """Otherwise a filter that matches nothing would look at the whole log in one turn."""
    queue = stream(world)
    batch(world, queue, *numbered(20 * CHUNK))
    queue.add_consumer(RecordingConsumer(queue, arguments=arguments("first", x_stream_filter="a")))
    queue.resume()
    turns = 1
    while world.broker.drain(512):
        turns += 1
    assert 3 <= turns <= 10


def test_a_consumer_at_the_end_is_filtered_too(world: World) -> None:
    queue = stream(world)
    consumer = reading(world, queue, None, x_stream_filter="a")
    batch(world, queue, b"0", value=b"b")
    batch(world, queue, b"1", value=b"a")
    assert consumer.bodies == [b"1"]


@settings(deadline=None)
@given(
    values=st.lists(VALUES, max_size=40),
    wanted=st.lists(st.sampled_from(["a", "b", "c", "z"]), max_size=3),
    unfiltered=st.booleans(),
    repeated=st.sampled_from([1, CHUNK // 8]),
    window=st.integers(0, 2),
)
def test_a_filtered_reader_gets_exactly_what_matches_in_order(
    values: list[bytes | None], wanted: list[str], unfiltered: bool, repeated: int, window: int
) -> None:
    world = World()
    queue = stream(world)
    values *= repeated
    for value in values:
        queue.publish(message(properties=filtered(value)))
    world.drain()
    consumer = reading(
        world, queue, window=window, x_stream_filter=wanted, x_stream_match_unfiltered=unfiltered
    )
    while consumer.unsettled and window:
        consumer.ack(consumer.unsettled[0])
        world.drain()
    matching = {each.encode() for each in wanted} | ({None} if unfiltered else set())
    assert offsets(consumer) == [at for at, value in enumerate(values) if value in matching]


@pytest.mark.parametrize("different", [3, 1000])
def test_few_and_many_different_values(world: World, different: int) -> None:
    queue = stream(world)
    for number in range(2 * CHUNK):
        queue.publish(message(properties=filtered(b"%d" % (number % different))))
    world.drain()
    consumer = reading(world, queue, x_stream_filter=["1", "2"])
    assert offsets(consumer) == [number for number in range(2 * CHUNK) if number % different in (1, 2)]
