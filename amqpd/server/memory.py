"""What the platform says about memory: how much there is, and how much this process holds.

Linux answers from /proc and the cgroup (both versions), macOS and Windows through sysconf or not at all; without an
answer the broker goes by its own account alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

FALLBACK: Final = 2 * 1024 * 1024 * 1024
"""Octets assumed to be available where nobody tells."""

_CGROUPS: Final = Path("/sys/fs/cgroup")
_OWN_CGROUPS: Final = Path("/proc/self/cgroup")
_STATM: Final = Path("/proc/self/statm")


def available(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> int:
    """Octets of memory that this process may use: the machine's, or the lowest limit of its cgroup and those around it.

    `cgroups` is where they are mounted, `own` says which ones this process is in.
    """
    return min([_physical(), *_limits(cgroups, own)])


def _limits(cgroups: Path, own: Path) -> Iterator[int]:
    """The limits of both versions of cgroups. In a container the innermost one may be all that is seen, as the root."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = []
    for line in ("0::/", "0:memory:/", *lines):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, name = cgroups, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = cgroups / "memory", "memory.limit_in_bytes"
        else:
            continue
        inner = PurePosixPath(path.lstrip("/"))
        for part in (inner, *inner.parents):
            try:
                yield int((root / part / name).read_text())
            except (OSError, ValueError):  # it isn't there, or says `max`
                continue


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
