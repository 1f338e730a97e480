"""Priorities of quorum queues: none, two levels in turn, or thirty-two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.message import Message
from amqpd.broker.quorum_priorities import quorum_ready_list
from amqpd.properties import Properties
from tests.unit.broker.world import World, message

LEVELS = (1, 2, 32)


def with_priority(priority: int | None, number: int) -> Message:
    made = message(b"%d" % number, properties=Properties.of(priority=priority))
    made.number = number
    return made


@pytest.mark.parametrize(
    ("profile", "order"),
    [
        ("3.10", [0, 9, None, 4, 5, 200, 31, 3]),
        ("3.13", [0, 9, None, 4, 5, 200, 31, 3]),
        ("4.0", [9, 5, 0, 200, 31, None, 4, 3]),
        ("4.2", [9, 5, 0, 200, 31, None, 4, 3]),
        ("4.3", [200, 31, 9, 5, None, 4, 3, 0]),
    ],
)
def test_the_order_of_priorities(profile: str, order: list[int | None]) -> None:
    queue = World(profile).queue("q", {"x-queue-type": "quorum"})
    for priority in (0, 9, None, 4, 5, 200, 31, 3):
        queue.publish(message(b"%d" % (priority or 0), properties=Properties.of(priority=priority)))
    expected = [b"%d" % (priority or 0) for priority in order]
    assert [each.body for each in queue.browse(9)] == expected
    assert [each.body for each in (queue.get() for _ in order) if each is not None] == expected


@pytest.mark.parametrize("profile", ["4.0", "4.2", "4.3"])
def test_what_comes_back_goes_before_every_priority(profile: str) -> None:
    queue = World(profile).queue("q", {"x-queue-type": "quorum"})
    for body, priority in ((b"high", 9), (b"low", 0)):
        queue.publish(message(body, properties=Properties.of(priority=priority)))
    high, low = queue.get(), queue.get()
    assert high is not None
    assert low is not None
    queue.publish(message(b"new", properties=Properties.of(priority=31)))
    queue.put_back(low)
    assert [each.body for each in queue.browse(9)] == [b"low", b"new"]


@given(
    st.sampled_from(LEVELS),
    st.lists(st.tuples(st.sampled_from(["add", "pop", "back", "remove"]), st.integers(0, 40)), max_size=60),
)
def test_a_look_tells_the_order_of_taking(levels: int, steps: list[tuple[str, int]]) -> None:
    """For every number of levels, whatever happened before; pages go on where the one before ended."""
    ready = quorum_ready_list(levels)
    taken: list[Message] = []
    for number, (step, value) in enumerate(steps, start=1):
        if step == "add":
            ready.append(with_priority(None if value == 40 else value, number))
        elif step == "pop" and ready.count:
            expected = ready.peek()
            taken.append(ready.pop())
            assert taken[-1] is expected
        elif step == "back" and taken:
            ready.put_back(taken.pop(value % len(taken)))
        elif step == "remove" and ready.count:
            numbers = list(ready.numbers())
            assert ready.remove(numbers[value % len(numbers)]) is not None
    count = ready.count
    seen = [each.number for each in ready.browse(count)]
    assert seen == [each.number for at in range(0, count, 3) for each in ready.browse(3, at)]
    assert seen == list(ready.numbers())
    assert seen == [ready.pop().number for _ in range(count)]
