"""The only module that reads a clock.

Time has two faces: `monotonic()` for durations and timers, `wall()` for what is written down (x-death times,
deadlines on disk). Both are in seconds. Everything else takes a `Clock`, so that tests and the in-process broker can
move time.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod


class Clock(ABC):
    """Where the broker takes its time from."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""

    @abstractmethod
    def wall(self) -> float:
        """Seconds since the Unix epoch."""

    def seconds_until(self, deadline: float) -> float:
        """Real seconds to sleep until `monotonic()` can reach `deadline`; infinity where only a caller moves this
        clock.
        """
        return max(0.0, deadline - self.monotonic())


class SystemClock(Clock):
    """Real time."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class OffsetClock(Clock):
    """Real time that a test can jump forward or freeze while real clients stay connected."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen_at: float | None = None

    def monotonic(self) -> float:
        now = time.monotonic() if self._frozen_at is None else self._frozen_at
        return now + self._offset

    def wall(self) -> float:
        elapsed_while_frozen = 0.0 if self._frozen_at is None else time.monotonic() - self._frozen_at
        return time.time() - elapsed_while_frozen + self._offset

    def seconds_until(self, deadline: float) -> float:
        if self._frozen_at is not None and deadline > self.monotonic():
            return float("inf")
        return super().seconds_until(deadline)

    def advance(self, seconds: float) -> None:
        """Jump forward. Raises ValueError for a negative number."""
        _require_forward(seconds)
        self._offset += seconds

    def freeze(self) -> None:
        """Stop: only `advance` moves time until `unfreeze`."""
        if self._frozen_at is None:
            self._frozen_at = time.monotonic()

    def unfreeze(self) -> None:
        """Run again from the instant shown now."""
        if self._frozen_at is not None:
            self._offset -= time.monotonic() - self._frozen_at
            self._frozen_at = None


class ManualClock(Clock):
    """Time that stands still until told to move: for tests of the pure layers."""

    def __init__(self, monotonic: float = 1000.0, wall: float = 1_700_000_000.0) -> None:
        self._monotonic = monotonic
        self._wall = wall

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall

    def seconds_until(self, deadline: float) -> float:
        return 0.0 if deadline <= self._monotonic else float("inf")

    def advance(self, seconds: float) -> None:
        """Move both faces forward. Raises ValueError for a negative number."""
        _require_forward(seconds)
        self._monotonic += seconds
        self._wall += seconds


def iso(wall: float) -> str:
    """Seconds since the Unix epoch as ISO 8601 has them, in UTC: `2026-11-30T00:49:12.081+00:00`."""
    whole, thousandths = divmod(round(wall * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{thousandths:03}+00:00"


def _require_forward(seconds: float) -> None:
    if seconds < 0:
        raise ValueError(f"time only moves forward: got {seconds!r} seconds, expected 0 or more")
