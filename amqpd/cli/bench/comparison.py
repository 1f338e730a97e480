"""The same scenario against several brokers, in alternating rounds.

Alternating spreads whatever else the machine does over all brokers alike; the median of each figure is then compared
with the first target's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from amqpd.cli.bench.scenario import Result, Scenario, Target, run


@dataclass(frozen=True)
class Comparison:
    """All results by target name, in the order of the targets."""

    scenario: str
    rounds: int
    results: Mapping[str, list[Result]]

    def medians(self, name: str) -> dict[str, float]:
        """Return the median of each figure that every round of a target has."""
        return {figure: median(values) for figure, values in self._values(name).items()}

    def lowest(self, name: str) -> dict[str, float]:
        """Return the smallest value of each figure."""
        return {figure: min(values) for figure, values in self._values(name).items()}

    def highest(self, name: str) -> dict[str, float]:
        """Return the largest value of each figure."""
        return {figure: max(values) for figure, values in self._values(name).items()}

    def ratios(self, name: str) -> dict[str, float]:
        """Return each median over the first target's; figures that are zero or missing there have none."""
        first = self.medians(next(iter(self.results)))
        return {figure: value / first[figure] for figure, value in self.medians(name).items() if first.get(figure)}

    def client_was_bottleneck(self, name: str) -> bool:
        """Return whether the client limited any round of a target."""
        return any(result.shares.client_was_bottleneck for result in self.results[name])

    def _values(self, name: str) -> dict[str, list[float]]:
        results = self.results[name]
        shared = [figure for figure in results[0].figures if all(figure in result.figures for result in results)]
        return {figure: [result.figures[figure] for result in results] for figure in shared}


def compare(
    name: str,
    scenario: Scenario,
    targets: Mapping[str, Target],
    rounds: int,
    progress: Callable[[int, str], None],
) -> Comparison:
    """Run the scenario `rounds` times against each target in turn; `progress` hears of each run before it."""
    results: dict[str, list[Result]] = {target: [] for target in targets}
    for number in range(1, rounds + 1):
        for target_name, target in targets.items():
            progress(number, target_name)
            results[target_name].append(run(name, scenario, target))
    return Comparison(name, rounds, results)
