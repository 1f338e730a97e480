"""Where amqpd answers otherwise than RabbitMQ: `spec/differences.toml`, and the expected failures that it makes.

Decide which tests a target is expected to fail, and count the differences by reason. An expected failure that passes
fails the run, and `check` refuses a number above its ceiling, so that the lists can only become shorter.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from conformance.catalogue.load import DIFFERENCES, SPEC
from conformance.catalogue.markers import full_name_of, is_conformance, target_of

if TYPE_CHECKING:
    from conformance.catalogue.markers import Suite

NONDETERMINISM: Final = "nondeterminism"
QUOTES: Final = {"version": "line", "extension": "decision", NONDETERMINISM: "rule", "missing": "until"}
"""Every reason with the key that explains it: the line that names the versions, the decision record, the rule that
makes answers comparable, and for what is not there yet the word for it."""

AMQPD: Final = ("amqpd",)


@dataclass(frozen=True)
class Difference:
    """One cause, with the tests that show it: names as in the catalogue, or the start of a name with its parameters."""

    reason: str
    text: str
    quote: str
    tests: tuple[str, ...]
    targets: tuple[str, ...] = AMQPD

    def shows_in(self, item: str) -> bool:
        """Say whether a test (with parameters, without target) shows this difference."""
        return any(
            item == test or item.startswith((f"{test}[", f"{test}::")) or _open(test, item) for test in self.tests
        )


def _open(test: str, item: str) -> bool:
    """Say whether a pattern that ends amid the parameters is the start of the item's name."""
    return "[" in test and not test.endswith("]") and item.startswith(test)


@dataclass(frozen=True)
class Differences:
    """The whole file: all causes, and how many tests each reason may have."""

    causes: tuple[Difference, ...]
    ceilings: Mapping[str, int]

    def counts(self, suite: Suite) -> dict[str, int]:
        """Return the number of tests by reason; a test marked with `versions` shows a difference of versions."""
        shown: dict[str, set[str]] = {reason: set() for reason in QUOTES}
        shown["version"] |= suite.versioned
        for cause in self.causes:
            tests = {item.partition("[")[0] for item in suite.items if cause.shows_in(item)}
            shown.setdefault(cause.reason, set()).update(tests)
        return {reason: len(tests) for reason, tests in shown.items()}

    def expected(self, item: str, target: str) -> Difference | None:
        """Return why this target is expected to fail this test, if it is."""
        return next((cause for cause in self.causes if target in cause.targets and cause.shows_in(item)), None)


def load(spec: Path = SPEC) -> Differences:
    """Read the file. A cause without its key has an empty quote; `findings` reports it."""
    document = tomllib.loads((spec / DIFFERENCES).read_text(encoding="utf-8"))
    causes = tuple(
        Difference(
            reason=str(table.get("reason", "")),
            text=str(table.get("text", "")),
            quote=str(table.get(QUOTES.get(str(table.get("reason")), ""), "")),
            tests=tuple(table.get("tests", ())),
            targets=tuple(table.get("targets", (*AMQPD, "delayed"))),
        )
        for table in document.get("difference", [])
    )
    return Differences(causes, document.get("ceilings", {}))


def findings(differences: Differences, suite: Suite, root: Path = SPEC.parent) -> Iterator[str]:
    """Return what is wrong with the file, a line each."""
    here = f"spec/{DIFFERENCES}"
    for cause in differences.causes:
        if cause.reason not in QUOTES:
            yield f"{here}: {cause.text!r} has the reason {cause.reason!r}; known are {', '.join(QUOTES)}"
        elif not cause.quote:
            yield f"{here}: {cause.text!r} is a difference by {cause.reason} without {QUOTES[cause.reason]!r}"
        elif cause.reason == "extension" and not (root / cause.quote).is_file():
            yield f"{here}: {cause.text!r} names the decision record {cause.quote}, which does not exist"
        for test in cause.tests:
            alone = Difference(cause.reason, cause.text, cause.quote, (test,))
            if not any(alone.shows_in(item) for item in suite.items):
                yield f"{here}: {cause.text!r} names the test {test}, which does not exist"
    for reason, count in differences.counts(suite).items():
        ceiling = differences.ceilings.get(reason, 0)
        if count > ceiling:
            yield f"{here}: {count} tests differ by {reason}, above the ceiling of {ceiling}"
        elif count < ceiling:
            yield f"{here}: only {count} tests differ by {reason}: lower the ceiling of {ceiling}"


def mark(items: Iterable[pytest.Item]) -> None:
    """Mark the tests that their target is expected to fail."""
    differences = load()
    for item in filter(is_conformance, items):
        cause = differences.expected(full_name_of(item), target_of(item))
        if cause:
            # What is left to chance may also come out as RabbitMQ has it.
            strict = cause.reason != NONDETERMINISM
            item.add_marker(pytest.mark.xfail(reason=f"{cause.reason}: {cause.text}", strict=strict))


def summary(suite: Suite) -> str:
    """Return the numbers by reason in one line."""
    differences = load()
    counts = differences.counts(suite)
    return ", ".join(f"{reason} {counts[reason]} (at most {differences.ceilings.get(reason, 0)})" for reason in counts)
