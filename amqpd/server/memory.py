"""What the platform says about memory: how much there is, and how much this process holds.

Linux answers from /proc and the cgroup (both versions), macOS and Windows through sysconf or not at all; without an
answer the broker goes by its own account alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

FALLBACK: Final = 2 * 1024 * 1024 * 1024
"""Octets assumed to be available where nobody tells."""

_CGROUP_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_STATM: Final = Path("/proc/self/statm")


def available() -> int:
    """Octets of memory that this process may use: the machine's, or its cgroup's limit if that is less."""
    total = _physical()
    for path in _CGROUP_LIMITS:
        try:
            limit = int(path.read_text())
        except (OSError, ValueError):
            continue
        return min(total, limit)
    return total


def resident() -> int | None:
    """Octets of this process in memory now, or None where the platform doesn't tell cheaply."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return FALLBACK
