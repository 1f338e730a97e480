"""A log-linear histogram of durations: constant relative precision from nanoseconds to hours, whatever their number.

Values below 2,048 ns have a bucket each; above, each doubling is cut into 1,024 buckets, so that a bucket is at most
0.1 % wide. The same idea as HdrHistogram's, without its corrections: the load tool times messages from the moment they
were due, so that there is no omission to correct.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

_BITS = 11
_HALF = 1 << (_BITS - 1)

PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99)


def bucket_of(nanoseconds: int) -> int:
    """Return the number of the bucket that holds a value of 0 or more."""
    shift = max(0, nanoseconds.bit_length() - _BITS)
    return shift * _HALF + (nanoseconds >> shift)


def top_of(bucket: int) -> int:
    """Return the largest value (nanoseconds) that a bucket holds."""
    shift = max(0, bucket // _HALF - 1)
    return ((bucket - shift * _HALF + 1) << shift) - 1


class Histogram:
    """Counts by bucket; only buckets that hold something take memory. Pickles, so that processes can hand it over."""

    __slots__ = ("_counts", "count", "maximum")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.maximum = 0.0
        """The largest value, exactly, in seconds."""

    def add(self, seconds: float) -> None:
        """Count one duration; one below zero counts as zero."""
        bucket = bucket_of(max(0, int(seconds * 1e9)))
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.count += 1
        self.maximum = max(self.maximum, seconds)

    def extend(self, durations: Iterable[float]) -> None:
        """Count many durations in seconds."""
        for seconds in durations:
            self.add(seconds)

    def percentile(self, percent: float) -> float:
        """Return a duration (seconds) that `percent` of all do not exceed, at most 0.1 % above the smallest such one.

        Raises ValueError if nothing was counted.
        """
        if not self.count:
            raise ValueError("a histogram of nothing has no percentiles; count at least one duration")
        wanted, seen = max(1, math.ceil(self.count * percent / 100 - 1e-9)), 0
        for bucket, count in sorted(self._counts.items()):
            seen += count
            if seen >= wanted:
                return min(top_of(bucket) / 1e9, self.maximum)
        return self.maximum

    def figures(self) -> dict[str, float]:
        """Return the percentiles from p50 to p99.99 and the maximum, in microseconds."""
        named = {f"p{percent:g}_us": self.percentile(percent) * 1e6 for percent in PERCENTILES}
        return {**named, "max_us": self.maximum * 1e6}

    def buckets(self) -> list[tuple[float, int]]:
        """Return what was counted as (upper end in microseconds, count), ascending."""
        return [(top_of(bucket) / 1e3, count) for bucket, count in sorted(self._counts.items())]

    def bars(self, width: int = 40) -> Iterator[str]:
        """Draw the distribution, a line for each doubling of microseconds that holds something."""
        octaves: dict[int, int] = {}
        for upper, count in self.buckets():
            octave = math.ceil(math.log2(max(upper, 1.0)))
            octaves[octave] = octaves.get(octave, 0) + count
        most = max(octaves.values(), default=1)
        for octave, count in octaves.items():
            bar = "#" * max(1, round(width * count / most))
            yield f"<= {2**octave:>11,} us  {count / self.count:>8.3%}  {bar}"
