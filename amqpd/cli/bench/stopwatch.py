"""The one place of the load tool that reads clocks.

``now()`` is the same clock in every process of one machine (``time.perf_counter``), so that a publisher's start and a
consumer's end can be subtracted. Times are seconds.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time, sleep

from amqpd.cli.bench.histogram import Histogram

now = perf_counter

# A sleep may end this much late on a busy machine; the rest of a wait is spun away. With precise timers far less.
SPIN_SECONDS = 0.0002
_PRECISE_SPIN_SECONDS = 0.00002


@dataclass(frozen=True)
class Measurement:
    """What one client process did: when, for how much processor time, and its figures; `role` says who it was."""

    start: float
    end: float
    cpu_seconds: float
    figures: dict[str, float] = field(default_factory=dict)
    histogram: Histogram | None = None
    role: str = ""
    spun_seconds: float = 0.0
    """Processor time beside `cpu_seconds` that was only waiting."""

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
        histogram: Histogram | None = None,
        end: float | None = None,
        spun: float = 0.0,
    ) -> Measurement:
        """Return the measurement; ``spun`` seconds of processor time were only waiting and do not count."""
        cpu = max(0.0, process_time() - self._cpu - spun)
        end = now() if end is None else end
        return Measurement(self.start, end, cpu, figures or {}, histogram, spun_seconds=spun)


class Pacer:
    """Waits for moments within a few microseconds and hardly spins where the system's timers can be made precise.

    Spinning costs the broker the core that it may need, and so would be measured as the broker's latency.
    """

    def __init__(self) -> None:
        self._spin = SPIN_SECONDS
        with suppress(OSError):  # Linux alone; by default it may wake a process 50 microseconds late
            Path("/proc/self/timerslack_ns").write_text("1")
            self._spin = _PRECISE_SPIN_SECONDS

    def wait_until(self, moment: float) -> float:
        """Return at `moment` and not before; the result is the time spent spinning."""
        return wait_until(moment, self._spin)


def wait_until(moment: float, spin: float = SPIN_SECONDS) -> float:
    """Return at `moment` and not before, within a few microseconds; the result is the time spent spinning."""
    left = moment - now()
    if left > spin:
        sleep(left - spin)
    began = instant = now()
    while instant < moment:
        instant = now()
    return instant - began


def poll_every(seconds: float) -> None:
    """Let `seconds` pass between two looks at something that has no way to call back."""
    sleep(seconds)
