"""The matrix as a Markdown table: medians, ratios to RabbitMQ, targets and whether they are reached."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from tests.bench.matrix.brokers import RABBITMQ
from tests.bench.matrix.measuring import Outcome
from tests.bench.matrix.rows import Row, Sense


def significant(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, thousands separated."""
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, places):,.{max(0, places)}f}"


def markdown(outcome: Outcome) -> str:
    """Return the table, the versions above it, and below it what limited single rows."""
    others = [name for name in outcome.brokers if name != RABBITMQ]
    heads = [name for other in others for name in (other, "ratio", "target")]
    versions = "; ".join(f"{name}: {version}" for name, version in outcome.brokers.items())
    lines = [
        f"Medians of {outcome.rounds} alternating rounds. {versions}",
        "",
        f"| | {' | '.join([*([RABBITMQ] if RABBITMQ in outcome.brokers else []), *heads])} |",
        "|---|" + ("--:|" if RABBITMQ in outcome.brokers else "") + "--:|--:|:--|" * len(others),
    ]
    for number, measurement in enumerate(outcome.measurements):
        lines += [f"| {' | '.join(_cells(outcome, number, row, others))} |" for row in measurement.rows]
    reached = [cell for cell in _verdicts(outcome, others) if cell is not None]
    lines += ["", f"{sum(reached)} of {len(reached)} targets are reached."]
    lines += [f"* {remark}" for remark in _remarks(outcome)]
    return "\n".join(lines) + "\n"


def cores_markdown(outcomes: Mapping[int, Outcome]) -> str:
    """Return one table for several counts of cores: each broker's medians, and ratios to RabbitMQ on as many."""
    heads = [f"{name}, {count} cores" for count, outcome in outcomes.items() for name in outcome.brokers]
    first = next(iter(outcomes.values()))
    lines = ["", f"| | {' | '.join(heads)} |", "|---|" + "--:|" * len(heads)]
    for number, measurement in enumerate(first.measurements):
        for row in measurement.rows:
            cells = [_on_cores(outcome, number, row, name) for outcome in outcomes.values() for name in outcome.brokers]
            lines.append(f"| {' | '.join([f'{row.title} ({row.unit})', *cells])} |")
    lines += [f"* {count} cores: {remark}" for count, outcome in outcomes.items() for remark in _remarks(outcome)]
    return "\n".join(lines) + "\n"


def _on_cores(outcome: Outcome, number: int, row: Row, name: str) -> str:
    ratio = None if name == RABBITMQ else outcome.ratio(number, row, name)
    return _shown(outcome.value(number, row, name)) + ("" if ratio is None else f" ({significant(ratio, 2)} x)")


def _cells(outcome: Outcome, number: int, row: Row, others: list[str]) -> Iterator[str]:
    yield f"{row.title} ({row.unit})"
    if RABBITMQ in outcome.brokers:
        yield _shown(outcome.value(number, row, RABBITMQ))
    for name in others:
        value, ratio = outcome.value(number, row, name), outcome.ratio(number, row, name)
        yield _shown(value)
        yield "" if ratio is None else f"{significant(ratio, 2)} x"
        yield "" if value is None else _target(row, name, value, ratio)


def _shown(value: float | None) -> str:
    return "not measured" if value is None else significant(value)


def _target(row: Row, name: str, value: float, ratio: float | None) -> str:
    target = row.targets.get(name)
    if target is None:
        return ""
    wanted = f"<= {target:,.0f}" if row.sense is Sense.VALUE_AT_MOST else f"{row.sense.value} {target:g} x"
    verdict = {True: ": reached", False: ": missed", None: ""}[row.reached(name, value, ratio)]
    return wanted + verdict


def _verdicts(outcome: Outcome, others: list[str]) -> Iterator[bool | None]:
    for number, measurement in enumerate(outcome.measurements):
        for row in measurement.rows:
            for name in others:
                value = outcome.value(number, row, name)
                yield None if value is None else row.reached(name, value, outcome.ratio(number, row, name))


def _remarks(outcome: Outcome) -> Iterator[str]:
    for number, measurement in enumerate(outcome.measurements):
        for name in outcome.brokers:
            yield from (f"{measurement.rows[0].title}, {name}: {note}" for note in outcome.notes(number, name))
    yield from outcome.failures
