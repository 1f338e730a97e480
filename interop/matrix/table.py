"""The printed matrix: one row a client and variant, one column a scenario, each cell the brokers side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from interop.matrix.clients import Row
    from interop.matrix.results import Results
    from interop.matrix.scenarios import Scenario

UNSUPPORTED: Final = "-"
OK: Final = "ok"
FAILED: Final = "FAIL"
NOT_RUN: Final = "."
GAP: Final = "  "
SHOWN: Final = 12
"""Lines of a failure's reason; all of them are in the JSON."""
WIDTH: Final = 1000


def rendered(results: Results) -> str:
    """Return the matrix and all that belongs below it."""
    parts = [
        "\n".join(_grid(results)),
        "\n".join(_legend(results)),
        _listed("unsupported, as the client has it", _unsupported(results)),
        _listed("not installable here", [f"{key}: {why}" for key, why in sorted(results.not_installable.items())]),
        _listed(
            "failures",
            [
                f"{place} on {target} ({outcome.seconds:.1f} s): {_indented(outcome.reason)}"
                for target, place, outcome in results.failures()
            ],
        ),
        _totals(results),
    ]
    return "\n\n".join(part for part in parts if part)


def _grid(results: Results) -> Iterator[str]:
    heads = ["client", "version", *(str(number) for number in range(1, len(results.scenarios) + 1))]
    lines = [heads, *(_line(results, row) for row in results.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _line(results: Results, row: Row) -> list[str]:
    return [row.label, row.client.version, *(cell(results, row, each) for each in results.scenarios)]


def cell(results: Results, row: Row, scenario: Scenario) -> str:
    """Return one word for each broker, in the order of the targets."""
    words = []
    for target in results.targets:
        outcome = results.outcome(target, row, scenario)
        if not row.is_asked(scenario):
            words.append(UNSUPPORTED)
        elif outcome is None:
            words.append(NOT_RUN)
        else:
            words.append(OK if outcome.ok else FAILED)
    return " ".join(words)


def _legend(results: Results) -> Iterator[str]:
    yield f"each cell: {' '.join(results.targets)}"
    for number, scenario in enumerate(results.scenarios, 1):
        yield f"{number:4} {scenario.name}: {scenario.title}"


def _unsupported(results: Results) -> list[str]:
    """One line for each reason; variants that share it are one client."""
    reasons: dict[tuple[str, str], list[Row]] = {}
    for row in results.rows:
        for scenario in results.scenarios:
            if why := row.why_not(scenario.name):
                reasons.setdefault((scenario.name, f"{row.client.name}: {why}"), []).append(row)
    found = []
    for (asked, why), rows in reasons.items():
        name, _, text = why.partition(": ")
        of_all = len(rows) == len(rows[0].client.rows())
        found.append(f"{name if of_all else ', '.join(row.label for row in rows)}: {asked}: {text}")
    return sorted(found)


def _listed(title: str, lines: list[str]) -> str:
    return "\n".join([f"{title}:", *(f"  {line}" for line in lines)]) if lines else ""


def _indented(text: str) -> str:
    """Return the ends of a long text: what ended it, and the last lines, where tracebacks have their reason."""
    lines = text.splitlines()
    if len(lines) > SHOWN:
        lines = [*lines[:2], "...", *lines[3 - SHOWN :]]
    return "\n      ".join(line[:WIDTH] for line in lines)


def _totals(results: Results) -> str:
    parts = []
    for target in results.targets:
        count = Counter(OK if each.ok else FAILED for (name, _), each in results.outcomes.items() if name == target)
        parts.append(f"{target}: {count[OK]} ok, {count[FAILED]} failed")
    unsupported = sum(bool(row.why_not(each.name)) for row in results.rows for each in results.scenarios)
    clients = len({row.client.key for row in results.rows})
    size = f"{clients} clients in {len(results.rows)} rows, {len(results.scenarios)} scenarios"
    return "; ".join([size, f"{unsupported} unsupported", *parts, f"{results.seconds:.0f} s"])
