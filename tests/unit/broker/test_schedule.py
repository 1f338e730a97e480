"""The schedule of one queue: what is due is handed over in order, in slices, behind one timer."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from amqpd.broker.schedule import OPENED, SLICE, Schedule
from amqpd.broker.timers import Timers
from amqpd.clock import ManualClock


class Kept:
    """A schedule on a clock that stands still, and what it handed over."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.timers = Timers(self.clock)
        self.slices: list[list[int]] = []
        self.schedule = Schedule(self.timers, self.slices.append)

    @property
    def due(self) -> list[int]:
        return [number for each in self.slices for number in each]

    def add(self, seconds: float, number: int) -> None:
        """Due in so many seconds."""
        self.schedule.add(self.clock.monotonic() + seconds, number)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        while self.timers.run_due():
            pass


@example([0], [28, 4, 0])
@given(st.lists(st.integers(0, 400), max_size=60), st.lists(st.integers(0, 100), min_size=1, max_size=6))
def test_numbers_are_handed_over_at_their_time_and_in_its_order(dues: list[int], steps: list[int]) -> None:
    """Whatever is added between, and however time passes."""
    kept = Kept()
    expected: list[tuple[float, int]] = []
    now = kept.clock.monotonic()
    for step in steps:
        for number, due in enumerate(dues[: len(dues) // len(steps) + 1], start=len(expected) + 1):
            expected.append((now + due / 100, number))
            kept.schedule.add(now + due / 100, number)
        now += step / 100
        kept.advance(step / 100)
        assert sorted(kept.due) == [number for due, number in expected if due <= now + 1e-9]
        assert len(kept.timers) <= 1
        assert len(kept.schedule) == len(expected) - len(kept.due)
    kept.advance(10)
    assert len(kept.due) == len(expected)


def test_the_earliest_comes_first_however_many_are_of_one_moment() -> None:
    kept = Kept()
    count = 3 * OPENED
    for number in range(count, 0, -1):
        kept.add(5 + number / 1_000_000, number)
    kept.advance(4.9)
    assert not kept.due
    kept.advance(0.2)
    assert kept.due == list(range(1, count + 1))
    assert max(map(len, kept.slices)) == SLICE


def test_the_earliest_can_be_taken_out() -> None:
    kept = Kept()
    for number, due in ((1, 100), (2, 3), (3, 50)):
        kept.add(due, number)
    assert [kept.schedule.pop(), kept.schedule.pop()] == [2, 3]
    kept.advance(60)
    kept.add(1, 4)
    kept.advance(50)
    assert kept.due == [4, 1]


def test_nothing_is_due_once_it_was_cleared() -> None:
    kept = Kept()
    kept.add(1, 1)
    kept.schedule.clear()
    assert not len(kept.timers)
    kept.add(2, 2)
    kept.advance(3)
    assert kept.due == [2]
