"""Differences between the targets: what they need, which tests they mark, and that their numbers may only fall."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.catalogue.markers import Suite
from conformance.differences import Difference, Differences, findings, load

ITEMS = ("test_a.py::test_one", "test_a.py::test_two[x-1]", "test_a.py::test_two[y-1]", "test_b.py::test_three")
SUITE = Suite(
    {"test_a.py::test_one": frozenset(), "test_a.py::test_two": frozenset(), "test_b.py::test_three": frozenset()},
    frozenset({"test_b.py::test_three"}),
    ITEMS,
)


def differences(*causes: Difference, **ceilings: int) -> Differences:
    return Differences(causes, {"version": 1, **ceilings})


def cause(reason: str, *tests: str, quote: str = "because") -> Difference:
    return Difference(reason, "something", quote, tests)


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("test_a.py", ITEMS[:3]),
        ("test_a.py::test_one", ITEMS[:1]),
        ("test_a.py::test_two", ITEMS[1:3]),
        ("test_a.py::test_two[x", ITEMS[1:2]),
        ("test_a.py::test_two[y-1]", ITEMS[2:3]),
        ("test_a.py::test_t", ()),
        ("test_a", ()),
    ],
)
def test_a_name_may_be_a_file_a_test_or_the_start_of_its_parameters(pattern: str, shown: tuple[str, ...]) -> None:
    assert tuple(item for item in ITEMS if cause("missing", pattern).shows_in(item)) == shown


def test_only_its_targets_are_expected_to_fail() -> None:
    known = differences(cause("missing", "test_a.py::test_one"))
    assert known.expected("test_a.py::test_one", "amqpd")
    assert not known.expected("test_a.py::test_one", "rabbitmq")
    assert not known.expected("test_b.py::test_three", "amqpd")


def test_tests_are_counted_once_each_and_versions_by_their_marker() -> None:
    known = differences(cause("missing", "test_a.py"), cause("missing", "test_a.py::test_two[x"))
    assert known.counts(SUITE) == {"version": 1, "extension": 0, "nondeterminism": 0, "missing": 2}


def test_nothing_is_wrong_at_the_ceiling() -> None:
    assert list(findings(differences(cause("missing", "test_a.py::test_one"), missing=1), SUITE)) == []


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (differences(cause("missing", "test_a.py::test_one")), "1 tests differ by missing, above the ceiling of 0"),
        (differences(missing=3), "only 0 tests differ by missing: lower the ceiling of 3"),
        (differences(cause("missing", "test_c.py"), missing=0), "names the test test_c.py, which does not exist"),
        (differences(cause("mood", "test_a.py::test_one"), mood=1), "has the reason 'mood'; known are version"),
        (
            differences(cause("nondeterminism", "test_a.py::test_one", quote=""), nondeterminism=1),
            "is a difference by nondeterminism without 'rule'",
        ),
        (
            differences(cause("extension", "test_a.py::test_one", quote="spec/decisions/none.md"), extension=1),
            "names the decision record spec/decisions/none.md, which does not exist",
        ),
    ],
)
def test_what_can_be_wrong(known: Differences, found: str) -> None:
    (line,) = findings(known, SUITE)
    assert line.startswith("spec/differences.toml: ")
    assert line.endswith(found) or found in line


def test_each_reason_has_its_own_quote(tmp_path: Path) -> None:
    (tmp_path / "differences.toml").write_text(
        '[ceilings]\nversion = 7\n\n[[difference]]\nreason = "version"\ntext = "t"\nline = "since 4.0"\n'
        'tests = ["test_a.py"]\n\n[[difference]]\nreason = "missing"\ntext = "t"\nuntil = "streams"\n'
        'targets = ["delayed"]\ntests = ["test_a.py"]\n'
    )
    known = load(tmp_path)
    assert [each.quote for each in known.causes] == ["since 4.0", "streams"]
    assert [each.targets for each in known.causes] == [("amqpd", "delayed"), ("delayed",)]
    assert known.ceilings == {"version": 7}
