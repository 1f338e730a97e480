"""The timer heap against a sorted list, and how it asks to be woken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.timers import Timer, Timers
from amqpd.clock import ManualClock


def ticking() -> tuple[ManualClock, Timers, list[str]]:
    clock = ManualClock(monotonic=0.0)
    return clock, Timers(clock), []


def test_a_timer_runs_at_its_deadline_and_not_before() -> None:
    clock, timers, ran = ticking()
    timers.after(1.0, lambda: ran.append("a"))
    clock.advance(0.5)
    timers.run_due()
    assert ran == []
    clock.advance(0.5)
    timers.run_due()
    timers.run_due()
    assert ran == ["a"]
    assert len(timers) == 0


def test_equal_deadlines_run_in_the_order_in_which_they_were_set() -> None:
    clock, timers, ran = ticking()
    for name in "abcd":
        timers.at(1.0, lambda name=name: ran.append(name))  # type: ignore[misc]  # mypy infers no type for the default
    clock.advance(1)
    timers.run_due()
    assert ran == ["a", "b", "c", "d"]


def test_a_cancelled_timer_never_runs_and_counts_no_more() -> None:
    clock, timers, ran = ticking()
    timer = timers.after(1.0, lambda: ran.append("a"))
    timers.cancel(timer)
    timers.cancel(timer)
    timers.cancel(None)
    assert len(timers) == 0
    assert timers.next_deadline() is None
    clock.advance(2)
    assert not timers.run_due()
    assert ran == []


def test_cancelling_a_timer_that_has_run_is_harmless() -> None:
    clock, timers, ran = ticking()
    timer = timers.after(0.0, lambda: ran.append("a"))
    timers.run_due()
    timers.cancel(timer)
    timers.after(1.0, lambda: ran.append("b"))
    assert len(timers) == 1
    clock.advance(1)
    timers.run_due()
    assert ran == ["a", "b"]


def test_a_budget_leaves_the_rest_for_the_next_turn() -> None:
    _, timers, ran = ticking()
    for _ in range(5):
        timers.after(0.0, lambda: ran.append("x"))
    assert timers.run_due(budget=3)
    assert len(ran) == 3
    assert not timers.run_due(budget=3)
    assert len(ran) == 5


def test_a_timer_may_cancel_another_that_is_due_at_the_same_time() -> None:
    _, timers, ran = ticking()
    second: list[Timer] = []
    timers.after(0.0, lambda: timers.cancel(second[0]))
    second.append(timers.after(0.0, lambda: ran.append("cancelled")))
    timers.run_due()
    assert ran == []


def test_whoever_sleeps_is_woken_for_an_earlier_deadline_only() -> None:
    clock, timers, woken = ticking()
    timers.on_earlier = lambda: woken.append("wake")
    timers.after(5.0, lambda: None)
    timers.after(9.0, lambda: None)
    assert len(woken) == 1
    timers.after(1.0, lambda: None)
    assert len(woken) == 2
    assert timers.next_deadline() == clock.monotonic() + 1.0


def test_the_sleep_is_as_long_as_the_clock_says() -> None:
    clock, timers, _ = ticking()
    assert timers.seconds_to_next() == float("inf")
    timers.after(1.0, lambda: None)
    assert timers.seconds_to_next() == float("inf"), "only a caller moves this clock"
    clock.advance(1)
    assert timers.seconds_to_next() == 0.0


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("at"), st.integers(0, 50)),
        st.tuples(st.just("cancel"), st.integers(0, 400)),
        st.tuples(st.just("advance"), st.integers(0, 10)),
        st.tuples(st.just("churn"), st.integers(0, 50)),
    ),
    max_size=60,
)


@given(ACTIONS)
def test_timers_run_in_the_order_of_their_deadlines_then_of_their_age(actions: list[tuple[str, int]]) -> None:
    """`churn` sets and cancels many, so that cancelled ones are cleared out of the heap."""
    clock, timers, _ = ticking()
    expected: dict[int, float] = {}
    made: list[Timer] = []
    ran: list[int] = []

    def schedule(delay: float) -> None:
        number = len(made)
        made.append(timers.after(delay, lambda: ran.append(number)))
        expected[number] = made[-1].deadline

    for action, value in actions:
        if action == "at":
            schedule(value)
        elif action == "churn":
            for offset in range(70):
                schedule(value + offset)
                timers.cancel(made[-1])
                del expected[len(made) - 1]
        elif action == "cancel":
            if made:
                number = value % len(made)
                timers.cancel(made[number])
                expected.pop(number, None)
        else:
            clock.advance(value)
            while timers.run_due(budget=3):
                pass
            now = clock.monotonic()
            due = sorted((deadline, number) for number, deadline in expected.items() if deadline <= now)
            assert ran == [number for _, number in due]
            for number in ran:
                del expected[number]
            ran.clear()
        assert len(timers) == len(expected)
        assert timers.next_deadline() == min(expected.values(), default=None)
