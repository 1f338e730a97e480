"""Which row of the journal holds a message, how much of each row is still needed, and which rows may go.

Kept current while a broker runs, from what has become durable. A queue's messages are in runs: rising numbers in one
row, disjoint from all its other runs, so that one is found by halving and costs a few octets of memory. Copying
messages forward moves their run, or a piece of it, to a newer row.

A row may go once all that it published is settled or stands in a newer one, and all rows before it have gone: what it
settles lies in those, so nothing that was settled rises again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

OVERHEAD: Final = 64
"""Octets that an engine takes up for a row beside what is in it."""
PAGE: Final = 4096
"""A row leaves some of its last page unused, where it is in a database."""
SMALL: Final = PAGE // 4
"""Octets of rows up to which several share a page."""
NONE: Final[Mapping[int, Collection[int]]] = {}


class Placed(NamedTuple):
    """Messages of one queue in one row."""

    queue: int
    numbers: Sequence[int]
    """Rising."""
    weights: Sequence[int]
    """The octets that each would take up at most in a row with many others; above 0."""


class Scattered:
    """Messages of one queue as they are found in rows, in no order."""

    def __init__(self) -> None:
        self._numbers = array("Q")
        self._rows = array("Q")
        self._weights = array("I")

    def add(self, seq: int, placed: Placed) -> None:
        """What is left in a row."""
        self._numbers.extend(placed.numbers)
        self._rows.extend([seq] * len(placed.numbers))
        self._weights.extend(placed.weights)

    def in_order(self) -> Iterator[tuple[int, int, int]]:
        """Numbers, rising, with row and weight."""
        for at in sorted(range(len(self._numbers)), key=self._numbers.__getitem__):
            yield self._numbers[at], self._rows[at], self._weights[at]


class HeldRow:
    """A row of which the engine has not been told that it may go."""

    __slots__ = ("live", "octets", "runs", "seq", "weight")

    def __init__(self, seq: int, octets: int) -> None:
        self.seq = seq
        self.octets = octets + OVERHEAD if octets <= SMALL else -(-octets // PAGE) * PAGE
        """What it takes up, with all that is around it."""
        self.live = 0
        """Messages that are needed."""
        self.weight = 0
        """Theirs."""
        self.runs: dict[_Run, None] = {}

    @property
    def live_octets(self) -> int:
        """What would be enough for them."""
        return min(self.octets, self.weight)


class _Run:
    """Messages of one queue with rising numbers in one row."""

    __slots__ = ("live", "numbers", "queue", "row", "weight", "weights")

    def __init__(self, queue: int, row: HeldRow, numbers: Sequence[int], weights: Sequence[int]) -> None:
        self.queue = queue
        self.row = row
        first, last = numbers[0], numbers[-1]
        dense = last - first + 1 == len(numbers)
        self.numbers: Sequence[int] = range(first, last + 1) if dense else array("Q", numbers)
        self.weights = array("I", weights)
        """0: gone."""
        self.live = len(numbers)
        row.runs[self] = None
        self.weight = sum(weights)
        row.live += self.live
        row.weight += self.weight

    def _gone(self, live: int, weight: int) -> None:
        self.live -= live
        self.weight -= weight
        self.row.live -= live
        self.row.weight -= weight

    def settle(self, first: int, last: int) -> None:
        """All from one number to another are gone."""
        if first <= self.numbers[0] and last >= self.numbers[-1]:  # millions of messages may be purged at once
            self._gone(self.live, self.weight)
        else:
            begin, end = bisect_left(self.numbers, first), bisect_right(self.numbers, last)
            before = self.weights[begin:end]
            self.weights[begin:end] = array("I", bytes(4 * len(before)))
            self._gone(len(before) - before.count(0), sum(before))
        if not self.live:
            self.row.runs.pop(self, None)

    def has(self, number: int) -> bool:
        """Whether a message is in it, and not gone."""
        at = bisect_left(self.numbers, number)
        return at < len(self.numbers) and self.numbers[at] == number and self.weights[at] > 0

    def left(self) -> list[tuple[int, int]]:
        """What is not gone: numbers and weights."""
        return [each for each in zip(self.numbers, self.weights, strict=True) if each[1]]

    def leave(self) -> None:
        """Others stand for what is in it."""
        self._gone(self.live, self.weight)
        del self.row.runs[self]


class _Queue:
    """The runs of one queue, by their first numbers."""

    __slots__ = ("begins", "delivered", "failures", "runs")

    def __init__(self) -> None:
        self.begins: list[int] = []
        self.runs: list[_Run] = []
        self.failures: dict[int, int] = {}
        """Of those that came back, where that is counted."""
        self.delivered = 0

    def add(self, run: _Run) -> None:
        at = bisect_right(self.begins, run.numbers[0])
        self.begins.insert(at, run.numbers[0])
        self.runs.insert(at, run)

    def at(self, number: int) -> int:
        """The index of the run that could have a number; -1: none could."""
        return bisect_right(self.begins, number) - 1

    def replace(self, begin: int, end: int, runs: list[_Run]) -> None:
        self.begins[begin:end] = [each.numbers[0] for each in runs]
        self.runs[begin:end] = runs


class Rows:
    """All rows of a shard, oldest first."""

    __slots__ = ("_dead", "_dead_octets", "_queues", "_rows", "live_octets", "octets")

    def __init__(self) -> None:
        self._rows: deque[HeldRow] = deque()
        self._dead: deque[HeldRow] = deque()
        """Those at the front that were found to hold nothing: they stand here and no longer in `_rows`."""
        self._dead_octets = 0
        self._queues: dict[int, _Queue] = {}
        self.octets = 0
        """What all rows take up."""
        self.live_octets = 0
        """What of that is still needed."""

    # -- what happens ------------------------------------------------------------------------------------------------

    def add(
        self, seq: int, octets: int, placed: Iterable[Placed], copied: Mapping[int, Collection[int]] = NONE
    ) -> None:
        """A row was written, or was there before a restart with what is left in it. Numbers of a queue rise from row to
        row, but for those that were `copied`.
        """
        row = HeldRow(seq, octets)
        self._rows.append(row)
        self.octets += row.octets
        for queue, numbers, weights in placed:
            state = self._queues.get(queue)
            if state is None:
                state = self._queues[queue] = _Queue()
            moved = copied.get(queue)
            if not moved:
                state.add(_Run(queue, row, numbers, weights))
                continue
            both = list(zip(numbers, weights, strict=True))
            self._move(state, queue, row, [each for each in both if each[0] in moved])
            fresh = [each for each in both if each[0] not in moved]
            if fresh:
                state.add(_Run(queue, row, [each[0] for each in fresh], [each[1] for each in fresh]))
        self.live_octets += row.live_octets

    def restore_scattered(self, queue: int, scattered: Scattered) -> None:
        """What is left of a queue some of whose messages moved, after all rows were restored."""
        held = {row.seq: row for row in self._rows}
        state = self._queues[queue] = _Queue()
        for seq, together in groupby(scattered.in_order(), key=lambda each: each[1]):
            run, row = list(together), held[seq]
            before = row.live_octets
            state.add(_Run(queue, row, [each[0] for each in run], [each[2] for each in run]))
            self.live_octets += row.live_octets - before

    def settled(self, queue: int, first: int, last: int) -> None:
        """All messages of a range are gone from their queue, and that is durable: before, their rows are needed."""
        state = self._queues.get(queue)
        if state is None:
            return
        _forget(state.failures, first, last)
        begin = max(0, state.at(first))
        end = begin
        left = []
        while end < len(state.runs) and state.begins[end] <= last:
            run = state.runs[end]
            before = run.row.live_octets
            run.settle(first, last)
            self.live_octets += run.row.live_octets - before
            end += 1
            if run.live:
                left.append(run)
        if len(left) < end - begin:
            state.replace(begin, end, left)
            if not state.runs:
                del self._queues[queue]

    def returned(self, queue: int, number: int, failures: int) -> None:
        """A message came back, the given number of times in all."""
        state = self._queues.get(queue)
        if state is not None:
            state.failures[number] = failures

    def delivered(self, queue: int, number: int) -> None:
        """All up to this number were delivered."""
        state = self._queues.get(queue)
        if state is not None:
            state.delivered = max(state.delivered, number)

    def trim(self, below: int) -> None:
        """These rows, which are dead, are gone."""
        while self._dead and self._dead[0].seq < below:
            row = self._dead.popleft()
            self.octets -= row.octets
            self._dead_octets -= row.octets

    # -- what holds --------------------------------------------------------------------------------------------------

    def row_of(self, queue: int, number: int) -> int | None:
        """The number of the row that holds a message; None: no row does, or it is settled."""
        state = self._queues.get(queue)
        at = -1 if state is None else state.at(number)
        if state is None or at < 0 or not state.runs[at].has(number):
            return None
        return state.runs[at].row.seq

    def failures(self, queue: int, number: int) -> int:
        """How often a message came back, where that is counted."""
        state = self._queues.get(queue)
        return 0 if state is None else state.failures.get(number, 0)

    def delivered_up_to(self, queue: int) -> int:
        """The highest number that was ever delivered, of a queue of which anything is held."""
        state = self._queues.get(queue)
        return 0 if state is None else state.delivered

    def dead(self, most: int) -> tuple[int, int]:
        """Rows at the front that hold nothing any more, of about so many octets: the number of the first one behind
        them, or 0 if there are none, and their octets.
        """
        while self._rows and not self._rows[0].live:
            row = self._rows.popleft()
            self._dead.append(row)
            self._dead_octets += row.octets
        if self._dead and self._dead_octets <= most:
            return self._dead[-1].seq + 1, self._dead_octets
        below = octets = 0
        for row in self._dead:
            below = row.seq + 1
            octets += row.octets
            if octets >= most:
                break
        return below, octets

    def oldest(self) -> Iterator[HeldRow]:
        """The rows that hold anything, oldest first."""
        return (row for row in self._rows if row.live)

    def held(self, row: HeldRow) -> dict[int, list[int]]:
        """The messages that a row holds: queue -> numbers."""
        found: dict[int, list[int]] = {}
        for run in row.runs:
            found.setdefault(run.queue, []).extend(number for number, _ in run.left())
        return found

    # -- inside ------------------------------------------------------------------------------------------------------

    def _move(self, state: _Queue, queue: int, row: HeldRow, messages: list[tuple[int, int]]) -> None:
        """Messages with their new weights stand in a newer row from now on."""
        weights = dict(messages)
        for number, _ in messages:
            if number not in weights:
                continue  # it moved with the first of its run
            at = state.at(number)
            run = state.runs[at]
            before = run.row.live_octets
            pieces = []
            for moves, together in groupby(run.left(), key=lambda each: each[0] in weights):
                piece = list(together)
                numbers = [each[0] for each in piece]
                if moves:
                    pieces.append(_Run(queue, row, numbers, [weights.pop(each) for each in numbers]))
                else:
                    pieces.append(_Run(queue, run.row, numbers, [each[1] for each in piece]))
            run.leave()
            self.live_octets += run.row.live_octets - before
            state.replace(at, at + 1, pieces)


def _forget(failures: dict[int, int], first: int, last: int) -> None:
    if len(failures) <= last - first:
        for number in [each for each in failures if first <= each <= last]:
            del failures[number]
    else:
        for number in range(first, last + 1):
            failures.pop(number, None)
