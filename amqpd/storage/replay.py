"""What the rows of a shard add up to: the messages of every queue, and which rows still hold any.

Rows are taken in their order. A message may stand in several of them (it was copied forward, so that an old row could
go); the last one counts. A settlement may come for a message whose row has gone already. So a replay may begin at any
row that was once the first, and what a crash left of older ones changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import attrs

from amqpd.storage.batch import NO_DEADLINE, RECORD, Content, Decoded, weight_of


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
        self.rows: dict[int, int] = {}
        """The rows that were taken, and their octets."""

    def take(self, seq: int, decoded: Decoded, octets: int = 0) -> None:
        """The next row."""
        self.rows[seq] = octets
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

    def places(self) -> Iterator[tuple[int, list[tuple[int, int, int]]]]:
        """By queue, what the rows hold: number, row and about the octets that it takes up there, rising."""
        kept = [each for state in self.queues.values() for each in state.messages.values()]
        uses = Counter(id(each.content) for each in kept)
        for queue, state in self.queues.items():
            messages = [state.messages[number] for number in sorted(state.messages)]
            weights = [weight_of(each.content) // uses[id(each.content)] + RECORD for each in messages]
            rows = zip(messages, weights, strict=True)
            yield queue, [(each.number, each.row, weight) for each, weight in rows]

    def live(self) -> Counter[int]:
        """How many messages each row holds."""
        return Counter(kept.row for state in self.queues.values() for kept in state.messages.values())
