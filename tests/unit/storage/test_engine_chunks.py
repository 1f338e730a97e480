"""Chunks of streams, as every engine keeps them: with a row or not at all, by stream, in order of their offsets."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.storage.appendlog import AppendLogEngine
from amqpd.storage.database import KEPT
from amqpd.storage.engine import ChunkRow, Durability, Engine
from amqpd.storage.sqlite import SqliteEngine
from tests.unit.storage.disk import Disk
from tests.unit.storage.test_engines import AppendLog, Maker, Sqlite

FOLDER = Path("data")


@pytest.fixture(params=[Sqlite, AppendLog])
def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    maker: Maker = request.param(tmp_path / "data")
    yield maker
    for engine in maker.open:
        engine.close()


def chunk(stream: int, first: int, end: int, payload: bytes = b"") -> ChunkRow:
    return ChunkRow(stream, first, end, b"head %d" % first, payload or b"payload %d" % first)


def extents(engine: Engine, stream: int | None = None) -> list[tuple[int, int, int]]:
    heads = [each for each in engine.chunks("s") if stream in (None, each.stream)]
    assert all(each.head == b"head %d" % each.first for each in heads)
    return [(each.stream, each.first, each.end) for each in heads]


def payloads(engine: Engine, stream: int) -> list[bytes | None]:
    return [engine.read_chunk("s", stream, first) for _, first, _ in extents(engine, stream)]


def test_chunks_come_back_by_stream_in_order(maker: Maker) -> None:
    engine = maker.engine()
    epoch = engine.claim("s")
    engine.append("s", epoch, b"row", [chunk(7, 0, 10), chunk(2, 0, 3), chunk(2, 3, 5)])
    engine.append("s", epoch, b"", [chunk(2, 5, 6), chunk(7, 10, 11)])
    expected = [(2, 0, 3), (2, 3, 5), (2, 5, 6), (7, 0, 10), (7, 10, 11)]
    for _ in range(2):
        assert extents(engine) == expected
        assert payloads(engine, 7) == [b"payload 0", b"payload 10"]
        assert [row for _, row in engine.read("s")] == [b"row", b""]
        assert engine.damages() == []
        engine = maker.again()
    engine.append("s", engine.claim("s"), b"", [chunk(2, 6, 9)])
    assert extents(engine, 2) == [(2, 0, 3), (2, 3, 5), (2, 5, 6), (2, 6, 9)]


def test_a_chunk_takes_the_place_of_those_that_began_in_it(maker: Maker) -> None:
    engine = maker.engine()
    epoch = engine.claim("s")
    engine.append("s", epoch, b"", [chunk(1, 0, 4)])
    for first in (4, 5, 7):
        engine.append("s", epoch, b"", [chunk(1, first, first + 1 + first // 5)])
    engine.append("s", epoch, b"", [chunk(2, 5, 6)])
    engine.append("s", epoch, b"", [chunk(1, 4, 9, b"all"), chunk(1, 9, 10)])
    for _ in range(2):
        assert extents(engine) == [(1, 0, 4), (1, 4, 9), (1, 9, 10), (2, 5, 6)]
        assert payloads(engine, 1) == [b"payload 0", b"all", b"payload 9"]
        engine = maker.again()


def test_the_same_chunks_a_second_time_change_nothing(maker: Maker) -> None:
    engine = maker.engine()
    epoch = engine.claim("s")
    for _ in range(2):
        engine.append("s", epoch, b"", [chunk(1, 0, 4), chunk(1, 4, 8)])
    assert extents(engine) == [(1, 0, 4), (1, 4, 8)]
    assert extents(maker.again()) == [(1, 0, 4), (1, 4, 8)]


def test_shards_keep_their_chunks_apart(maker: Maker) -> None:
    engine = maker.engine()
    for shard in ("s", "t"):
        engine.append(shard, engine.claim(shard), b"", [chunk(1, 0, 4, shard.encode())])
    assert (engine.read_chunk("s", 1, 0), engine.read_chunk("t", 1, 0)) == (b"s", b"t")


def test_a_chunk_that_is_not_there_is_told(maker: Maker) -> None:
    engine = maker.engine()
    engine.append("s", engine.claim("s"), b"", [chunk(1, 0, 4)])
    assert engine.read_chunk("s", 1, 2) is None
    assert engine.read_chunk("s", 5, 0) is None
    assert ["is missing" in each.what for each in engine.damages()] == [True, True]


def test_dropped_chunks_are_gone_and_the_others_stay(maker: Maker) -> None:
    engine = maker.engine()
    epoch = engine.claim("s")
    for first in range(0, 100, 10):
        engine.append("s", epoch, b"", [chunk(1, first, first + 10, b"x" * 150), chunk(2, first, first + 10)])
    while engine.drop_chunks("s", 1, 75, 3):
        pass
    kept = [(1, first, first + 10) for first in (70, 80, 90)]
    assert extents(engine, 1) == kept
    assert len(extents(engine, 2)) == 10
    engine = maker.again()
    left = extents(engine, 1)
    assert left[-3:] == kept
    assert len(left) <= 5, "most of what was dropped is gone"


def test_a_stream_that_is_dropped_as_a_whole_leaves_nothing(maker: Maker) -> None:
    engine = maker.engine(Durability.OS)
    epoch = engine.claim("s")
    for first in range(100):
        engine.append("s", epoch, b"", [chunk(1, first, first + 1, b"x" * 100_000)])
    engine.tidy()
    full, rounds = engine.octets, 1
    while engine.drop_chunks("s", 1, 100, 8):
        rounds += 1
    engine.tidy()
    assert rounds <= 13
    assert engine.octets < full / 10 + KEPT  # a log that is written over again
    assert extents(engine) == extents(maker.again()) == []


def test_a_second_thread_may_read_while_something_is_appended(maker: Maker) -> None:
    """As far as a test can show it: a reader that began before sees what was there."""
    engine = maker.engine()
    epoch = engine.claim("s")
    engine.append("s", epoch, b"", [chunk(1, 0, 4)])
    heads = engine.chunks("s")
    next(heads)
    engine.append("s", epoch, b"", [chunk(1, 4, 8)])
    assert engine.read_chunk("s", 1, 4) == b"payload 4"


# -- damage and power losses -------------------------------------------------------------------------------------------


def test_a_damaged_chunk_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path)
    engine.append("s", engine.claim("s"), b"", [chunk(1, 0, 4), chunk(1, 4, 8)])
    engine.close()
    database = sqlite3.connect(tmp_path / "journal.db")
    [row] = database.execute("SELECT row FROM chunks WHERE first = 0").fetchone()
    database.execute("UPDATE chunks SET row = ? WHERE first = 0", (row[:-1] + b"?",))
    database.commit()
    database.close()
    engine = SqliteEngine(tmp_path)
    assert payloads(engine, 1) == [None, b"payload 4"]
    assert [each.what for each in engine.damages()] == ["that of stream 1 from offset 0 on is damaged"]
    engine.close()


def opened(disk: Disk) -> AppendLogEngine:
    return AppendLogEngine(FOLDER, files=disk, segment=300)


@given(st.integers(0, 2**32))
def test_a_row_and_its_chunks_survive_a_power_loss_together_or_not_at_all(seed: int) -> None:
    """Whatever step of the last append had come to the disk."""
    random = Random(seed)
    disk = Disk()
    kept: list[bytes] = []
    ends: dict[int, int] = {}
    for _ in range(4):
        engine = opened(disk)
        epoch = engine.claim("s")
        found = {stream: [each.end for each in engine.chunks("s") if each.stream == stream][-1] for stream in ends}
        assert [row for _, row in engine.read("s")] == kept
        assert found == ends
        for number in range(random.randint(1, 5)):
            row = b"%d" % number * random.randint(1, 100)
            streams = random.sample(range(5), random.randint(0, 3))
            made = [chunk(each, ends.get(each, 0), ends.get(each, 0) + random.randint(1, 9)) for each in streams]
            engine.append("s", epoch, row, made)
            kept.append(row)
            ends |= {each.stream: each.end for each in made}
        disk.room = random.randint(0, 400)
        lost = [chunk(each, ends.get(each, 0), ends.get(each, 0) + 5, b"x" * 90) for each in range(3)]
        try:
            engine.append("s", epoch, b"y" * 90, lost)
        except OSError:
            pass
        else:
            kept.append(b"y" * 90)
            ends |= {each.stream: each.end for each in lost}
        disk = disk.lose_power(random)


@given(st.integers(0, 400))
def test_what_a_full_disk_refuses_is_not_there_and_the_rest_goes_on(room: int) -> None:
    disk = Disk()
    engine = opened(disk)
    epoch = engine.claim("s")
    engine.append("s", epoch, b"before", [chunk(1, 0, 5)])
    disk.room = room
    try:
        engine.append("s", epoch, b"y" * 90, [chunk(each, 5, 9, b"x" * 50) for each in (1, 2)])
        refused = False
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017
        refused = True
    disk.room = None
    engine.append("s", epoch, b"after", [chunk(1, 5, 6)])
    expected = [(1, 0, 5), (1, 5, 6)]
    for each in (engine, opened(Disk(disk.contents()))):
        assert extents(each) == (expected if refused else [*expected, (2, 5, 9)])
        assert payloads(each, 1) == [b"payload 0", b"payload 5"]


def test_after_a_failed_sync_no_more_chunks_are_taken() -> None:
    disk = Disk()
    engine = opened(disk)
    epoch = engine.claim("s")
    disk.sync_fails = True
    with pytest.raises(OSError, match="input/output error"):
        engine.append("s", epoch, b"", [chunk(1, 0, 1)])
    disk.sync_fails = False
    with pytest.raises(OSError, match=r"takes no more chunks after an error: .*input/output error"):
        engine.append("s", epoch, b"", [chunk(1, 0, 1)])
    assert extents(opened(Disk(disk.contents()))) == []
