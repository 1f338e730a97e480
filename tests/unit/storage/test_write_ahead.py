"""The write-ahead log is written over from its beginning, and is long once that much has been written to it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from amqpd.storage.engine import Durability
from amqpd.storage.sqlite import JOURNAL, SqliteEngine
from amqpd.storage.write_ahead import FRAME, HEADER, LONG, is_long, log_of

PAGE = 4096


def frames(*salts: tuple[int, int]) -> bytes:
    """A log whose header has the first salts, and its frames the others."""
    header = HEADER.pack(0x377F0682, 3007000, PAGE, 0, *salts[0], 0, 0)
    return header + b"".join(FRAME.pack(1, 0, *each, 0, 0) + bytes(PAGE) for each in salts[1:])


@pytest.mark.parametrize(
    ("log", "long"),
    [
        (b"", False),
        (frames((1, 2))[:-1], False),
        (frames((1, 2)), False),
        (frames((1, 2), *[(1, 2)] * (LONG // PAGE)), False),
        (frames((1, 2), *[(1, 2)] * (LONG // PAGE + 1)), True),
        (frames((1, 2), *[(1, 2)] * (LONG // PAGE), (0, 2)), False),
        (frames((1, 2), *[(1, 2)] * (LONG // PAGE + 9), (0, 2)), True),
    ],
    ids=["empty", "cut", "new", "nearly", "just", "earlier round", "long and earlier round"],
)
def test_it_is_long_by_what_this_round_wrote(tmp_path: Path, log: bytes, *, long: bool) -> None:
    database = tmp_path / "any.db"
    assert not is_long(database)
    log_of(database).write_bytes(log)
    assert is_long(database) is long


def test_the_engine_goes_round_in_it(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path, Durability.OS)
    epoch = engine.claim("s")
    sizes = []
    for _ in range(160):
        engine.append("s", epoch, bytes(100_000))
        if engine.untidy():
            engine.maintain()
            sizes.append(log_of(tmp_path / JOURNAL).stat().st_size)
    assert len(sizes) == 4
    assert all(LONG <= size < LONG * 1.1 for size in sizes)
    engine.close()
