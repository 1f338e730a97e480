"""Counters that client processes write and everybody may read while the load runs.

One slot for each connection, in memory that the processes share; a slot has one writer. The sums tell the progress,
when all consumers together have everything, and how far consumers are behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import c_int64
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray


class Board:
    """Groups of slots by label, such as ``Board({"published": 10, "consumed": 1})``; a label is a verb in the past."""

    def __init__(self, groups: Mapping[str, int]) -> None:
        self._slots = RawArray(c_int64, max(1, sum(groups.values())))
        self._spans: dict[str, tuple[int, int]] = {}
        start = 0
        for label, count in groups.items():
            self._spans[label] = (start, start + count)
            start += count

    @property
    def labels(self) -> list[str]:
        """Return the labels in the order they were given."""
        return list(self._spans)

    def tally(self, label: str, index: int = 0) -> Tally:
        """Return the counter with that number within its group."""
        return Tally(self, self._spans[label][0] + index)

    def counts(self, label: str) -> list[int]:
        """Return what each counter of a group stands at."""
        start, end = self._spans[label]
        return self._slots[start:end]

    def total(self, label: str) -> int:
        """Return the sum of a group."""
        return sum(self.counts(label))

    def write(self, slot: int, count: int) -> None:
        """Set one slot; its owner is the only one who does."""
        self._slots[slot] = count


@dataclass(frozen=True)
class Tally:
    """One slot of a board, in the hands of its only writer."""

    board: Board
    slot: int

    def set(self, count: int) -> None:
        """Say how many there are now."""
        self.board.write(self.slot, count)
