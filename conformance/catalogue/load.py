"""The catalogue as values: what stands in the TOML files below `spec/`.

Decide which files and keys make an entry. Judge nothing: what is wrong with an entry is for `check` to say. Only a file
that is no TOML, or an entry without an id, stops the loading.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
SPEC: Final = ROOT / "spec"
CONFORMANCE: Final = ROOT / "conformance"
DIFFERENCES: Final = "differences.toml"
RULES: Final = "rules/ids.txt"


@dataclass(frozen=True)
class Entry:
    """One promise. `keys` holds what belongs to its kind: `code`, `level`, `type` and the like."""

    id: str
    kind: str
    text: str
    source: str
    where: str
    """The file, relative to the catalogue's folder."""
    tests: tuple[str, ...] = ()
    untested: str = ""
    reason: str = ""
    deviates: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)

    @property
    def deviation(self) -> str:
        """Return how RabbitMQ departs from the entry, empty where it does not."""
        return self.deviates or (self.reason if self.untested == "deviation" else "")


@dataclass(frozen=True)
class Catalogue:
    """All entries in the order of their files, and the ids of the specification's rules."""

    entries: tuple[Entry, ...]
    rules: tuple[str, ...]

    def by_id(self) -> dict[str, Entry]:
        """Return the entries by id; of two with the same id the first."""
        return {entry.id: entry for entry in reversed(self.entries)}

    def of_kind(self, kind: str) -> list[Entry]:
        """Return the entries of one kind."""
        return [entry for entry in self.entries if entry.kind == kind]


class Malformed(Exception):
    """A file of the catalogue cannot be read; the text says which and why."""


COMMON: Final = ("id", "kind", "text", "source", "tests", "untested", "reason", "deviates")


ORDER: Final = ("protocol", "rules", "reply-codes.toml", "extensions", "errors")
"""The order in which the parts are read and reported; others follow by name."""


def files(spec: Path = SPEC) -> list[Path]:
    """Return the catalogue's TOML files, part by part, those of a part by name."""
    found = (path for path in spec.rglob("*.toml") if path.name != DIFFERENCES)
    return sorted(found, key=lambda path: _place(path, spec))


def _place(path: Path, spec: Path) -> tuple[int, str]:
    part = path.relative_to(spec).parts[0]
    return ORDER.index(part) if part in ORDER else len(ORDER), path.as_posix()


def load(spec: Path = SPEC) -> Catalogue:
    """Read every file of the catalogue; raise Malformed with the file's name."""
    listed = (spec / RULES).read_text(encoding="utf-8").split()
    return Catalogue(tuple(entry for path in files(spec) for entry in _entries(path, spec)), tuple(listed))


def _entries(path: Path, spec: Path) -> Iterator[Entry]:
    where = path.relative_to(spec).as_posix()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Malformed(f"spec/{where}: {error}") from error
    if others := document.keys() - {"entry"}:
        raise Malformed(f"spec/{where}: {min(others)!r} is not expected here, only [[entry]]")
    for number, table in enumerate(document.get("entry", []), 1):
        if not table.get("id"):
            raise Malformed(f"spec/{where}: entry number {number} has no id")
        given = {key: table.get(key, "") for key in COMMON if key != "tests"}
        keys = {key: value for key, value in table.items() if key not in COMMON}
        yield Entry(where=where, tests=tuple(table.get("tests", ())), keys=keys, **given)
