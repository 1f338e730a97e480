"""Outstanding deliveries against a dictionary, and what a settlement may cost."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amqpd.broker.unacked import Delivery, Unacked
from tests.forms import interpreted
from tests.unit.broker.cost import calls
from tests.unit.broker.world import World, message


def delivery(world: World, body: bytes = b"body") -> Delivery:
    return message(body), world.vhost.queues["q"], None


@pytest.fixture
def one(world: World) -> Delivery:
    world.queue()
    return delivery(world)


def holding(one: Delivery, *tags: int) -> Unacked:
    unacked = Unacked()
    for tag in tags:
        unacked.add(tag, one)
    return unacked


def test_tag_zero_with_multiple_covers_everything_even_nothing(one: Delivery) -> None:
    assert Unacked().take(0, multiple=True) == []
    unacked = holding(one, 1, 2, 5)
    assert unacked.tags(0, multiple=True) == [1, 2, 5]
    assert unacked.take(0, multiple=True) == [one] * 3
    assert len(unacked) == 0


@pytest.mark.parametrize(("tag", "multiple"), [(0, False), (3, False), (3, True), (99, False), (99, True)])
def test_a_tag_that_is_not_outstanding_settles_nothing(one: Delivery, tag: int, multiple: bool) -> None:
    unacked = holding(one, 1, 2, 4)
    assert unacked.tags(tag, multiple) is None
    assert unacked.take(tag, multiple) is None
    assert len(unacked) == 3


def test_a_settled_tag_is_unknown_afterwards(one: Delivery) -> None:
    unacked = holding(one, 1, 2)
    assert unacked.take(1, multiple=False) == [one]
    assert unacked.take(1, multiple=False) is None
    assert unacked.take(1, multiple=True) is None


class UnackedAgainstDict(RuleBasedStateMachine):
    """Every answer is that of a plain dictionary, whatever was taken in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.unacked = Unacked()
        self.model: dict[int, Delivery] = {}
        self.aside: dict[int, Delivery] = {}
        self.last = 0

    @initialize()
    def prepare(self) -> None:
        self.world = World()
        self.world.queue()

    @rule(count=st.sampled_from([1, 2, 70, 200]), gap=st.integers(1, 2))
    def add(self, count: int, gap: int) -> None:
        for _ in range(count):
            self.last += gap
            self.model[self.last] = delivery(self.world, b"%d" % self.last)
            self.unacked.add(self.last, self.model[self.last])

    @rule(data=st.data(), multiple=st.booleans())
    def take(self, data: st.DataObject, multiple: bool) -> None:
        tag = data.draw(st.integers(0, self.last + 1))
        covered = self.covered(tag, multiple)
        assert self.unacked.tags(tag, multiple) == covered
        taken = self.unacked.take(tag, multiple)
        assert taken == (None if covered is None else [self.model.pop(each) for each in covered])

    @rule()
    def take_newest_first(self) -> None:
        for tag in sorted(self.model, reverse=True)[:100]:
            assert self.unacked.take(tag, multiple=False) == [self.model.pop(tag)]

    @rule()
    def look_for_the_oldest(self) -> None:
        assert self.unacked.oldest() == min(self.model, default=0)

    @rule()
    def take_all(self) -> None:
        assert self.unacked.take_all() == list(self.model.values())
        self.model.clear()

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def put_aside(self, data: st.DataObject) -> None:
        """As a transaction does with what it settles."""
        tag = data.draw(st.sampled_from(sorted(self.model)))
        assert self.unacked.pop(tag) == self.model[tag]
        self.aside[tag] = self.model.pop(tag)

    @rule()
    def roll_back(self) -> None:
        self.unacked.restore(self.aside)
        self.model = dict(sorted({**self.model, **self.aside}.items()))
        self.aside = {}

    @invariant()
    def the_same_are_outstanding(self) -> None:
        assert len(self.unacked) == len(self.model)
        assert self.unacked.deliveries() == list(self.model.values())

    def covered(self, tag: int, multiple: bool) -> list[int] | None:
        if multiple and tag == 0:
            return list(self.model)
        if tag not in self.model:
            return None
        return [each for each in self.model if each <= tag] if multiple else [tag]


TestUnackedAgainstDict = UnackedAgainstDict.TestCase
TestUnackedAgainstDict.settings = settings(max_examples=30, stateful_step_count=25)


class CountedTag(int):
    """A tag that counts how often it is looked up or compared."""

    __slots__ = ()
    touched = 0

    def __hash__(self) -> int:
        CountedTag.touched += 1
        return int.__hash__(self)

    def __le__(self, other: int) -> bool:
        CountedTag.touched += 1
        return int.__le__(self, other)

    def __eq__(self, other: object) -> bool:
        return int.__eq__(self, other)


def touches(function: Callable[[], object]) -> int:
    CountedTag.touched = 0
    function()
    return CountedTag.touched


@interpreted
def test_settling_oldest_first_touches_each_tag_a_few_times_however_many_are_outstanding(one: Delivery) -> None:
    """A million outstanding deliveries cost no more for each than a thousand do."""
    unacked = holding(one, *map(CountedTag, range(1, 1_000_001)))
    assert touches(lambda: [unacked.take(tag, multiple=True) for tag in range(1, 1001)]) <= 10 * 1000
    assert touches(lambda: unacked.take(500_000, multiple=True)) <= 10 * 499_000
    assert touches(lambda: [unacked.take(tag, multiple=False) for tag in range(500_001, 501_001)]) <= 10 * 1000
    assert touches(lambda: unacked.take(1_000_000, multiple=True)) <= 10 * 499_000
    assert len(unacked) == 0


@interpreted
def test_settling_newest_first_touches_each_tag_a_few_times(one: Delivery) -> None:
    count = 50_000
    unacked = holding(one, *map(CountedTag, range(1, count + 1)))
    assert touches(lambda: [unacked.take(tag, multiple=False) for tag in range(count, 0, -1)]) <= 10 * count
    assert len(unacked) == 0


def test_settling_oldest_first_makes_as_many_calls_for_many_as_for_few(one: Delivery) -> None:
    few, many = holding(one, *range(1, 1_001)), holding(one, *range(1, 200_001))
    for unacked in (few, many):
        for tag in range(1, 501):
            unacked.take(tag, multiple=False)
    assert calls(lambda: few.take(600, multiple=True)) == calls(lambda: many.take(600, multiple=True))


def test_tags_that_were_settled_singly_are_not_kept(one: Delivery) -> None:
    """A client that leaves its oldest delivery unsettled must not make the broker remember all that came after."""
    unacked = holding(one, CountedTag(1))
    tracemalloc.start()
    try:
        for tag in range(2, 100_000):
            unacked.add(tag, one)
            unacked.take(tag, multiple=False)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 100_000
    assert unacked.tags(0, multiple=True) == [1]
