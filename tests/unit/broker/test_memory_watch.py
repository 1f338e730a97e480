"""Resource alarms, and when memory is short: the account with its hysteresis, and the resident size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.alarms import DISK, MEMORY, Alarms, MemoryWatch
from tests.unit.broker.world import RecordingPeer, World

LIMIT = 1000


class Watched:
    """Alarms that remember every change, and a watch over them."""

    def __init__(self, limit: int = LIMIT, floor: int = 0) -> None:
        self.alarms = Alarms()
        self.changes: list[tuple[str, ...]] = []
        self.alarms.on_change = lambda: self.changes.append(self.alarms.reasons)
        self.watch = MemoryWatch(self.alarms, limit, floor)

    @property
    def short(self) -> bool:
        return self.alarms.reasons == (MEMORY,)


def test_nothing_is_short_at_first() -> None:
    watched = Watched()
    assert (watched.alarms.reasons, watched.changes) == ((), [])


@pytest.mark.parametrize(("octets", "short"), [(0, False), (LIMIT, False), (LIMIT + 1, True)])
def test_the_account_is_short_above_the_limit(octets: int, short: bool) -> None:
    watched = Watched()
    watched.watch.check_account(octets)
    assert watched.short is short


def test_a_limit_that_is_set_below_what_an_empty_process_takes_raises_the_alarm_for_good() -> None:
    watched = Watched(floor=2 * LIMIT)
    assert watched.changes == [], "what is configured is about the account"
    watched.watch.set_limit(2 * LIMIT - 1)
    watched.watch.check_resident(LIMIT)
    watched.watch.set_limit(2 * LIMIT)
    assert watched.changes == [(MEMORY,), ()]


def test_the_account_must_fall_to_95_percent_to_end_the_alarm() -> None:
    watched = Watched()
    for octets, short in ((1001, True), (1000, True), (951, True), (950, False), (1000, False), (1001, True)):
        watched.watch.check_account(octets)
        assert watched.short is short, octets
    assert watched.changes == [(MEMORY,), (), (MEMORY,)]


@given(st.lists(st.integers(0, 2 * LIMIT), max_size=30))
def test_the_account_alone_decides_outside_the_band_and_never_flaps_within(accounts: list[int]) -> None:
    watched = Watched()
    short = False
    for octets in accounts:
        watched.watch.check_account(octets)
        if octets > LIMIT or octets <= LIMIT * 95 // 100:
            short = octets > LIMIT
        assert watched.short is short


def test_the_resident_size_is_short_above_the_limit_while_the_account_is_half_of_it() -> None:
    watched = Watched()
    watched.watch.check_account(LIMIT // 2)
    for octets, short in ((LIMIT, False), (LIMIT + 1, True), (LIMIT, False)):
        watched.watch.check_resident(octets)
        assert watched.short is short


def test_a_resident_size_that_stays_high_is_forgiven_once_the_account_is_below_half() -> None:
    """A Python heap seldom shrinks, so the alarm would never end."""
    watched = Watched()
    watched.watch.check_account(LIMIT // 2)
    watched.watch.check_resident(10 * LIMIT)
    assert watched.short
    watched.watch.check_account(LIMIT // 2 - 1)
    watched.watch.check_resident(10 * LIMIT)
    assert not watched.short


def test_a_high_resident_size_with_a_small_account_is_no_alarm() -> None:
    """What the process needs for itself can't be drained."""
    watched = Watched()
    watched.watch.check_resident(10 * LIMIT)
    assert not watched.short


def test_both_sources_must_clear() -> None:
    watched = Watched()
    watched.watch.check_account(LIMIT + 1)
    watched.watch.check_resident(LIMIT + 1)
    watched.watch.check_resident(LIMIT)
    assert watched.short
    watched.watch.check_resident(LIMIT + 1)
    watched.watch.check_account(LIMIT // 2)
    assert watched.short
    watched.watch.check_resident(LIMIT)
    assert watched.changes == [(MEMORY,), ()]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2 * LIMIT)), max_size=30), st.integers(0, 2 * LIMIT))
def test_an_empty_broker_always_ends_the_alarm(checks: list[tuple[bool, int]], resident: int) -> None:
    watched = Watched()
    for of_account, octets in checks:
        (watched.watch.check_account if of_account else watched.watch.check_resident)(octets)
    watched.watch.check_account(0)
    watched.watch.check_resident(resident)
    assert watched.alarms.reasons == ()


def test_a_limit_of_0_is_an_alarm_for_good() -> None:
    watched = Watched(0)
    for octets in (0, 1, 0):
        watched.watch.check_account(octets)
        watched.watch.check_resident(octets)
        assert watched.short
    assert watched.changes == [(MEMORY,)]


def test_the_watch_leaves_other_resources_alone() -> None:
    watched = Watched()
    watched.alarms.set(DISK, "volume", short=True)
    watched.watch.check_account(LIMIT + 1)
    watched.watch.check_account(0)
    assert watched.alarms.reasons == (DISK,)


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        ((MEMORY,), "low on memory"),
        ((DISK,), "low on disk"),
        ((MEMORY, DISK), "low on disk & memory"),
        ((DISK, MEMORY), "low on disk & memory"),
    ],
)
def test_the_text_names_disk_before_memory(resources: tuple[str, ...], text: str) -> None:
    alarms = Alarms()
    for each in resources:
        alarms.set(each, "test", short=True)
    assert alarms.text == text


def test_a_resource_is_short_while_any_of_its_sources_is() -> None:
    alarms = Alarms()
    changes: list[tuple[str, ...]] = []
    alarms.on_change = lambda: changes.append(alarms.reasons)
    alarms.set(MEMORY, "a", short=False)
    alarms.set(MEMORY, "a", short=True)
    alarms.set(MEMORY, "b", short=True)
    alarms.set(MEMORY, "a", short=False)
    alarms.set(MEMORY, "a", short=False)
    assert changes == [(MEMORY,)]
    alarms.set(MEMORY, "b", short=False)
    assert changes == [(MEMORY,), ()]


def test_every_connection_hears_of_a_change(world: World) -> None:
    peers = [world.session(name).peer for name in ("a", "b")]
    watch = MemoryWatch(world.broker.alarms, LIMIT)
    for octets in (LIMIT + 1, LIMIT + 2, 0):
        watch.check_account(octets)
    assert [each.alarms_seen for each in peers if isinstance(each, RecordingPeer)] == [2, 2]
