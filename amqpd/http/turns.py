"""Long answers in short slices: whoever makes one rests when its slice is over, and others have their turns.

What is thrown away is thrown away in slices too: freeing ten thousand objects takes as long as looking at them.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from typing import Any, Final, TypeVar

import trio

T = TypeVar("T")

SLICE: Final = 0.0003
"""Seconds."""
SMALL: Final = 64
"""Objects that are taken from one list to another, or freed, before the clock is looked at."""


class Slice:
    """One after the other, for whoever makes an answer."""

    def __init__(self) -> None:
        self._until = trio.current_time() + SLICE

    async def rest(self) -> None:
        """Let others have their turn, if this slice is over."""
        if trio.current_time() >= self._until:
            await trio.lowlevel.checkpoint()
            self._until = trio.current_time() + SLICE


async def gathered(items: Iterable[T]) -> list[T]:
    """All items as a list."""
    turn, found = Slice(), []
    for each in items:
        found.append(each)
        if len(found) % SMALL == 0:
            await turn.rest()
    return found


async def freed(*lists: MutableSequence[Any]) -> None:
    """Empty lists that nobody needs any more."""
    turn = Slice()
    for each in lists:
        while each:
            del each[-SMALL:]
            await turn.rest()
