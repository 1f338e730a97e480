"""A copy of a data directory while a broker writes to it: each database as it was at one moment.

The journal goes first: what it refers to was defined before. https://www.sqlite.org/backup.html
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from amqpd.storage.files import RealFiles
from amqpd.storage.folder import FORMAT
from amqpd.storage.sqlite import DEFINITIONS, JOURNAL

PAGES: Final = 1024
"""Pages that are copied at a time: the broker commits in between."""


def backup(source: Path, destination: Path) -> None:
    """Copy a directory to a new one, which a broker can be started on.

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
    for name in (JOURNAL, DEFINITIONS):
        _copy(source / name, destination / name)
    # Last: without it the copy is no data directory.
    files.replace(destination / FORMAT, written.read_bytes(), sync=True)


def _copy(source: Path, destination: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as database,
            closing(sqlite3.connect(destination)) as copy,
        ):
            copy.execute("PRAGMA synchronous = FULL")
            database.backup(copy, pages=PAGES)
    except sqlite3.Error as error:
        raise OSError(f"{source} cannot be copied: {error}") from error
