"""The matrix on so many cores of the machine: brokers and clients inherit which ones they may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

BASE: Final = 2
"""What the targets are for."""
MORE: Final = (4, 8)
"""What RabbitMQ uses and one thread of Python doesn't."""


def default_counts() -> list[int]:
    """The counts to measure here: two cores, then four and eight where there are as many.

    A machine with fewer cores, or a system that can't confine a process to some, is measured as it is.
    """
    there = available()
    if sys.platform != "linux" or there < BASE:
        return [there]
    return [BASE, *(count for count in MORE if count <= there)]


def available() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@contextmanager
def confined(count: int) -> Iterator[None]:
    """Let this process, and those that it starts, use `count` cores meanwhile. Raises ValueError if there are fewer."""
    there = available()
    if count > there:
        raise ValueError(f"{count} cores are asked for, and there are {there}")
    if count == there or sys.platform != "linux":
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
