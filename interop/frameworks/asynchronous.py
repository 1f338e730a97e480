"""What the scenarios of the asyncio frameworks share: a loop for each, and lines of aiormq's log to wait for."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from interop.matrix.driver import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from interop.matrix.driver import Run


def playing(function: Callable[[Run], Coroutine[Any, Any, None]]) -> Callable[[Run], None]:
    """Return a scenario that runs in a loop of its own."""
    return lambda run: asyncio.run(function(run))


class Heard(logging.Handler):
    """A line of aiormq's log, from now on; make it before what it tells of, in a running loop."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._event = asyncio.Event()
        logging.getLogger("aiormq").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if self._text in record.getMessage():
            self._event.set()

    async def wait(self) -> None:
        """Wait until it is written."""
        async with asyncio.timeout(PATIENCE):
            await self._event.wait()
