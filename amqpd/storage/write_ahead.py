"""The write-ahead log of an SQLite database, as far as one needs to look into it.

It is written over from its beginning after a checkpoint. A frame belongs to the present round if it has the salts of
the header. https://www.sqlite.org/fileformat2.html#walformat
"""

from __future__ import annotations

from pathlib import Path
from struct import Struct
from typing import Final

LONG: Final = 4 * 1024 * 1024
"""Octets from which a checkpoint is worth its syncs."""
MAGIC: Final = (0x377F0682, 0x377F0683)
HEADER: Final = Struct(">8I")
"""Magic number, version, size of a page, number of the checkpoint, two salts, two checksums."""
FRAME: Final = Struct(">6I")
"""Number of the page, pages of the database if it ends a transaction, two salts, two checksums; the page follows."""


def log_of(database: Path) -> Path:
    """The file; it is there while the database is in use."""
    return database.with_name(f"{database.name}-wal")


def is_long(database: Path) -> bool:
    """Whether `LONG` octets were written to the log since it was last begun anew."""
    try:
        with log_of(database).open("rb", buffering=0) as log:
            header = log.read(HEADER.size)
            if len(header) < HEADER.size:
                return False
            _, _, page_size, _, *salts, _, _ = HEADER.unpack(header)
            log.seek(HEADER.size + LONG // page_size * (FRAME.size + page_size))
            frame = log.read(FRAME.size)
    except FileNotFoundError:
        return False
    return len(frame) == FRAME.size and [*FRAME.unpack(frame)[2:4]] == salts
