"""The one place of the load tool that reads clocks.

``now()`` is the same clock in every process of one machine (``time.perf_counter``), so that a publisher's start and a
consumer's end can be subtracted. Times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter, process_time, sleep

now = perf_counter

# A sleep may end this much late on a busy machine; the rest of a wait is spun away.
SPIN_SECONDS = 0.0002


@dataclass(frozen=True)
class Measurement:
    """What one client process did: when, for how much processor time, and its figures or samples (seconds)."""

    start: float
    end: float
    cpu_seconds: float
    figures: dict[str, float] = field(default_factory=dict)
    samples: list[float] = field(default_factory=list)

    @property
    def load(self) -> float:
        """Return processor time over wall time: 1.0 is a client that never waited for the broker."""
        wall = self.end - self.start
        return self.cpu_seconds / wall if wall > 0 else 0.0


class Stopwatch:
    """Wall time and this process's processor time since it was made."""

    __slots__ = ("_cpu", "start")

    def __init__(self) -> None:
        self._cpu = process_time()
        self.start = now()

    def stop(
        self,
        figures: dict[str, float] | None = None,
        samples: list[float] | None = None,
        end: float | None = None,
        spun: float = 0.0,
    ) -> Measurement:
        """Return the measurement; ``spun`` seconds of processor time were only waiting and do not count."""
        cpu = max(0.0, process_time() - self._cpu - spun)
        return Measurement(self.start, now() if end is None else end, cpu, figures or {}, samples or [])


def wait_until(moment: float) -> float:
    """Return at `moment` and not before, within a few microseconds; the result is the time spent spinning."""
    left = moment - now()
    if left > SPIN_SECONDS:
        sleep(left - SPIN_SECONDS)
    began = instant = now()
    while instant < moment:
        instant = now()
    return instant - began


def poll_every(seconds: float) -> None:
    """Let `seconds` pass between two looks at something that has no way to call back."""
    sleep(seconds)
