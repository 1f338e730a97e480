"""Where a consumer of a stream begins."""

from __future__ import annotations

import pytest

from amqpd.broker.compat import PROFILES, Compat
from amqpd.broker.consumer_arguments import validate
from amqpd.broker.queue_types.stream import Stream
from amqpd.errors import InternalError, PreconditionFailed
from amqpd.fields import Field, Table, boolean, double, long, longstr, signedint, table, timestamp, void
from tests.unit.broker.streams import batch, offsets, reading, stream
from tests.unit.broker.world import World, numbered

ALL = tuple(PROFILES)
BEFORE_4_0 = ALL[: ALL.index("4.0")]
WHAT = "queue 'q' in vhost '/'"
NOW = 1_700_000_000
"""Where the manual clock starts, in seconds."""


def check(value: Field, profile: str = "4.2") -> None:
    validate(WHAT, Table.of({"x-stream-offset": value}), Stream, Compat.of(profile))


def started(world: World, offset: Field | object) -> list[int]:
    """What a consumer gets of three batches an hour apart: 0 and 1, 2 and 3, 4; then 5 is published."""
    queue = stream(world)
    batch(world, queue, *numbered(2))
    world.advance(3600)
    batch(world, queue, *numbered(2))
    world.advance(3600)
    batch(world, queue, b"4")
    consumer = reading(world, queue, offset)
    batch(world, queue, b"5")
    return offsets(consumer)


@pytest.mark.parametrize(
    ("offset", "first"),
    [
        (None, 5),
        ("next", 5),
        ("last", 4),
        ("first", 0),
        (0, 0),
        (3, 3),
        (5, 5),
        (-7, 0),
        (timestamp(0), 0),
        (timestamp(NOW), 0),
        (timestamp(NOW + 1), 2),
        (timestamp(NOW + 3600), 2),
        (timestamp(NOW + 7200), 4),
        (timestamp(NOW + 7201), 5),
        (timestamp(2**64 - 1), 5),
        ("1Y", 0),
        ("99999999999999999999999999999Y", 0),
        ("3h", 0),
        ("61m", 2),
        ("1s", 4),
        (Field("x", b"first", b"x\0\0\0\x05first"), 0),
        (Field("B", 3, b"B\x03"), 3),
    ],
)
def test_an_offset_is_a_word_a_number_a_time_or_an_age(world: World, offset: Field | object, first: int) -> None:
    assert started(world, offset) == list(range(first, 6))


def test_what_lies_below_a_number_is_never_delivered_even_if_the_log_has_yet_to_get_there(world: World) -> None:
    assert started(world, 6) == []
    consumer = reading(world, world.vhost.queues["q"], 8)
    batch(world, world.vhost.queues["q"], *numbered(4))
    assert offsets(consumer) == [8, 9]


def test_the_last_batch_may_still_be_open(world: World) -> None:
    queue = stream(world)
    batch(world, queue, b"0")
    consumer = reading(world, queue, "last")
    assert offsets(consumer) == [0]


@pytest.mark.parametrize("value", [longstr("1x"), longstr("5"), longstr("0h"), longstr("1h "), longstr("1d")])
@pytest.mark.parametrize("profile", ALL)
def test_a_text_that_is_no_age_is_refused(profile: str, value: Field) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        check(value, profile)
    reason = f"{{invalid_stream_offset_arg,{{longstr,{value.term()}}}}}"
    assert refused.value.text == f"invalid arg 'x-stream-offset' for {WHAT}: {reason}"


@pytest.mark.parametrize("text", ["abc", "", "-1h", "first "])
def test_a_text_that_begins_with_no_digit_crashed_until_4_0(text: str) -> None:
    for profile in (*BEFORE_4_0, "4.0"):
        with pytest.raises(InternalError):
            check(longstr(text), profile)
    for profile in ("4.2", "4.3"):
        with pytest.raises(PreconditionFailed):
            check(longstr(text), profile)


@pytest.mark.parametrize("value", [boolean(True), double(1.5), void(), table(Table()), Field("x", b"1h", b"")])
def test_values_of_other_types_make_the_broker_fail(value: Field) -> None:
    with pytest.raises(InternalError) as failed:
        check(value)
    assert failed.value.method == (0, 0)


@pytest.mark.parametrize("value", [signedint(-1), long(2**62), timestamp(5), longstr("first"), longstr("7D")])
def test_values_that_are_taken(value: Field) -> None:
    check(value)
