"""Write the `tests` lists of the catalogue from the markers.

Decide the layout of one key of one entry: the list goes to the end of its entry, everything else in the file stays as
it is, octet for octet. A file whose lists are right already is not written.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.catalogue.load import SPEC, files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEAD = "[[entry]]"
WIDTH = 120


def write(tests: Mapping[str, Sequence[str]], spec: Path = SPEC, only: Sequence[Path] = ()) -> list[Path]:
    """Bring the lists of all files (or of those in `only`) up to date; return the files that changed."""
    changed = []
    for path in only or files(spec):
        before = path.read_text(encoding="utf-8")
        after = with_tests(before, tests)
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def with_tests(text: str, tests: Mapping[str, Sequence[str]]) -> str:
    """Return a catalogue file's text with its lists as `tests` (sorted names by id) says."""
    head, *entries = text.split(f"{HEAD}\n")
    written = head + "".join(f"{HEAD}\n{_entry(entry, tests)}" for entry in entries)
    _assert_only_tests_differ(text, written)
    return written


def _entry(text: str, tests: Mapping[str, Sequence[str]]) -> str:
    lines = _without_tests(text.splitlines(keepends=True))
    name = next(tomllib.loads(line)["id"] for line in lines if line.startswith("id = "))
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    body = "".join(lines[:end])
    return (body if body.endswith("\n") else body + "\n") + _list(tests.get(name, ())) + "".join(lines[end:])


def _without_tests(lines: list[str]) -> list[str]:
    kept, inside = [], False
    for line in lines:
        if line.startswith("tests = "):
            inside = not line.rstrip().endswith("]")
        elif inside:
            inside = line.rstrip() != "]"
        else:
            kept.append(line)
    return kept


def _list(tests: Sequence[str]) -> str:
    if not tests:
        return ""
    line = f'tests = ["{tests[0]}"]\n'
    if len(tests) == 1 and len(line) <= WIDTH:
        return line
    return "tests = [\n" + "".join(f'    "{test}",\n' for test in tests) + "]\n"


def _assert_only_tests_differ(before: str, after: str) -> None:
    def rest(text: str) -> list[dict[str, object]]:
        return [{key: entry[key] for key in entry if key != "tests"} for entry in tomllib.loads(text).get("entry", [])]

    assert rest(before) == rest(after), "writing the lists would change something else"
