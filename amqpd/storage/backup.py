"""A copy of a data directory while a broker writes to it: both databases as they were at one moment.

That moment is held by a read transaction on each, however long copying takes: a copy of what is not held begins anew at
each commit (https://www.sqlite.org/backup.html), and what was moved out of a queue that is then deleted would be in
neither database. The journal's begins first: what it refers to was defined before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from amqpd.storage.files import RealFiles
from amqpd.storage.folder import FORMAT
from amqpd.storage.sqlite import DEFINITIONS, JOURNAL

Progress = Callable[[str, int, int], None]

PAGES: Final = 4096
"""Pages from one word of progress to the next."""


def backup(source: Path, destination: Path, progress: Progress) -> None:
    """Copy a directory to a new one, which a broker can be started on. `progress` hears the name of a file, how many of
    its pages are copied, and how many there are.

    Raises FileNotFoundError where there is no data directory, FileExistsError for a destination with something in it,
    OSError where a disk does.
    """
    written = source / FORMAT
    if not written.exists():
        raise FileNotFoundError(f"{source} is no data directory: there is no file {FORMAT!r} in it")
    if destination.exists() and any(destination.iterdir()):
        raise FileExistsError(f"{destination} is not empty: name a directory that isn't there yet")
    files = RealFiles()
    files.make_folder(destination)
    with ExitStack() as stack:
        held = {name: stack.enter_context(_held(source / name)) for name in (JOURNAL, DEFINITIONS)}
        for name, database in held.items():
            _copy(database, destination / name, progress)
    # Last: without it the copy is no data directory.
    files.replace(destination / FORMAT, written.read_bytes(), sync=True)


@contextmanager
def _held(path: Path) -> Iterator[sqlite3.Connection]:
    """A database as it is at this moment. Its writer goes on, in the log, which is not begun anew meanwhile."""
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        ) as database:
            database.execute("BEGIN")
            database.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # BEGIN alone holds nothing
            yield database
    except sqlite3.Error as error:
        raise OSError(f"{path} cannot be copied: {error}") from error


def _copy(database: sqlite3.Connection, destination: Path, progress: Progress) -> None:
    def told(_: int, remaining: int, total: int) -> None:
        progress(destination.name, total - remaining, total)

    with closing(sqlite3.connect(destination)) as copy:
        copy.execute("PRAGMA synchronous = FULL")
        database.backup(copy, pages=PAGES, progress=told)
