"""What a run has found, and whether that is good enough.

With two brokers RabbitMQ is the measure: a client that fails on both has a reason of its own. With one broker every
failure counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from interop.matrix.targets import AMQPD, RABBITMQ

if TYPE_CHECKING:
    from interop.matrix.clients import Row
    from interop.matrix.drive import Outcome
    from interop.matrix.scenarios import Scenario


@attrs.frozen
class Place:
    """One cell's place: a row's label and a scenario's name."""

    row: str
    scenario: str

    def __str__(self) -> str:
        return f"{self.row}: {self.scenario}"


@attrs.define
class Results:
    """Everything of one run. A cell without an outcome was not run, because it is unsupported or its client missing."""

    targets: Sequence[str]
    scenarios: Sequence[Scenario]
    rows: Sequence[Row]
    not_installable: Mapping[str, str] = attrs.field(factory=dict)
    """Client key -> why."""
    outcomes: dict[tuple[str, Place], Outcome] = attrs.field(factory=dict)
    """(target, place) -> what came of it."""
    seconds: float = 0.0

    def outcome(self, target: str, row: Row, scenario: Scenario) -> Outcome | None:
        """Return what came of one cell on one broker."""
        return self.outcomes.get((target, Place(row.label, scenario.name)))

    def failures(self) -> list[tuple[str, Place, Outcome]]:
        """Return the cells that are not ok: target, place and outcome."""
        return [(target, place, each) for (target, place), each in sorted_cells(self) if not each.ok]

    def problems(self, required: Collection[str] = ()) -> list[str]:
        """Return why the run is not good enough; nothing if it is."""
        found = [
            f"required, but not installable here: {key}: {self.not_installable[key]}"
            for key in required
            if key in self.not_installable
        ]
        return found + [f"{place} fails on {target}" for target, place in self._counted()]

    def _counted(self) -> Iterator[tuple[str, Place]]:
        for target, place, _ in self.failures():
            if set(self.targets) >= {AMQPD, RABBITMQ}:
                oracle = self.outcomes.get((RABBITMQ, place))
                if target != AMQPD or oracle is None or not oracle.ok:
                    continue
            yield target, place

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "targets": list(self.targets),
            "seconds": round(self.seconds, 1),
            "not_installable": dict(self.not_installable),
            "rows": [self._row_as_json(row) for row in self.rows],
        }

    def _row_as_json(self, row: Row) -> dict[str, Any]:
        cells: dict[str, Any] = {}
        for scenario in self.scenarios:
            if scenario.only and row.client.key not in scenario.only:
                continue
            why = row.why_not(scenario.name)
            cells[scenario.name] = {"unsupported": why} if why else self._cell_as_json(row, scenario)
        client = row.client
        about = {"client": client.key, "name": client.name, "language": client.language, "version": client.version}
        return {**about, "variant": row.variant, "scenarios": cells}

    def _cell_as_json(self, row: Row, scenario: Scenario) -> dict[str, Any]:
        found = {target: self.outcome(target, row, scenario) for target in self.targets}
        return {
            target: {"ok": each.ok, "seconds": round(each.seconds, 2), "reason": each.reason}
            for target, each in found.items()
            if each is not None
        }


def sorted_cells(results: Results) -> list[tuple[tuple[str, Place], Outcome]]:
    """Return the outcomes in the matrix's order, whatever order they came in."""
    rows = {row.label: number for number, row in enumerate(results.rows)}
    columns = {each.name: number for number, each in enumerate(results.scenarios)}
    targets = {name: number for number, name in enumerate(results.targets)}

    def key(item: tuple[tuple[str, Place], Outcome]) -> tuple[int, int, int]:
        target, place = item[0]
        return rows[place.row], columns[place.scenario], targets[target]

    return sorted(results.outcomes.items(), key=key)
