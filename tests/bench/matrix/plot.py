"""The matrix as a picture: how many times better than RabbitMQ each amqpd is, row by row."""

from __future__ import annotations

from pathlib import Path

from tests.bench.matrix.brokers import RABBITMQ
from tests.bench.matrix.measuring import Outcome
from tests.bench.matrix.rows import Sense

_INCHES_PER_BAR = 0.2
_WIDTH = 9
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_COLOURS = ("#1b6ca8", "#8fbcd9", "#c9a227", "#7a9e3f")


def draw(outcome: Outcome, path: Path) -> None:
    """Write a PNG; needs matplotlib (the extra `bench`) and figures of RabbitMQ, which are 1 in it.

    Raises ImportError without matplotlib, ValueError without RabbitMQ.
    """
    if RABBITMQ not in outcome.brokers:
        raise ValueError("a plot shows ratios to RabbitMQ, and it was not measured")
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    names = [name for name in outcome.brokers if name != RABBITMQ]
    titles, gains = gains_of(outcome, names)
    bar = 0.8 / max(1, len(names))
    figure = Figure(figsize=(_WIDTH, 1.2 + _INCHES_PER_BAR * len(titles) * (len(names) + 0.6)), layout="constrained")
    axes = figure.add_subplot()
    for place, name in enumerate(names):
        at = [row + (place - (len(names) - 1) / 2) * bar for row in range(len(titles))]
        colour = _COLOURS[place % len(_COLOURS)]
        bars = axes.barh(at, [gain - 1 for gain in gains[name]], bar, left=1, label=f"amqpd, {name}", color=colour)
        axes.bar_label(bars, [f" {gain:.2g} x " for gain in gains[name]], fontsize=8)
    axes.set_yticks(range(len(titles)), titles)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.12, y=0.02)
    axes.grid(axis="x", alpha=0.3)
    axes.axvline(1, color="black", linewidth=1)
    axes.legend(loc="center right")
    figure.supxlabel("times better than RabbitMQ: higher rates, lower latencies, less memory", fontsize=10)
    figure.savefig(path, dpi=110)


def gains_of(outcome: Outcome, names: list[str]) -> tuple[list[str], dict[str, list[float]]]:
    """Return the titles of the rows that all brokers have, and by broker how many times better than RabbitMQ it is."""
    titles: list[str] = []
    gains: dict[str, list[float]] = {name: [] for name in names}
    for number, measurement in enumerate(outcome.measurements):
        for row in measurement.rows:
            ratios = {name: outcome.ratio(number, row, name) for name in names}
            if not all(ratios.values()):
                continue
            titles.append(row.title)
            for name, ratio in ratios.items():
                assert ratio
                gains[name].append(ratio if row.sense is Sense.RATIO_AT_LEAST else 1 / ratio)
    return titles, gains
