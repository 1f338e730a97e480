"""The ready list against examples and a sorted list of numbers."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amqpd.broker import paged_run
from amqpd.broker.message import Account, Message
from amqpd.broker.packed_run import RUN
from amqpd.broker.priorities import PriorityReadyList
from amqpd.broker.ready_list import ReadyList, ReturnedFirst
from amqpd.properties import Properties
from tests.unit.broker.spills import MemorySpill
from tests.unit.broker.world import message

PLAIN = Properties.of()
PERSISTENT = Properties.of(delivery_mode=2)
NAMED = Properties.of(message_id="m", priority=3)


def filled(count: int) -> ReadyList:
    ready = ReadyList()
    for number in range(1, count + 1):
        ready.append(with_number(number))
    return ready


def with_number(number: int, properties: Properties = PLAIN, key: str = "k") -> Message:
    made = message(b"%d" % number, key=key, properties=properties)
    made.number = number
    return made


def drained(ready: ReadyList) -> list[int]:
    return [ready.pop().number for _ in range(ready.count)]


@pytest.mark.parametrize("count", [1, 2, RUN - 1, RUN, RUN + 1, 2 * RUN, 5 * RUN + 3])
def test_messages_come_out_in_the_order_they_came_in(count: int) -> None:
    assert drained(filled(count)) == list(range(1, count + 1))


@pytest.mark.parametrize("taken_first", [0, 1, RUN - 1, RUN, RUN + 1, 2 * RUN + 5])
def test_a_returned_message_goes_to_its_original_position(taken_first: int) -> None:
    """Also when the messages around it are packed by now."""
    ready = filled(4 * RUN)
    taken = [ready.pop() for _ in range(taken_first + 1)]
    for number in range(4 * RUN + 1, 6 * RUN + 1):
        ready.append(with_number(number))
    ready.put_back(taken[-1])
    assert ready.peek() is taken[-1]
    assert drained(ready) == list(range(taken_first + 1, 6 * RUN + 1))


def test_messages_returned_in_any_order_come_out_by_number() -> None:
    ready = filled(10)
    taken = [ready.pop() for _ in range(6)]
    for at in (3, 0, 5, 1):
        ready.put_back(taken[at])
    assert drained(ready) == [1, 2, 4, 6, 7, 8, 9, 10]


def test_packing_keeps_every_part_of_a_message() -> None:
    ready = ReadyList()
    originals: list[Message] = []
    for number in range(1, 4 * RUN + 1):
        properties = (PLAIN, PERSISTENT, NAMED)[number % 3]
        original = with_number(2 * number, properties, key=f"key{number % 5}")
        original.exchange = f"exchange{number % 2}"
        original.deadline = None if number % 4 else float(number)
        if number % 7 == 0:
            original.copy()
        originals.append(original)
        ready.append(original)
    for original in originals:
        again = ready.pop()
        assert again.number == original.number
        assert again.body == original.body
        assert again.exchange == original.exchange
        assert again.routing_key == original.routing_key
        assert again.properties == original.properties
        assert again.deadline == original.deadline
        assert again.sharing is original.sharing
        assert not again.redelivered


def test_a_returned_message_is_still_marked_redelivered_when_it_is_taken_again() -> None:
    ready = filled(3)
    taken = ready.pop()
    taken.redelivered = True
    ready.put_back(taken)
    assert ready.pop().redelivered


@pytest.mark.parametrize("limit", [0, 1, 5, RUN, RUN + 10, 10 * RUN])
def test_browsing_shows_the_delivery_order_and_removes_nothing(limit: int) -> None:
    ready = filled(3 * RUN)
    taken = [ready.pop() for _ in range(8)]
    for number in range(3 * RUN + 1, 4 * RUN + 1):
        ready.append(with_number(number))
    for at in (6, 1, 3):
        ready.put_back(taken[at])
    expected = [2, 4, 7, *range(9, 4 * RUN + 1)]
    assert [each.number for each in ready.browse(limit)] == expected[:limit]
    assert drained(ready) == expected


def test_taking_all_leaves_an_empty_list_that_can_be_used_again() -> None:
    ready = filled(3 * RUN)
    first = ready.pop()
    ready.put_back(first)
    taken = ready.take_all()
    assert ready.count == 0
    ready.append(with_number(9999))
    assert drained(ready) == [9999]
    assert drained(taken) == list(range(1, 3 * RUN + 1))


@pytest.mark.parametrize("number", [1, 2, 500, RUN, RUN + 1, 2 * RUN + 7, 3 * RUN, 3 * RUN + 5])
def test_any_message_can_be_removed_by_its_number(number: int) -> None:
    """Wherever it is: at the head, in a packed run or at the tail."""
    ready = filled(3 * RUN + 9)
    ready.put_back(ready.pop())
    removed = ready.remove(number)
    assert removed is not None
    assert (removed.number, removed.body) == (number, b"%d" % number)
    assert ready.remove(number) is None
    assert ready.octets() == sum(len(b"%d" % each) for each in range(1, 3 * RUN + 10) if each != number)
    assert drained(ready) == [each for each in range(1, 3 * RUN + 10) if each != number]


@pytest.mark.parametrize("number", [0, 3, 2 * RUN + 1, 4 * RUN + 1, 99 * RUN])
def test_a_number_that_is_not_there_removes_nothing(number: int) -> None:
    ready = ReadyList()
    for each in range(2, 4 * RUN + 1, 2):
        ready.append(with_number(each))
    assert ready.remove(number) is None
    assert ready.count == 2 * RUN


def test_a_run_whose_messages_are_all_removed_is_gone() -> None:
    ready = filled(3 * RUN)
    for number in range(RUN + 1, 2 * RUN + 1):
        assert ready.remove(number) is not None
    assert [each.number for each in ready.browse(2 * RUN)] == [*range(1, RUN + 1), *range(2 * RUN + 1, 3 * RUN + 1)]
    assert drained(ready) == [*range(1, RUN + 1), *range(2 * RUN + 1, 3 * RUN + 1)]


def test_a_message_that_came_back_first_can_be_removed_and_come_back_again() -> None:
    """Then it is the last of those that came back."""
    ready = ReturnedFirst()
    for number in range(1, 6):
        ready.append(with_number(number))
    for message_ in [ready.pop() for _ in range(3)]:
        ready.put_back(message_)
    removed = ready.remove(1)
    assert removed is not None
    ready.put_back(removed)
    assert ready.remove(5) is not None
    assert drained(ready) == [2, 3, 1, 4]


def test_removing_most_of_what_came_back_frees_it() -> None:
    ready = filled(2 * RUN)
    for message_ in [ready.pop() for _ in range(RUN)]:
        ready.put_back(message_)
    for number in range(2, RUN):
        assert ready.remove(number) is not None
    assert drained(ready) == [1, RUN, *range(RUN + 1, 2 * RUN + 1)]


def test_a_message_of_any_priority_can_be_removed() -> None:
    ready = PriorityReadyList(5)
    for number in range(1, 10):
        ready.append(with_number(number, Properties.of(priority=number % 3)))
    assert [number for number in (3, 4, 5, 10) if ready.remove(number) is not None] == [3, 4, 5]
    assert drained(ready) == [2, 8, 1, 7, 6, 9]


@pytest.mark.parametrize("most", range(1, 6))
def test_a_run_with_a_hole_is_paged_out_without_it_wherever_it_is(most: int) -> None:
    ready = filled(4 * RUN + 5)
    gone = [RUN + 3, 2 * RUN + 7, 3 * RUN, 4 * RUN + 2]
    for number in gone:
        assert ready.remove(number) is not None
    ready.page_out(MemorySpill(), Account(), most)
    assert drained(ready) == [number for number in range(1, 4 * RUN + 6) if number not in gone]


@pytest.mark.parametrize("kind", ["returned first", "by priority"])
def test_numbers_and_pages_are_in_delivery_order(kind: str) -> None:
    ready = ReturnedFirst() if kind == "returned first" else PriorityReadyList(3)
    for number in range(1, 2 * RUN + 1):
        ready.append(with_number(number, Properties.of(priority=number % 3)))
    for popped in [ready.pop() for _ in range(3)][::-1]:
        ready.put_back(popped)
    numbers, pages = list(ready.numbers()), [ready.browse(300, offset) for offset in range(0, 3 * RUN, 300)]
    assert ready.remove(numbers[5]) is not None
    assert ready.find(numbers[5]) is None
    assert [each.number for each in ready.browse(3, 4)] == [numbers[4], *numbers[6:8]]
    assert [each.number for page in pages for each in page] == numbers
    assert drained(ready) == [*numbers[:5], *numbers[6:]]


def test_numbers_stay_valid_while_the_list_changes() -> None:
    ready = filled(2 * RUN + 5)
    numbers = ready.numbers()
    ready.remove(RUN + 7)
    ready.pop()
    ready.append(with_number(9 * RUN))
    assert list(numbers) == list(range(1, 2 * RUN + 6))


class ReadyListAgainstNumbers(RuleBasedStateMachine):
    """The list holds the same numbers as a plain set, and always hands out the smallest."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = ReadyList()
        self.numbers: set[int] = set()
        self.taken: dict[int, Message] = {}
        self.last = 0
        self.spill = MemorySpill()
        self.account = Account()

    @rule(count=st.sampled_from([1, 3, RUN // 2, RUN, 2 * RUN]), gap=st.integers(1, 3))
    def append(self, count: int, gap: int) -> None:
        for _ in range(count):
            self.last += gap
            self.ready.append(with_number(self.last, PLAIN if self.last % 3 else PERSISTENT))
            self.numbers.add(self.last)

    @precondition(lambda self: self.numbers)
    @rule(count=st.sampled_from([1, 2, RUN, 3 * RUN]))
    def pop(self, count: int) -> None:
        for expected in sorted(self.numbers)[:count]:
            assert self.ready.peek().number == expected
            popped = self.ready.pop()
            assert popped.number == expected
            assert popped.body == b"%d" % expected
            self.numbers.remove(expected)
            self.taken[expected] = popped

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.taken)))
        self.ready.put_back(self.taken.pop(number))
        self.numbers.add(number)

    @precondition(lambda self: self.last)
    @rule(data=st.data(), count=st.sampled_from([1, 2, RUN]))
    def remove(self, data: st.DataObject, count: int) -> None:
        first = data.draw(st.integers(0, self.last))
        for number in range(first, first + count):
            removed = self.ready.remove(number)
            assert (removed is not None) == (number in self.numbers)
            if removed is not None:
                assert removed.body == b"%d" % number
                self.numbers.remove(number)
                self.taken[number] = removed

    @rule(most=st.integers(0, 3), ends=st.booleans())
    def page_out(self, most: int, ends: bool) -> None:
        with pytest.MonkeyPatch.context() as patch:
            if ends:
                patch.setattr(paged_run, "LARGE", 1)
            self.ready.page_out(self.spill, self.account, most)

    @rule()
    def weigh(self) -> None:
        weight, sizes = self.ready.weight(), {each: len(b"%d" % each) for each in self.numbers}
        lasting = [size for number, size in sizes.items() if number % 3 == 0]
        assert (weight.octets, weight.persistent, weight.persistent_octets) == (
            sum(sizes.values()),
            len(lasting),
            sum(lasting),
        )
        assert self.ready.octets() == weight.octets
        assert (weight.paged > 0) == (self.ready.paged > 0)
        assert self.ready.unweighed() == []
        if self.numbers:
            assert self.ready.head().number == min(self.numbers)

    @rule()
    def take_all(self) -> None:
        taken = self.ready.take_all()
        assert drained(taken) == sorted(self.numbers)
        self.numbers.clear()

    @rule(limit=st.integers(0, 2 * RUN), offset=st.integers(0, 3 * RUN))
    def browse(self, limit: int, offset: int) -> None:
        expected = sorted(self.numbers)[offset : offset + limit]
        assert [each.number for each in self.ready.browse(limit, offset)] == expected

    @rule()
    def numbers_and_find(self) -> None:
        numbers = list(self.ready.numbers())
        assert numbers == sorted(numbers)
        assert {each for each in numbers if self.ready.find(each) is not None} == self.numbers
        for number in list(self.numbers)[:3]:
            found = self.ready.find(number)
            assert found is not None
            assert (found.number, found.body) == (number, b"%d" % number)

    @invariant()
    def the_count_is_right(self) -> None:
        assert self.ready.count == len(self.numbers)

    def teardown(self) -> None:
        assert drained(self.ready) == sorted(self.numbers)
        assert not self.spill.blocks


TestReadyListAgainstNumbers = ReadyListAgainstNumbers.TestCase
TestReadyListAgainstNumbers.settings = settings(max_examples=25, stateful_step_count=20)
