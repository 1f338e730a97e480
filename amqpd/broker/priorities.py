"""Waiting messages by priority: one ready list for each level in use, the highest taken first (x-max-priority).

Inside a level nothing changes: first in first out, and what is requeued goes back to its position.
https://www.rabbitmq.com/docs/priority
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import ClassVar

from amqpd.broker.message import Account, Message
from amqpd.broker.packed_run import Run
from amqpd.broker.paged_run import PagedRun
from amqpd.broker.ports import Spill
from amqpd.broker.ready_list import ReadyList
from amqpd.broker.weights import NOTHING, Weight


class PriorityReadyList(ReadyList):
    """A ready list whose order is priority first, then enqueue number."""

    takes_runs: ClassVar[bool] = False

    __slots__ = ("_by_priority", "_maximum", "_order", "_popped")

    def __init__(self, maximum: int) -> None:
        super().__init__()
        self._maximum = maximum
        self._by_priority: dict[int, ReadyList] = {}
        self._order: list[ReadyList] = []
        """Levels, highest first."""
        self._popped = 0
        """The highest number that was ever popped."""

    def append(self, message: Message) -> None:
        self.count += 1
        self._level(message).append(message)

    def restore(self, message: Message) -> None:
        self.count += 1
        self._level(message).restore(message)

    def restored(self) -> None:
        for level in self._order:
            level.restored()

    def pop(self) -> Message:
        self.count -= 1
        message = self._first().pop()
        self._popped = max(self._popped, message.number)
        return message

    def peek(self) -> Message:
        return self._first().peek()

    def head(self) -> Message:
        return self._first().head()

    def put_back(self, message: Message) -> None:
        self.count += 1
        self._level(message).put_back(message)

    def first_new(self) -> int | None:
        # Of a lower priority, those below it may be new as well: they pass for popped.
        first = min((first for level in self._order if (first := level.first_new()) is not None), default=None)
        return None if first is None else max(first, self._popped + 1)

    def find(self, number: int) -> Message | None:
        return next((found for level in self._order if (found := level.find(number)) is not None), None)

    def remove(self, number: int) -> Message | None:
        for level in self._order:
            message = level.remove(number)
            if message is not None:
                self.count -= 1
                return message
        return None

    def numbers(self) -> Iterator[int]:
        return chain.from_iterable([level.numbers() for level in self._order])

    def browse(self, limit: int, offset: int = 0) -> list[Message]:
        found: list[Message] = []
        for level in self._order:
            if offset < level.count:
                found += level.browse(limit - len(found), offset)
            offset = max(0, offset - level.count)
        return found

    def deadlines(self) -> Iterator[tuple[float, int]]:
        return chain.from_iterable([level.deadlines() for level in self._order])

    @property
    def paged(self) -> int:
        return sum([level.paged for level in self._order])

    def octets(self) -> int:
        return sum(level.octets() for level in self._order)

    def weight(self) -> Weight:
        return sum([level.weight() for level in self._order], NOTHING)

    def unweighed(self) -> list[Run | PagedRun]:
        return [run for level in self._order for run in level.unweighed()]

    def ranges(self) -> Iterator[tuple[int, int]]:
        return chain.from_iterable([level.ranges() for level in self._order])

    def take_whole(self) -> list[Run | PagedRun]:
        whole = [run for level in self._order for run in level.take_whole()]
        self.count -= sum([run.count for run in whole])
        return whole

    def page_out(self, spill: Spill, account: Account, most: int) -> None:
        for level in reversed(self._order):  # the lowest priority first: it is taken last
            level.page_out(spill, account, most)

    def take_all(self) -> ReadyList:
        taken = PriorityReadyList(self._maximum)
        for level in self._order:
            level.on_loss = taken._lost
        taken._by_priority, taken._order, taken.count = self._by_priority, self._order, self.count
        self._by_priority, self._order, self.count = {}, [], 0
        return taken

    def _first(self) -> ReadyList:
        return next(level for level in self._order if level.count)

    def _priority(self, message: Message) -> int:
        return min(message.properties.priority or 0, self._maximum)

    def _level(self, message: Message) -> ReadyList:
        priority = self._priority(message)
        return self._by_priority.get(priority) or self._add_level(priority, ReadyList())

    def _lost(self, count: int) -> None:
        self.count -= count
        if self.on_loss is not None:
            self.on_loss(count)

    def _add_level(self, priority: int, level: ReadyList) -> ReadyList:
        level.on_loss = self._lost
        self._by_priority[priority] = level
        self._order = [self._by_priority[each] for each in sorted(self._by_priority, reverse=True)]
        return level
