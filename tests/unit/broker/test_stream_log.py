"""The log of a stream: batches, times, segments."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd.broker.message import Account, Message
from amqpd.broker.stream.chunk import CHUNK
from amqpd.broker.stream.log import Log
from tests.unit.broker.world import message

BIG = 1_000_000
EMPTY_HEADER = 2
"""Octets of properties without any property."""


def filled(log: Log, *batches: tuple[int, int]) -> None:
    """Append batches: time, number of messages."""
    for time, count in batches:
        log.begin_batch(time)
        for _ in range(count):
            log.append(message(b"%d" % log.end), None)


def made(*batches: tuple[int, int], segment: int = BIG) -> Log:
    log = Log(Account(), segment)
    filled(log, *batches)
    return log


def content(log: Log) -> list[Message]:
    """Everything in it."""
    found: list[Message] = []
    at = log.first
    while at < log.end:
        messages, at = log.read(at, 1000)
        found += messages
    return found


def test_an_empty_log_begins_and_ends_at_0() -> None:
    log = made()
    assert (log.first, log.end, log.last_batch(), log.at_time(0), content(log)) == (0, 0, 0, 0, [])


def test_the_last_batch_is_where_the_newest_one_begins() -> None:
    assert made((1, 3), (2, 4)).last_batch() == 3


@pytest.mark.parametrize("count", [CHUNK - 1, CHUNK, CHUNK + 1])
def test_a_batch_may_be_as_long_as_a_chunk(count: int) -> None:
    log = made((1, count), (2, 1))
    assert (log.last_batch(), log.at_time(1), log.at_time(2), log.at_time(3)) == (count, 0, count, count + 1)


def test_a_clock_that_goes_back_does_not_take_the_log_along() -> None:
    log = made((5, 1), (3, 1), (6, 1))
    assert (log.at_time(4), log.at_time(5), log.at_time(6)) == (0, 0, 2)


def test_a_segment_is_full_once_it_has_its_octets() -> None:
    log = made((1, 1), segment=3 * (EMPTY_HEADER + 1))
    log.begin_batch(1)
    assert [log.append(message(b"x"), None) for _ in range(6)] == [False, False, True, False, False, True]
    assert [(each.chunks, each.octets) for each in log.segments] == [(1, 9), (1, 9)]


def test_a_dropped_segment_takes_its_messages_along() -> None:
    log = made((1, 10), segment=3 * (EMPTY_HEADER + 1))
    log.drop_segments(2)
    assert (log.first, log.end, [each.number for each in content(log)]) == (6, 10, [6, 7, 8, 9])
    messages, behind = log.read(0, 100)
    assert ([each.number for each in messages], behind) == ([6, 7, 8], 9)


def test_the_account_is_as_before_once_all_has_gone() -> None:
    account = Account()
    log = Log(account, 100)
    filled(log, (1, 3 * CHUNK))
    for work in (log.drop_segments(2), log.clear()):
        assert work is not None
        while work.step(1):
            pass
    assert account.octets == 0
    assert log.clear() is None


@settings(deadline=None)
@given(
    batches=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 700)), min_size=1, max_size=8),
    segment=st.sampled_from([1, 500, 3000, BIG]),
    dropped=st.integers(0, 3),
    data=st.data(),
)
def test_a_log_is_a_list_of_messages_with_times(
    batches: list[tuple[int, int]], segment: int, dropped: int, data: st.DataObject
) -> None:
    log = Log(Account(), segment)
    times: list[int] = []
    starts: list[int] = []
    now = 10
    for later, count in batches:
        now += later
        starts.append(len(times))
        times += [now] * count
        filled(log, (now, count))
    log.drop_segments(min(dropped, len(log.segments)))
    assert log.end == len(times)
    assert [each.body for each in content(log)] == [b"%d" % number for number in range(log.first, log.end)]
    assert log.last_batch() == max(starts[-1], log.last_batch())
    assert log.last_batch() < log.end
    time = data.draw(st.integers(5, now + 5))
    found = log.at_time(time)
    assert found == next((at for at, each in enumerate(times) if each >= time and at >= log.first), log.end)
    offset = data.draw(st.integers(0, log.end - 1))
    messages, behind = log.read(offset, 50)
    assert [each.number for each in messages] == list(range(max(offset, log.first), behind))


def test_times_of_batches_never_fall() -> None:
    log = made(*[(time, 100) for time in range(30)])
    found = [log.at_time(time) for time in range(30)]
    assert all(one < other for one, other in pairwise(found))
