"""Lets a few tasks through in each pass of the event loop, the others in the next ones.

All that became readable at the same moment is handled in one pass. A thousand clients that log in, fail or vanish at
once would make one long pass of it, and whoever is at work waits for its end: they come through here, a few a pass,
while the clients that are logged in are served in every pass.
"""

from __future__ import annotations

from typing import Final

import trio

NEWCOMERS: Final = 8
"""Connections that log in or end, in one pass: some 0.2 ms each."""


class Turnstile:
    """First come, first served. `run` it in a task."""

    def __init__(self, a_pass: int = NEWCOMERS) -> None:
        self._a_pass = a_pass
        self._left = a_pass
        self._crowd = trio.lowlevel.ParkingLot()
        self._passed = trio.Event()
        """As many as a pass has room for are through. Whoever comes alone doesn't pay for a task of its own."""

    async def enter(self) -> None:
        """Come back at once where few have in this pass, else in one of the next ones."""
        if not self._left:
            await self._crowd.park()
            return
        self._left -= 1
        if not self._left:
            self._passed.set()

    async def run(self) -> None:
        """Let the next ones in, pass by pass, for ever."""
        while True:
            await self._passed.wait()  # a set event takes one pass too
            if not self._crowd:
                self._passed = trio.Event()
            self._left = self._a_pass - len(self._crowd.unpark(count=self._a_pass))
