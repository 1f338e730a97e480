"""Moves the time of a running broker: TTLs, expiries and delays come due at once, while heartbeats stay on real time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amqpd.broker.timers import Timers
from amqpd.clock import OffsetClock

ROUNDING: Final = 1e-5
"""Seconds: what is due so soon after the end of a jump is due at its end. Sums of seconds are rounded, and TTLs are
milliseconds.
"""


class VirtualClock:
    """The clock of one embedded broker. Every call returns after all timers that came due have run."""

    def __init__(
        self, clock: OffsetClock, timers: Timers, settle: Callable[[], None], call: Callable[[Callable[[], None]], None]
    ) -> None:
        self._clock = clock
        self._timers = timers
        self._settle = settle
        self._call = call

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass: timers run in the order and at the time at which they are due, those at the end of it
        included. Raises ValueError if negative.
        """
        if seconds < 0:
            raise ValueError(f"time only moves forward: got {seconds!r} seconds, expected 0 or more")
        self._call(lambda: self._advance(seconds))

    def freeze(self) -> None:
        """Stop the time of TTLs, expiries and delays; only `advance` moves it until `unfreeze`."""
        self._call(self._clock.freeze)

    def unfreeze(self) -> None:
        """Let time run again."""

        def unfreeze() -> None:
            self._clock.unfreeze()
            self._settle()

        self._call(unfreeze)

    def _advance(self, seconds: float) -> None:
        target = self._clock.monotonic() + seconds
        while True:
            deadline = self._timers.next_deadline()
            if deadline is None or deadline > target + ROUNDING:
                break
            self._clock.advance(max(0.0, deadline - self._clock.monotonic()))
            while self._timers.run_due():
                pass
            self._settle()
        self._clock.advance(max(0.0, target - self._clock.monotonic()))
        while self._timers.run_due():
            pass
        self._settle()
