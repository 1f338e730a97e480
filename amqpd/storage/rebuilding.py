"""Puts what can be salvaged of a damaged journal into a new database, and the damaged one aside.

Rows are found by their frames. Chunks of streams and snapshots are taken over as far as SQLite still reads them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Final

import attrs

from amqpd.storage.salvage import TRIMMED, salvaged, trim_mark

OTHERS: Final = ("shards", "snapshots", "chunks")
"""Tables that are copied by SQLite."""


@attrs.frozen
class Rebuilt:
    """What the new database has."""

    rows: int
    last: int
    """The highest number of a row."""
    gaps: list[tuple[int, int]]
    """Rows in between that are gone: first and last."""
    name: str
    """What the damaged file is called now."""


def rebuild(database: Path, make_tables: Callable[[sqlite3.Connection], None]) -> Rebuilt:
    """Replace a database that nobody has open. Raises OSError; then the damaged one is where it was."""
    new = database.with_name(database.name + ".new")
    for leftover in _files(new):
        leftover.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(new, isolation_level=None)) as made:
            made.execute("PRAGMA auto_vacuum = INCREMENTAL")
            made.execute("PRAGMA synchronous = FULL")
            made.execute("BEGIN")
            make_tables(made)
            first, last = _fill(made, database)
            made.execute("COMMIT")
            numbers = [seq for (seq,) in made.execute("SELECT seq FROM rows ORDER BY seq")]
    except sqlite3.Error as error:
        raise OSError(f"{database} is damaged, and could not be built anew: SQLite: {error}") from error
    aside = _aside(database)
    database.rename(aside)
    for log in _files(database)[1:]:
        if log.exists():
            log.rename(aside.with_name(aside.name + log.name.removeprefix(database.name)))
    new.rename(database)
    _sync(database.parent)
    edges = pairwise((first - 1, *numbers, last + 1))
    gaps = [(before + 1, after - 1) for before, after in edges if after > before + 1]
    return Rebuilt(len(numbers), numbers[-1] if numbers else 0, gaps, aside.name)


def _fill(made: sqlite3.Connection, database: Path) -> tuple[int, int]:
    """Take everything over; return the numbers of the first and the last row that there should be."""
    below: dict[str, int] = {}
    for row, frame in salvaged(database):
        shard, place, _ = row.shard.partition("/")
        if not place:
            made.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", (row.seq, shard, frame))
        elif row.shard == shard + TRIMMED:
            below[shard] = max(below.get(shard, 0), row.seq)
    for shard, seq in below.items():
        made.execute("DELETE FROM rows WHERE shard = ? AND seq < ?", (shard, seq))
        made.execute("INSERT INTO marks VALUES (?, ?)", (shard, trim_mark(shard, seq)))
    for table, values in _readable(database, *OTHERS):
        made.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(values))})", values)
    [last] = made.execute("SELECT coalesce(max(seq), 0) FROM rows").fetchone()
    for _, (name, highest) in _readable(database, "sqlite_sequence"):
        if name == "rows" and isinstance(highest, int):
            last = max(last, highest)
    last = max(last, *(seq - 1 for seq in below.values()), 0)
    # No number is used twice, though its row is gone.
    made.execute("DELETE FROM sqlite_sequence WHERE name = 'rows'")
    made.execute("INSERT INTO sqlite_sequence VALUES ('rows', ?)", (last,))
    return min(below.values(), default=1), last


def _readable(database: Path, *tables: str) -> Iterator[tuple[str, tuple[object, ...]]]:
    """What SQLite still reads of some tables."""
    for table in tables:
        with suppress(sqlite3.Error), closing(sqlite3.connect(database)) as damaged:
            for values in damaged.execute(f"SELECT * FROM {table}"):
                yield table, values


def _files(database: Path) -> tuple[Path, ...]:
    return tuple(database.with_name(database.name + ending) for ending in ("", "-wal", "-shm"))


def _aside(database: Path) -> Path:
    number = 1
    while (aside := database.with_name(f"{database.name}.damaged-{number}")).exists():
        number += 1
    return aside


def _sync(folder: Path) -> None:
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
