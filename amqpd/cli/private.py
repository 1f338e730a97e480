"""Files for the user who makes them alone: they hold messages and hashes of passwords."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

OTHERS: Final = 0o077


@contextmanager
def private_files() -> Iterator[None]:
    """New files of this process are for its user alone, whatever folder they are in. Those that are there stay."""
    before = os.umask(OTHERS)
    try:
        yield
    finally:
        os.umask(before)
