"""Waiting messages of a quorum queue by priority: what came back goes first, whatever its priority.

Before 4.0 there are no priorities; then two levels, of which the higher one is taken twice as often; since 4.3 there
are 32, the highest first. https://www.rabbitmq.com/docs/quorum-queues#priorities
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Final, TypeVar

from amqpd.broker.message import Message
from amqpd.broker.priorities import PriorityReadyList
from amqpd.broker.ready_list import ReadyList, ReturnedFirst

T = TypeVar("T")

DEFAULT: Final = 4
"""The priority of a message without one."""
HIGH: Final = 5
"""The lowest priority of the higher of two levels."""
WEIGHT: Final = 2
"""Messages of the higher level for each of the lower one."""
RETURNED: Final = 256
"""The level of what came back: above all priorities."""


def quorum_ready_list(levels: int) -> ReadyList:
    """Make the ready list for so many levels: 1, 2, or more."""
    if levels == 1:
        return ReturnedFirst()
    return TwoLevels() if levels == 2 else ReturnedFirstByPriority(levels - 1)


class ReturnedFirstByPriority(PriorityReadyList):
    """The highest priority first, after what came back."""

    __slots__ = ()

    def put_back(self, message: Message) -> None:
        self.count += 1
        level = self._by_priority.get(RETURNED) or self._add_level(RETURNED, ReturnedFirst())
        level.put_back(message)

    def counts(self) -> dict[int, int]:
        """How many messages wait at each level where there are any."""
        return {name: level.count for name, level in self._by_priority.items() if level.count}

    def _priority(self, message: Message) -> int:
        priority = message.properties.priority
        return DEFAULT if priority is None else min(priority, self._maximum)


class TwoLevels(ReturnedFirstByPriority):
    """Two messages of the higher level, then one of the lower one, where both have some."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        super().__init__(1)
        self._taken = 0
        """Messages since the last turn of the lower level; those of the lower one count, too."""

    def pop(self) -> Message:
        came_back = self._first() is self._by_priority.get(RETURNED)
        message = super().pop()
        if not came_back:
            self._taken = 0 if self._taken == WEIGHT else self._taken + 1
        return message

    def numbers(self) -> Iterator[int]:
        returned, high, low = (
            level.numbers() if (level := self._by_priority.get(each)) is not None else iter(())
            for each in (RETURNED, 1, 0)
        )
        return chain(returned, _in_turns(high, low, self._taken))

    def browse(self, limit: int, offset: int = 0) -> list[Message]:
        end = offset + limit
        returned, high, low = (
            level.browse(end) if (level := self._by_priority.get(each)) is not None else []
            for each in (RETURNED, 1, 0)
        )
        return list(islice(chain(returned, _in_turns(iter(high), iter(low), self._taken)), offset, end))

    def _priority(self, message: Message) -> int:
        return 1 if (message.properties.priority or 0) >= HIGH else 0

    def _first(self) -> ReadyList:
        returned, high, low = (self._by_priority.get(each) for each in (RETURNED, 1, 0))
        if returned is not None and returned.count:
            return returned
        if high is not None and high.count and not (self._taken == WEIGHT and low is not None and low.count):
            return high
        assert low is not None
        return low


def _in_turns(high: Iterator[T], low: Iterator[T], taken: int) -> Iterator[T]:
    """What is taken when, beginning after so many."""
    while True:
        first, second = (low, high) if taken == WEIGHT else (high, low)
        taken = 0 if taken == WEIGHT else taken + 1
        for each in first:
            yield each
            break
        else:
            rest = list(islice(second, 1))
            if not rest:
                return
            yield rest[0]
