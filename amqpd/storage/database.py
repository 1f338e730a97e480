"""One SQLite database as the engine uses it: how it is opened, what a transaction is, and what its errors are.

It writes ahead (WAL), and makes no checkpoint by itself. After one, the log is written over from its beginning: a sync
of what lies within a file costs less than one of a file that grows. https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from amqpd.storage.engine import Durability

SYNCHRONOUS: Final = {Durability.FSYNC: "FULL", Durability.OS: "NORMAL", Durability.NONE: "OFF"}
"""NORMAL syncs the log before a checkpoint alone."""
KEPT: Final = 4 * 1024 * 1024
"""Octets that the write-ahead log keeps when it is written over."""
ERRORS: Final = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_IOERR_SHMSIZE: errno.ENOSPC}
"""What the operating system calls them."""


class Failed(OSError):
    """SQLite could not do it; the text is SQLite's."""


class Malformed(Failed):
    """SQLite says that the octets of a database are not what it wrote."""


def free_pages(database: sqlite3.Connection) -> int:
    """Pages of the file that hold nothing."""
    count: int = database.execute("PRAGMA freelist_count").fetchone()[0]
    return count


def checkpoint(database: sqlite3.Connection) -> None:
    """Take what is in the write-ahead log over into the database; it waits for nobody who reads."""
    database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def opened(file: Path, durability: Durability, connection: type[sqlite3.Connection]) -> sqlite3.Connection:
    """Open a database, or make one, with all its settings. Raises Failed."""
    with as_os_errors():
        database = sqlite3.connect(file, isolation_level=None, check_same_thread=False, factory=connection)
        try:
            for pragma in (
                "auto_vacuum = INCREMENTAL",  # before the first table, or it comes too late
                "journal_mode = WAL",
                f"synchronous = {SYNCHRONOUS[durability]}",
                "fullfsync = ON",  # of effect on macOS alone
                "checkpoint_fullfsync = ON",
                "secure_delete = OFF",  # some builds overwrite what is deleted, which costs more than the delete
                "wal_autocheckpoint = 0",
                f"journal_size_limit = {KEPT}",
            ):
                database.execute(f"PRAGMA {pragma}").fetchall()
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()  # a damaged file is found now
        except BaseException:
            database.close()
            raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; SQLite's errors come as OSErrors."""
    with as_os_errors():
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise


@contextmanager
def as_os_errors() -> Iterator[None]:
    """Let SQLite's errors come as OSErrors."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = error.sqlite_errorcode
        kind = Malformed if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) else Failed
        raise kind(ERRORS.get(code, errno.EIO), f"SQLite: {error}") from error
