"""Waiting for something to become so."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Final

from amqpd.clock import SystemClock

PAUSE: Final = 0.1
"""Seconds between two looks."""


def pause(seconds: float) -> None:
    """Do nothing for so long."""
    Event().wait(seconds)


def wait_until(condition: Callable[[], bool], limit: float) -> bool:
    """Look again and again; return whether it became so within so many seconds."""
    clock = SystemClock()
    end = clock.monotonic() + limit
    while not condition():
        if clock.monotonic() >= end:
            return False
        pause(PAUSE)
    return True
