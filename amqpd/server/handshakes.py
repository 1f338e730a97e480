"""TLS handshakes, computed in threads: a few at a time, and the places that clients come from take turns.

The server's signature takes a millisecond of a processor. On the broker's own thread, a crowd that starts handshakes
would hold up everybody; here it makes itself wait, each client for as long as a handshake may take.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import trio

AT_ONCE: Final = max(1, (os.cpu_count() or 1) // 2)
"""Half of the processors."""
OF_ONE: Final = 1024
"""Clients of one place that may wait for their turn."""
OF_ALL: Final = 8192
"""Those of all places: what is computed within the time that a handshake has, on a large machine."""


class Crowded(OSError):
    """Too many wait already: the connection ends before its handshake."""


class Handshakes:
    """Those of one server."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._free = at_once
        self._lines: dict[str, trio.lowlevel.ParkingLot] = {}
        """Who waits, by place; the next one's turn is first."""
        self._waiting = 0

    async def compute(self, place: str, step: Callable[[], object]) -> None:
        """Call `step` in a thread when it is this place's turn; a step that runs is waited for, whatever happens.

        Raises Crowded, or what `step` raises.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait(place)
        try:
            await trio.to_thread.run_sync(step)
        finally:
            self._next()

    async def _wait(self, place: str) -> None:
        """Returns with the right to run that somebody has passed on."""
        line = self._lines.get(place)
        if self._waiting >= OF_ALL or (line is not None and len(line) >= OF_ONE):
            raise Crowded(f"too many TLS handshakes wait: {self._waiting}, {len(line or ())} of them from {place}")
        if line is None:
            line = self._lines[place] = trio.lowlevel.ParkingLot()
        self._waiting += 1
        try:
            await line.park()
        finally:
            self._waiting -= 1

    def _next(self) -> None:
        while self._lines:
            place = next(iter(self._lines))
            line = self._lines.pop(place)
            next_one = line.unpark()
            if line:
                self._lines[place] = line
            if next_one:
                return
        self._free += 1
