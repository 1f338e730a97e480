"""What the numbers of one object were, at steps of five seconds and, further back, at longer ones.

A sample is written down only where it differs from the one before, so that what is idle takes nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

from amqpd.management.rates.counted import Sample

TICK: Final = 5
"""Seconds from one sample to the next: RabbitMQ's collect_statistics_interval."""


@attrs.frozen
class Retention:
    """Samples at one distance."""

    step: int
    """In ticks."""
    count: int


DETAILED: Final = (Retention(1, 600 // 5), Retention(60 // 5, 3600 // 60))
"""Ten minutes, and an hour of minutes: RabbitMQ's policies `detailed` and `basic`."""
GLOBAL: Final = (*DETAILED, Retention(600 // 5, 28800 // 600), Retention(1800 // 5, 86400 // 1800))
"""For the overview: eight hours at ten minutes as well, and a day at half an hour."""


class History:
    """Of one object. Ticks are numbered since the Unix epoch."""

    __slots__ = ("_levels", "_retained", "last")

    def __init__(self, retained: tuple[Retention, ...]) -> None:
        self._retained = retained
        self._levels: tuple[deque[tuple[int, Sample]], ...] = tuple([deque() for _ in retained])
        self.last = 0
        """The tick of the newest look; 0: there was none."""

    def record(self, tick: int, sample: Sample, most: int) -> None:
        """Write a sample down; `most` is how many of each distance may be kept, if that is less than usual."""
        for retention, level in zip(self._retained, self._levels, strict=True):
            if level and (tick - level[-1][0] < retention.step or level[-1][1] == sample):
                continue
            level.append((tick, sample))
            oldest, room = tick - retention.step * retention.count, min(retention.count + 1, most)
            while len(level) > room or (len(level) > 1 and level[1][0] <= oldest):
                level.popleft()
        self.last = tick

    @property
    def changed(self) -> int:
        """The tick since which the numbers are what they are."""
        return self._levels[0][-1][0] if self._levels[0] else 0

    def at(self, tick: int) -> Sample | None:
        """The newest sample of a tick or before it; before all of them the oldest one. None: there is none."""
        for level in self._levels:
            if level and level[0][0] <= tick:
                return next(sample for at, sample in reversed(level) if at <= tick)
        return min([level[0] for level in self._levels if level], default=(0, None))[1]
