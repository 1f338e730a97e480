"""The histogram of latencies, against sorting."""

from __future__ import annotations

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.cli.bench.histogram import Histogram, bucket_of, top_of


@given(st.integers(0, 10**15))
def test_a_bucket_holds_its_value_and_is_at_most_a_thousandth_wide(nanoseconds: int) -> None:
    bucket = bucket_of(nanoseconds)

    assert nanoseconds <= top_of(bucket) <= nanoseconds * 1.001
    assert bucket == 0 or top_of(bucket - 1) < nanoseconds


@given(st.lists(st.floats(0, 100), min_size=1), st.sampled_from([50.0, 90.0, 99.0, 99.9, 99.99, 100.0]))
def test_a_percentile_is_the_nearest_rank_within_a_thousandth(durations: list[float], percent: float) -> None:
    histogram = Histogram()
    histogram.extend(durations)

    exact = sorted(durations)[max(0, math.ceil(len(durations) * percent / 100 - 1e-9) - 1)]

    assert histogram.percentile(percent) == pytest.approx(exact, rel=0.001, abs=2e-9)


def test_the_figures_go_from_p50_to_p99_99_and_the_maximum_is_exact() -> None:
    histogram = Histogram()
    histogram.extend(i / 1e6 for i in range(1, 100_001))

    figures = histogram.figures()

    assert list(figures) == ["p50_us", "p90_us", "p99_us", "p99.9_us", "p99.99_us", "max_us"]
    assert figures["p99.99_us"] == pytest.approx(99_990, rel=0.001)
    assert figures["max_us"] == 100_000


def test_a_histogram_of_nothing_has_no_percentiles() -> None:
    with pytest.raises(ValueError, match="count at least one"):
        Histogram().percentile(50)


def test_a_duration_below_zero_counts_as_zero() -> None:
    histogram = Histogram()
    histogram.add(-1.0)

    assert (histogram.count, histogram.percentile(100)) == (1, 0.0)


def test_the_bars_hold_every_duration_once() -> None:
    histogram = Histogram()
    histogram.extend([1e-6, 3e-6, 3.5e-6, 100e-6])

    assert [line.split()[1:4] for line in histogram.bars()] == [
        ["1", "us", "25.000%"],
        ["4", "us", "50.000%"],
        ["128", "us", "25.000%"],
    ]


def test_it_goes_from_process_to_process() -> None:
    histogram = Histogram()
    histogram.extend([0.001, 0.002])

    assert pickle.loads(pickle.dumps(histogram)).buckets() == histogram.buckets()  # noqa: S301
