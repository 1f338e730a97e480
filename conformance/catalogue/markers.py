"""What the tests say they prove: the `proves` markers, collected by pytest without any broker.

Know nothing of the catalogue. A test is named as the catalogue names it: `test_file.py::test_name`, the file relative
to `conformance/`, without parameters.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.catalogue.load import CONFORMANCE


@dataclass(frozen=True)
class Suite:
    """The tests of the suite with the ids each proves, and which of them are marked with `versions`."""

    proves: Mapping[str, frozenset[str]]
    versioned: frozenset[str] = frozenset()
    items: tuple[str, ...] = ()
    """Every test with its parameters, the target's name taken out of them."""

    def by_entry(self) -> dict[str, list[str]]:
        """Return the tests of each id, sorted."""
        tests: dict[str, list[str]] = {}
        for test in sorted(self.proves):
            for entry in self.proves[test]:
                tests.setdefault(entry, []).append(test)
        return tests


class Unreadable(Exception):
    """The suite could not be collected; the text is what pytest says."""


def is_conformance(item: pytest.Item) -> bool:
    """Say whether an item belongs to the suite: runs that test more than the suite collect others, too."""
    return item.path.is_relative_to(CONFORMANCE)


def name_of(item: pytest.Item) -> str:
    """Return the name of an item's test, without parameters."""
    return f"{_file(item)}::{getattr(item, 'originalname', None) or item.name.partition('[')[0]}"


def target_of(item: pytest.Item) -> str:
    """Return the target that an item runs against, empty where it needs none."""
    call = getattr(item, "callspec", None)
    return str(call.params.get("target", "")) if call else ""


def full_name_of(item: pytest.Item) -> str:
    """Return an item's name with its parameters but without its target."""
    name, bracket, rest = item.name.partition("[")
    if not bracket:
        return f"{_file(item)}::{name}"
    parameters = rest.removesuffix("]").removeprefix(target_of(item)).removeprefix("-")
    return f"{_file(item)}::{name}" + (f"[{parameters}]" if parameters else "")


def _file(item: pytest.Item) -> str:
    return item.path.relative_to(CONFORMANCE).as_posix()


def proved_by(item: pytest.Item) -> frozenset[str]:
    """Return the ids that an item's markers name."""
    return frozenset(str(entry) for marker in item.iter_markers("proves") for entry in marker.args)


def suite_of(items: Iterable[pytest.Item]) -> Suite:
    """Return what these items prove; items of other suites are left out."""
    proves: dict[str, frozenset[str]] = {}
    versioned: set[str] = set()
    names: dict[str, None] = {}
    for item in filter(is_conformance, items):
        test = name_of(item)
        proves[test] = proves.get(test, frozenset()) | proved_by(item)
        names[full_name_of(item)] = None
        if item.get_closest_marker("versions"):
            versioned.add(test)
    return Suite(proves, frozenset(versioned), tuple(names))


class _Collector:
    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = session.items


def collect(folder: Path = CONFORMANCE) -> Suite:
    """Collect the suite in this process; raise Unreadable with pytest's own words when it cannot be."""
    collector, output = _Collector(), io.StringIO()
    arguments = ["--collect-only", "-q", "--no-header", "-p", "no:cacheprovider", str(folder)]
    with redirect_stdout(output):
        status = pytest.main(arguments, plugins=[collector])
    if status != pytest.ExitCode.OK:
        raise Unreadable(output.getvalue())
    return suite_of(collector.items)
