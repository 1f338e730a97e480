"""The lists of tests are written, and nothing else of a file changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.catalogue.write import with_tests, write

BEFORE = """\
# A file with comments.

[[entry]]
id = "a"   # the first
kind = "rule"

# About the second.
[[entry]]
id = "b"
tests = [
    "old.py::gone",
]
untested = "untestable"

[[entry]]
id = "c"
tests = ["old.py::one"]
kind = "rule\""""
AFTER = """\
# A file with comments.

[[entry]]
id = "a"   # the first
kind = "rule"
tests = ["x.py::one"]

# About the second.
[[entry]]
id = "b"
untested = "untestable"
tests = [
    "x.py::one",
    "x.py::two",
]

[[entry]]
id = "c"
kind = "rule"
"""
TESTS = {"a": ["x.py::one"], "b": ["x.py::one", "x.py::two"]}


def test_lists_are_written_and_comments_stay() -> None:
    assert with_tests(BEFORE, TESTS) == AFTER


def test_what_is_right_already_stays_as_it_is() -> None:
    assert with_tests(AFTER, TESTS) == AFTER


def test_a_long_name_has_a_line_of_its_own() -> None:
    name = f"x.py::{'y' * 110}"
    assert with_tests('[[entry]]\nid = "a"\n', {"a": [name]}) == f'[[entry]]\nid = "a"\ntests = [\n    "{name}",\n]\n'


@pytest.mark.parametrize("only_one", [False, True])
def test_files_that_changed_are_told(tmp_path: Path, only_one: bool) -> None:
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text(BEFORE)
    (tmp_path / "right.toml").write_text(AFTER)
    only = [tmp_path / "two.toml"] if only_one else []
    changed = write(TESTS, tmp_path, only)
    assert [path.name for path in changed] == (["two.toml"] if only_one else ["one.toml", "two.toml"])
    assert (tmp_path / "two.toml").read_text() == AFTER
    assert (tmp_path / "one.toml").read_text() == (BEFORE if only_one else AFTER)
