"""Results as text for people and as one JSON object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from amqpd.cli.bench.bottleneck import Shares
from amqpd.cli.bench.comparison import Comparison
from amqpd.cli.bench.scenario import Result, Scenario


def rounded(figure: float) -> float | int:
    """Return a figure without digits that no measurement supports: whole from 100 up, else three significant digits."""
    if abs(figure) >= 100:
        return round(figure)
    return float(f"{figure:.3g}")


def as_json(result: Result, scenario: Scenario) -> str:
    """Return one result as a JSON object; `cpu` is in cores, `histogram` pairs of upper end (us) and count."""
    return json.dumps(
        {
            "scenario": result.scenario,
            "broker": result.broker,
            "url": result.url,
            "options": options_of(scenario),
            "figures": _round_all(result.figures),
            **({"histogram": result.histogram.buckets()} if result.histogram else {}),
            "cpu": _cpu(result.shares),
            "client_was_bottleneck": result.shares.client_was_bottleneck,
            "notes": result.notes,
        }
    )


def as_text(result: Result) -> str:
    """Return one result as lines of text."""
    width = max(len(name) for name in result.figures)
    lines = [f"{result.scenario}: {result.broker} at {result.url}"]
    lines += [f"  {name:<{width}}  {rounded(figure):>14,}" for name, figure in result.figures.items()]
    if result.histogram:
        lines += [f"  {line}" for line in result.histogram.bars()]
    cpu = ", ".join(f"{who} {share * 100:.0f} %" for who, share in _cpu(result.shares).items())
    lines.append(f"  processor time, in percent of a core: {cpu}")
    lines += [f"  {note}" for note in result.notes]
    return "\n".join(lines)


def comparison_as_json(comparison: Comparison, scenario: Scenario) -> str:
    """Return a comparison as a JSON object: medians, extremes and ratios by target and figure."""
    return json.dumps(
        {
            "scenario": comparison.scenario,
            "rounds": comparison.rounds,
            "options": options_of(scenario),
            "targets": {
                name: {
                    "broker": comparison.results[name][0].broker,
                    "url": comparison.results[name][0].url,
                    "medians": _round_all(comparison.medians(name)),
                    "lowest": _round_all(comparison.lowest(name)),
                    "highest": _round_all(comparison.highest(name)),
                    "ratios": {figure: round(ratio, 3) for figure, ratio in comparison.ratios(name).items()},
                    "client_was_bottleneck": comparison.client_was_bottleneck(name),
                    "rounds": [
                        {"figures": _round_all(one.figures), "cpu": _cpu(one.shares), "notes": one.notes}
                        for one in comparison.results[name]
                    ],
                }
                for name in comparison.results
            },
        }
    )


def comparison_as_text(comparison: Comparison) -> str:
    """Return a comparison as a table: one row per figure and target, ratios to the first target."""
    names = list(comparison.results)
    width = max(len(name) for name in names)
    lines = [f"{comparison.scenario}: medians of {comparison.rounds} rounds (lowest - highest), ratio to {names[0]}"]
    for figure in comparison.medians(names[0]):
        lines.append(f"  {figure}")
        lines += [f"    {name:<{width}}  {_cell(comparison, name, figure)}" for name in names]
    lines += [f"  {name}: {note}" for name in names for note in _notes(comparison, name)]
    return "\n".join(lines)


def options_of(scenario: Scenario) -> dict[str, object]:
    """Return the options a scenario ran with, so that a figure can be reproduced."""
    return {field: getattr(scenario, field) for field in scenario.__dataclass_fields__}


def _notes(comparison: Comparison, name: str) -> Iterator[str]:
    """Return the first note of each round that has one, with how many rounds that is true of."""
    noted = [result.notes for result in comparison.results[name] if result.notes]
    if noted:
        yield f"in {len(noted)} of {comparison.rounds} rounds: {noted[0][0]}"


def _cpu(shares: Shares) -> dict[str, float]:
    clients = {role: round(share, 3) for role, share in shares.by_role.items()}
    known = {"broker": shares.broker, "others": shares.others}
    return {**clients, **{who: round(share, 3) for who, share in known.items() if share is not None}}


def _cell(comparison: Comparison, name: str, figure: str) -> str:
    median = comparison.medians(name).get(figure)
    if median is None:
        return "not measured"
    low, high = comparison.lowest(name)[figure], comparison.highest(name)[figure]
    ratio = comparison.ratios(name).get(figure)
    times = "" if ratio is None else f"  {ratio:.2f} x"
    return f"{rounded(median):>14,}  ({rounded(low):,} - {rounded(high):,}){times}"


def _round_all(figures: Mapping[str, float]) -> dict[str, float | int]:
    return {name: rounded(figure) for name, figure in figures.items()}
