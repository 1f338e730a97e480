"""How busy this machine is with everything that runs on it; Linux's /proc, elsewhere unknown."""

from __future__ import annotations

import os
from pathlib import Path

_STAT = Path("/proc/stat")

# Of the numbers behind `cpu`: user, nice, system, irq and softirq. The others are idle, or another machine's.
_BUSY = (0, 1, 2, 5, 6)


def busy_seconds() -> float | None:
    """Return the processor time (seconds) of all processes on all cores since the machine started; None if unknown."""
    try:
        first, *numbers = _STAT.read_text().splitlines()[0].split()
    except OSError:
        return None
    if first != "cpu":
        return None
    return sum(int(numbers[i]) for i in _BUSY) / os.sysconf("SC_CLK_TCK")
