"""What a call costs, counted in functions and lines it runs, never in time.

The collector stands still meanwhile: callbacks that somebody else hung into it are not the cost of the call.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import TraceFunction


def calls(function: Callable[[], object]) -> int:
    """How many Python and C functions a call runs."""
    counted = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    with _without_collections():
        sys.setprofile(count)
        try:
            function()
        finally:
            sys.setprofile(before)
    return counted


def lines(function: Callable[[], object]) -> int:
    """How many source lines a call runs: loops that call nothing show here."""
    counted = 0

    def trace(frame: FrameType, event: str, argument: object) -> TraceFunction:
        nonlocal counted
        counted += event == "line"
        return trace

    before = sys.gettrace()
    with _without_collections():
        sys.settrace(trace)
        try:
            function()
        finally:
            sys.settrace(before)
    return counted


@contextmanager
def _without_collections() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
