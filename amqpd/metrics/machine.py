"""What the process and its machine say of themselves; where the platform doesn't tell, there is no number."""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from amqpd.clock import Clock

_OPEN: Final = Path("/proc/self/fd")


@attrs.frozen(kw_only=True)
class Machine:
    """How to ask. None: it isn't known here. Sizes in octets."""

    clock: Clock
    started: float
    """When the broker started, on the monotonic clock."""
    resident: Callable[[], int | None] = lambda: None
    memory_limit: Callable[[], int | None] = lambda: None
    """Above it publishers are blocked."""
    disk_free: Callable[[], int | None] = lambda: None
    """As it was found at the last look: a look may block."""
    disk_limit: Callable[[], int | None] = lambda: None

    @property
    def uptime(self) -> float:
        """Seconds."""
        return self.clock.monotonic() - self.started

    @property
    def python(self) -> str:
        return platform.python_version()

    @property
    def collections(self) -> int:
        """Runs of the garbage collector, of all generations."""
        return sum([each["collections"] for each in gc.get_stats()])


def open_files() -> int | None:
    """File descriptors in use. Newer kernels tell without listing them all."""
    try:
        return _OPEN.stat().st_size or len(os.listdir(_OPEN))  # noqa: PTH208  # names alone, not a path for each
    except OSError:
        return None


def most_files() -> int | None:
    """File descriptors that may be in use."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
