"""The clocks: real time, real time with jumps, and time that stands still."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.clock import Clock, ManualClock, OffsetClock, SystemClock

JUMP = 1e6
"""Seconds, far more than any test takes."""


@pytest.mark.parametrize("make", [SystemClock, OffsetClock])
def test_a_real_clock_shows_real_time(make: Callable[[], Clock]) -> None:
    clock = make()
    for face, real in ((clock.monotonic, time.monotonic), (clock.wall, time.time)):
        before, shown, after = real(), face(), real()
        assert before <= shown <= after


@pytest.mark.parametrize("make", [SystemClock, OffsetClock, ManualClock])
def test_a_deadline_that_has_passed_needs_no_sleep(make: Callable[[], Clock]) -> None:
    clock = make()
    now = clock.monotonic()
    assert clock.seconds_until(now) == 0.0
    assert clock.seconds_until(now - 5) == 0.0


@pytest.mark.parametrize("make", [SystemClock, OffsetClock])
def test_a_deadline_ahead_needs_as_long_a_sleep(make: Callable[[], Clock]) -> None:
    clock = make()
    before = clock.monotonic()
    seconds = clock.seconds_until(before + JUMP)
    assert JUMP - (clock.monotonic() - before) <= seconds <= JUMP


@pytest.mark.parametrize("make", [OffsetClock, ManualClock])
@pytest.mark.parametrize("seconds", [-1, -1e-9, float("-inf")])
def test_time_only_moves_forward(make: Callable[[], OffsetClock | ManualClock], seconds: float) -> None:
    clock = make()
    with pytest.raises(ValueError, match=r"time only moves forward: got -.* seconds, expected 0 or more"):
        clock.advance(seconds)


def test_an_offset_clock_jumps_with_both_faces() -> None:
    clock = OffsetClock()
    monotonic, wall = clock.monotonic(), clock.wall()
    clock.advance(JUMP)
    clock.advance(0)
    assert JUMP <= clock.monotonic() - monotonic < 2 * JUMP
    assert JUMP - 1 <= clock.wall() - wall < 2 * JUMP


def test_a_jump_brings_a_deadline_nearer() -> None:
    clock = OffsetClock()
    deadline = clock.monotonic() + 2 * JUMP
    clock.advance(JUMP)
    assert clock.seconds_until(deadline) <= JUMP
    clock.advance(JUMP)
    assert clock.seconds_until(deadline) == 0.0


def test_a_frozen_clock_moves_by_jumps_alone() -> None:
    clock = OffsetClock()
    clock.freeze()
    shown = clock.monotonic()
    assert clock.monotonic() == shown
    clock.advance(10)
    assert clock.monotonic() == pytest.approx(shown + 10, abs=1e-6)


def test_a_frozen_clock_never_comes_to_a_deadline_by_itself() -> None:
    clock = OffsetClock()
    clock.freeze()
    deadline = clock.monotonic() + 1
    assert clock.seconds_until(deadline) == float("inf")
    clock.advance(1)
    assert clock.seconds_until(deadline) == 0.0
    clock.unfreeze()
    assert clock.seconds_until(clock.monotonic() + JUMP) <= JUMP


def test_an_unfrozen_clock_runs_on_from_what_it_showed() -> None:
    clock = OffsetClock()
    start = time.monotonic()
    clock.freeze()
    shown = clock.monotonic()
    clock.advance(JUMP)
    clock.unfreeze()
    passed = time.monotonic() - start
    assert shown + JUMP - 1e-6 <= clock.monotonic() <= shown + JUMP + passed + (time.monotonic() - start)


def test_freezing_twice_is_freezing_once() -> None:
    clock = OffsetClock()
    clock.freeze()
    shown = clock.monotonic()
    clock.freeze()
    assert clock.monotonic() == shown


def test_unfreezing_a_running_clock_changes_nothing() -> None:
    clock = OffsetClock()
    before = time.monotonic()
    clock.unfreeze()
    assert before <= clock.monotonic() <= time.monotonic()


@given(st.lists(st.one_of(st.sampled_from(["freeze", "unfreeze"]), st.floats(0, 1e4))))
def test_an_offset_clock_never_goes_back(steps: list[str | float]) -> None:
    clock = OffsetClock()
    last = clock.monotonic()
    for step in steps:
        if step == "freeze":
            clock.freeze()
        elif step == "unfreeze":
            clock.unfreeze()
        elif isinstance(step, float):
            clock.advance(step)
        shown = clock.monotonic()
        assert shown >= last - 1e-6
        last = shown


def test_a_manual_clock_stands_still() -> None:
    clock = ManualClock(monotonic=5.0, wall=100.0)
    assert [clock.monotonic(), clock.monotonic(), clock.wall(), clock.wall()] == [5.0, 5.0, 100.0, 100.0]
    clock.advance(2.5)
    assert (clock.monotonic(), clock.wall()) == (7.5, 102.5)


def test_a_manual_clock_lets_its_sleeper_sleep() -> None:
    clock = ManualClock()
    deadline = clock.monotonic() + 1
    assert clock.seconds_until(deadline) == float("inf")
    clock.advance(1)
    assert clock.seconds_until(deadline) == 0.0
