"""Consumers of a stream that the broker knows by name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd.broker.compat import Compat
from amqpd.broker.consumer_arguments import validate
from amqpd.broker.queue_types.classic import Classic
from amqpd.broker.queue_types.stream import Stream
from amqpd.broker.stream.names import Progress
from amqpd.broker.stream.stream_queue import StreamQueue
from amqpd.errors import PreconditionFailed
from amqpd.fields import Field, Table, longstr, signedint
from tests.unit.broker.streams import batch, left, offsets, reading, stream
from tests.unit.broker.world import RecordingConsumer, World, numbered

WHAT = "queue 'q' in vhost '/'"


@pytest.fixture
def log(world: World) -> StreamQueue:
    """A stream of ten messages."""
    made = stream(world)
    batch(world, made, *numbered(10))
    return made


def named(world: World, log: StreamQueue, offset: object = "first", window: int = 5) -> RecordingConsumer:
    return reading(world, log, offset, window=window, x_stream_name="n")


def lost(log: StreamQueue, consumer: RecordingConsumer) -> None:
    """Its channel is lost with all that it held."""
    left(log, consumer)
    for each in consumer.unsettled:
        log.put_back(each)


def test_the_next_consumer_of_a_name_goes_on_behind_what_was_acknowledged(world: World, log: StreamQueue) -> None:
    first = named(world, log)
    for each in first.unsettled[:3]:
        first.ack(each)
    lost(log, first)
    assert log.positions == {"n": 3}
    assert offsets(named(world, log)) == [3, 4, 5, 6, 7]


def test_x_stream_offset_says_where_a_new_name_begins(world: World, log: StreamQueue) -> None:
    lost(log, named(world, log, 4))
    assert log.positions == {"n": 4}
    assert offsets(named(world, log, "next")) == [4, 5, 6, 7, 8]


def test_without_an_offset_a_new_name_begins_with_what_comes(world: World, log: StreamQueue) -> None:
    lost(log, named(world, log, None))
    batch(world, log, b"10")
    assert offsets(named(world, log, None)) == [10]


def test_what_is_older_than_an_acknowledgement_and_was_not_acknowledged_comes_again(
    world: World, log: StreamQueue
) -> None:
    first = named(world, log)
    for at in (4, 2, 1):
        first.ack(first.unsettled[at])
    lost(log, first)
    assert offsets(named(world, log)) == [0, 1, 2, 3, 4]


def test_what_was_given_back_comes_again_to_the_next_consumer(world: World, log: StreamQueue) -> None:
    first = named(world, log)
    held = list(first.unsettled)
    first.ack(held[0])
    first.requeue(held[2])
    first.ack(held[1])
    world.drain()
    while first.unsettled:
        first.ack(first.unsettled[0])
        world.drain()
    assert offsets(first) == list(range(10))
    left(log, first)
    assert log.positions == {"n": 2}
    assert offsets(named(world, log, window=0)) == list(range(2, 10))


def test_a_rejected_message_is_done_with(world: World, log: StreamQueue) -> None:
    first = named(world, log)
    log.reject(first.unsettled.pop(0))
    assert log.positions == {"n": 1}


def test_names_do_not_know_each_other(world: World, log: StreamQueue) -> None:
    one = named(world, log)
    other = reading(world, log, "next", window=5, x_stream_name="m")
    one.ack(one.unsettled[0])
    assert (log.positions, other.bodies) == ({"n": 1, "m": 10}, [])


def test_a_filter_does_not_hold_the_position_back(world: World, log: StreamQueue) -> None:
    batch(world, log, b"10", value=b"a")
    batch(world, log, b"11")
    consumer = reading(world, log, "first", x_stream_name="n", x_stream_filter="a")
    consumer.ack(consumer.unsettled[0])
    assert log.positions == {"n": 11}


def test_strictly_a_name_is_an_argument_that_nobody_knows() -> None:
    world = World(strict=True)
    log = stream(world)
    batch(world, log, *numbered(3))
    consumer = named(world, log)
    consumer.ack(consumer.unsettled[0])
    assert (log.positions, offsets(named(world, log))) == ({}, [0, 1, 2])
    validate(WHAT, Table.of({"x-stream-name": signedint(1)}), Classic, Compat.of(strict=True))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (signedint(1), "{unacceptable_type,signedint}"),
        (longstr(""), "invalid_stream_name"),
        (longstr("x" * 256), "{value_too_large,256}"),
    ],
)
def test_a_name_is_a_text_of_some_octets(value: Field, reason: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        validate(WHAT, Table.of({"x-stream-name": value}), Stream, Compat.of())
    assert refused.value.text == f"invalid arg 'x-stream-name' for {WHAT}: {reason}"


def test_other_queues_refuse_a_name() -> None:
    with pytest.raises(PreconditionFailed) as refused:
        validate(WHAT, Table.of({"x-stream-name": longstr("n")}), Classic, Compat.of())
    assert refused.value.text == f"invalid arg 'x-stream-name' for {WHAT} of queue type rabbit_classic_queue"


@settings(deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["ack", "return"]), st.integers(0, 9)), max_size=20),
    window=st.integers(1, 6),
)
def test_a_position_is_behind_all_that_was_settled_in_a_row(steps: list[tuple[str, int]], window: int) -> None:
    positions = {"n": 0}
    progress = Progress("n", positions)
    outstanding: list[int] = []
    settled: set[int] = set()
    returned: set[int] = set()
    following = 0
    for what, at in steps:
        while len(outstanding) < window:
            progress.delivered(following)
            outstanding.append(following)
            following += 1
        offset = outstanding.pop(at % len(outstanding))
        if what == "ack":
            settled.add(offset)
            progress.settled(offset)
        else:
            returned.add(offset)
            progress.given_back(offset)
        done = next(number for number in range(following + 1) if number not in settled)
        assert positions["n"] == done
