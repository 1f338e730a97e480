"""What the rows of a shard add up to: the messages of every queue, and which rows still hold any.

Rows are taken in their order. A message may stand in several of them (it was copied forward, so that an old row could
go); the last one counts. A settlement may come for a message whose row has gone already. So a replay may begin at any
row that was once the first, and what a crash left of older ones changes nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator

import attrs

from amqpd.storage.batch import NO_DEADLINE, Content, Decoded


@attrs.define
class Kept:
    """A message that is still in its queue."""

    number: int
    content: Content
    row: int
    """The row that holds it."""
    deadline: int = NO_DEADLINE
    failures: int = 0
    redelivered: bool = False


class QueueState:
    """One queue while rows are replayed."""

    __slots__ = ("delivered", "last_number", "messages")

    def __init__(self) -> None:
        self.messages: dict[int, Kept] = {}
        self.last_number = 0
        """The highest number that was ever given: the next message gets a higher one."""
        self.delivered = 0

    def settle(self, first: int, last: int) -> None:
        """Remove a range of numbers."""
        if last - first < len(self.messages):
            for number in range(first, last + 1):
                self.messages.pop(number, None)
        else:
            for number in [each for each in self.messages if first <= each <= last]:
                del self.messages[number]

    def in_order(self) -> list[Kept]:
        """The messages as they are taken, each marked if it was delivered before."""
        kept = [self.messages[number] for number in sorted(self.messages)]
        for each in kept:
            each.redelivered = each.number <= self.delivered or each.failures > 0
        return kept


class Replay:
    """The state that a sequence of rows leads to."""

    def __init__(self) -> None:
        self.queues: dict[int, QueueState] = {}
        self.rows: list[int] = []
        """Sequence numbers of the rows that were taken."""

    def take(self, seq: int, decoded: Decoded) -> None:
        """The next row."""
        self.rows.append(seq)
        for records in decoded.queues:
            queue = self.queues.get(records.queue)
            if queue is None:
                queue = self.queues[records.queue] = QueueState()
            for number, content, deadline in records.published(decoded.contents):
                before = queue.messages.get(number)
                failures = 0 if before is None else before.failures
                queue.messages[number] = Kept(number, content, seq, deadline, failures)
                queue.last_number = max(queue.last_number, number)
            for first, last in records.settled:
                queue.settle(first, last)
                queue.last_number = max(queue.last_number, last)
            for number, failures in records.returned:
                kept = queue.messages.get(number)
                if kept is not None:
                    kept.failures = failures
            queue.delivered = max(queue.delivered, records.delivered)
            queue.last_number = max(queue.last_number, queue.delivered)  # or new messages would pass for delivered ones

    def forget(self, known: Iterable[int]) -> None:
        """Drop the queues that are not among these: they were deleted."""
        keep = set(known)
        self.queues = {queue: state for queue, state in self.queues.items() if queue in keep}

    def live(self) -> Counter[int]:
        """How many messages each row holds."""
        return Counter(kept.row for state in self.queues.values() for kept in state.messages.values())


class Rows:
    """Which row holds a message, and which rows may go, kept current while a broker runs.

    A queue's numbers rise, and so do the rows that they go to: it is enough to know with which number of a queue each
    row begins, and what was copied forward since. A row at the front that holds no message any more may go, because
    whatever it settles has gone before.
    """

    __slots__ = ("_begins", "_copied", "_live", "_octets", "_rows")

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._live: Counter[int] = Counter()
        self._octets: dict[int, int] = {}
        self._begins: dict[int, tuple[list[int], list[int]]] = {}
        """Queue -> first numbers, and the row of each."""
        self._copied: dict[tuple[int, int], int] = {}
        """Queue and number -> the row that it was copied to."""

    def add(self, row: int, octets: int, queues: Iterable[tuple[int, Iterable[int]]]) -> None:
        """A row was written with these numbers of these queues; the numbers rise and are above all before."""
        self._rows.append(row)
        self._octets[row] = octets
        for queue, numbers in queues:
            count = 0
            first = None
            for number in numbers:
                first = number if first is None else first
                count += 1
            if first is not None:
                begins, rows = self._begins.setdefault(queue, ([], []))
                begins.append(first)
                rows.append(row)
                self._live[row] += count

    def copied(self, row: int, queue: int, number: int) -> None:
        """A message that an older row holds stands in this one too."""
        self._live[self.row_of(queue, number)] -= 1
        self._live[row] += 1
        self._copied[queue, number] = row

    def row_of(self, queue: int, number: int) -> int:
        """The row that holds a message. Raises KeyError for one of a queue that holds none."""
        copied = self._copied.get((queue, number))
        if copied is not None:
            return copied
        begins, rows = self._begins[queue]
        return rows[bisect_right(begins, number) - 1]

    def settled(self, queue: int, number: int) -> None:
        """A message is gone from its queue, and that is durable: before, its row is still needed."""
        self._live[self.row_of(queue, number)] -= 1
        self._copied.pop((queue, number), None)

    def dead(self) -> Iterator[int]:
        """The rows at the front that hold nothing, oldest first."""
        for row in self._rows:
            if self._live[row]:
                return
            yield row

    def trim(self, below: int) -> None:
        """These rows are gone."""
        gone = bisect_right(self._rows, below - 1)
        for row in self._rows[:gone]:
            self._live.pop(row, None)
            del self._octets[row]
        del self._rows[:gone]
        for queue, (begins, rows) in list(self._begins.items()):
            outdated = bisect_right(rows, below - 1)
            if outdated:
                del begins[:outdated], rows[:outdated]
                if not begins:
                    del self._begins[queue]

    @property
    def octets(self) -> int:
        """What all rows take up."""
        return sum(self._octets.values())
