"""Outcomes of a run, test by test and target by target: recorded by a plug-in, kept as JSON, read back.

Decide how pytest's reports become one word a test: passed, failed, expected (an expected failure) or skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from conformance.catalogue.markers import is_conformance, name_of, proved_by, target_of

PROPERTY = "conformance"


@dataclass(frozen=True)
class Outcome:
    """What one test, with one set of parameters, came to on one target."""

    item: str
    test: str
    target: str
    outcome: str
    reason: str
    proves: tuple[str, ...]


class Recorder:
    """A pytest plug-in that writes the outcomes of the suite's tests to a file when the run ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: dict[str, Outcome] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Give every item's reports what they need to be attributed."""
        for item in filter(is_conformance, session.items):
            item.user_properties.append((PROPERTY, (name_of(item), target_of(item), *sorted(proved_by(item)))))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of setup, call and teardown."""
        attributed = dict(report.user_properties).get(PROPERTY)
        if not isinstance(attributed, list | tuple):
            return
        test, target, *proves = map(str, attributed)
        outcome, reason = _outcome(report)
        before = self._outcomes.get(report.nodeid)
        if before is None or before.outcome == "passed" or outcome == "failed":
            self._outcomes[report.nodeid] = Outcome(report.nodeid, test, target, outcome, reason, tuple(proves))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the file; of tests in several processes, in the one that began the others and has all reports."""
        if not hasattr(session.config, "workerinput"):
            write(self._path, self._outcomes.values())


def _outcome(report: pytest.TestReport) -> tuple[str, str]:
    if hasattr(report, "wasxfail") and report.outcome == "skipped":
        return "expected", str(report.wasxfail)
    if report.outcome == "skipped":
        where = report.longrepr
        return "skipped", str(where[2]) if isinstance(where, tuple) else str(where)
    if report.outcome == "failed":
        return "failed", report.longreprtext.strip().rpartition("\n")[2]
    return "passed", ""


def write(path: Path, outcomes: Iterable[Outcome]) -> None:
    """Write outcomes as a JSON array."""
    path.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> list[Outcome]:
    """Return the outcomes of a file that `write` wrote."""
    tables = json.loads(path.read_text(encoding="utf-8"))
    return [Outcome(**{**table, "proves": tuple(table["proves"])}) for table in tables]
