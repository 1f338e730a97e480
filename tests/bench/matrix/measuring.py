"""Alternating rounds: each broker has a row measured in turn, round after round.

What else the machine does hits all of them alike then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.report import options_of
from amqpd.cli.bench.scenario import Result, Target, run
from tests.bench.matrix.brokers import RABBITMQ, Kind
from tests.bench.matrix.rows import Measurement, Row

Say = Callable[[str], None]


@dataclass
class Outcome:
    """All figures of all rounds: by measurement, then by the broker's name."""

    brokers: dict[str, str]
    """Names and versions, in the order of the columns."""
    rounds: int
    measurements: Sequence[Measurement]
    results: list[dict[str, list[Result]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def value(self, number: int, row: Row, broker: str) -> float | None:
        """Return the median of a row of the measurement with that number; None if no round has the figure."""
        found = [one.figures[row.figure] for one in self.results[number][broker] if row.figure in one.figures]
        return median(found) if found else None

    def ratio(self, number: int, row: Row, broker: str) -> float | None:
        """Return a broker's median over RabbitMQ's."""
        own = self.value(number, row, broker)
        reference = self.value(number, row, RABBITMQ) if RABBITMQ in self.brokers else None
        return own / reference if own is not None and reference else None

    def notes(self, number: int, broker: str) -> list[str]:
        """Return what the first round of a broker with notes had to say, and how many rounds have some."""
        noted = ["; ".join(one.notes) for one in self.results[number][broker] if one.notes]
        return [f"in {len(noted)} of {self.rounds} rounds: {noted[0]}"] if noted else []

    def as_data(self) -> dict[str, Any]:
        """Return everything for JSON, so that each figure of each round can be looked at again."""
        return {
            "brokers": self.brokers,
            "rounds": self.rounds,
            "failures": self.failures,
            "measurements": [
                {
                    "scenario": each.scenario,
                    "options": options_of(each.options),
                    "rows": [
                        {
                            "title": row.title,
                            "figure": row.figure,
                            "unit": row.unit,
                            "targets": row.targets,
                            "sense": row.sense.value,
                            "medians": {name: self.value(number, row, name) for name in self.brokers},
                            "ratios": {name: self.ratio(number, row, name) for name in self.brokers},
                        }
                        for row in each.rows
                    ],
                    "results": {
                        name: [
                            {"figures": one.figures, "cpu": asdict(one.shares), "notes": one.notes} for one in results
                        ]
                        for name, results in self.results[number].items()
                    },
                }
                for number, each in enumerate(self.measurements)
            ],
        }


def measure(kinds: Sequence[Kind], measurements: Sequence[Measurement], rounds: int, say: Say) -> Outcome:
    """Measure everything; a measurement that fails is told and left out."""
    outcome = Outcome({kind.name: kind.describe() for kind in kinds}, rounds, measurements)
    for number, measurement in enumerate(measurements, 1):
        results: dict[str, list[Result]] = {kind.name: [] for kind in kinds}
        outcome.results.append(results)
        where = f"{number}/{len(measurements)} {measurement.rows[0].title}"
        with ExitStack() as stack:
            running: dict[str, Target] = {}
            if not measurement.fresh:
                running = {kind.name: stack.enter_context(kind.running(durable=measurement.durable)) for kind in kinds}
            for turn in range(1, rounds + 1):
                for kind in kinds:
                    say(f"{where}: round {turn}/{rounds}, {kind.name}")
                    try:
                        results[kind.name].append(_one(kind, measurement, running.get(kind.name)))
                    except BenchError as error:
                        outcome.failures.append(f"{where}, {kind.name}: {error}")
                        say(outcome.failures[-1])
    return outcome


def _one(kind: Kind, measurement: Measurement, target: Target | None) -> Result:
    if target:
        return run(measurement.scenario, measurement.options, target)
    with kind.running(durable=measurement.durable) as fresh:
        return run(measurement.scenario, measurement.options, fresh)
