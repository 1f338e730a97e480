"""Flipped bytes, torn ends, full disks and failing syncs."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.definitions import Change, Kind
from amqpd.storage import rows
from amqpd.storage.appendlog import AppendLogEngine
from amqpd.storage.engine import DirectoryInUse, Durability, Incomplete
from amqpd.storage.segments import Broken
from amqpd.storage.sqlite import SqliteEngine
from tests.unit.storage.disk import Disk

FOLDER = Path("data")
SEGMENT = 400


def opened(disk: Disk, durability: Durability = Durability.FSYNC) -> AppendLogEngine:
    return AppendLogEngine(FOLDER, durability, files=disk, segment=SEGMENT)


def read(engine: AppendLogEngine | SqliteEngine) -> list[bytes]:
    return [row for _, row in engine.read("s")]


def segments(disk: Disk) -> list[Path]:
    return sorted(path for path in disk.files if path.suffix == ".rows" and path.parent.name == "s")


# -- frames ------------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=300), st.integers(0, 2**64 - 1), st.text(max_size=20))
def test_a_frame_comes_back(payload: bytes, seq: int, shard: str) -> None:
    framed = rows.framed(shard, seq, payload)
    row = rows.unframed(b"before" + framed + b"behind", 6)
    assert row == (shard, seq, payload, len(framed))


@given(st.binary(max_size=50), st.data())
def test_any_flipped_bit_and_any_missing_octet_shows(payload: bytes, data: st.DataObject) -> None:
    framed = rows.framed("s", 7, payload)
    assert rows.unframed(framed[: data.draw(st.integers(0, len(framed) - 1))]) is None
    bit = data.draw(st.integers(0, 8 * len(framed) - 1))
    flipped = bytearray(framed)
    flipped[bit // 8] ^= 1 << bit % 8
    row = rows.unframed(bytes(flipped))
    assert row is None


def test_whole_rows_are_salvaged_from_anything() -> None:
    framed = [rows.framed("s", number, rows.MAGIC * number) for number in range(5)]
    damaged = bytearray(framed[2])
    damaged[-1] ^= 1
    data = b"junk" + framed[0] + framed[1][:-1] + rows.MAGIC + framed[3] + bytes(damaged) + framed[4]
    assert [row.seq for row in rows.salvaged(data)] == [0, 3, 4]


# -- the append-only log -----------------------------------------------------------------------------------------------


def test_a_row_that_is_not_whole_at_the_end_is_cut_off() -> None:
    disk = Disk()
    engine = opened(disk)
    epoch = engine.claim("s")
    for number in range(5):
        engine.append("s", epoch, b"%d" % number)
    disk.files[segments(disk)[-1]].now += rows.framed("s", 6, b"torn")[:-1]
    engine = opened(Disk(disk.contents()))
    assert read(engine) == [b"%d" % number for number in range(5)]
    assert engine.damages() == []
    engine.append("s", engine.claim("s"), b"new")
    assert read(engine)[-1] == b"new"


def test_a_damaged_row_is_left_out_and_told() -> None:
    disk = Disk()
    engine = opened(disk)
    epoch = engine.claim("s")
    for number in range(20):
        engine.append("s", epoch, b"row %d" % number)
    file = disk.files[segments(disk)[0]]
    at = file.now.index(b"row 3")
    file.now = file.now[:at] + b"ROW" + file.now[at + 3 :]
    engine = opened(Disk(disk.contents()))
    assert read(engine) == [b"row %d" % number for number in range(20) if number != 3]
    [damage] = engine.damages()
    assert "are no row" in damage.what
    assert engine.damages() == []


def test_what_a_full_disk_refuses_is_not_there_and_the_rest_goes_on() -> None:
    disk = Disk()
    engine = opened(disk)
    epoch = engine.claim("s")
    engine.append("s", epoch, b"before")
    disk.room = 10
    with pytest.raises(OSError, match="no space left") as full:
        engine.append("s", epoch, b"x" * 100)
    assert full.value.errno == errno.ENOSPC
    disk.room = None
    engine.append("s", epoch, b"after")
    assert read(engine) == read(opened(Disk(disk.contents()))) == [b"before", b"after"]


def test_after_a_failed_sync_nothing_more_is_taken() -> None:
    """It is not tried again: nobody knows what the disk has dropped."""
    disk = Disk()
    engine = opened(disk)
    epoch = engine.claim("s")
    engine.append("s", epoch, b"before")
    disk.sync_fails = True
    with pytest.raises(OSError, match="input/output error"):
        engine.append("s", epoch, b"lost?")
    disk.sync_fails = False
    with pytest.raises(Broken, match=r"takes no more rows after an error: .*input/output error"):
        engine.append("s", epoch, b"refused")
    assert read(opened(Disk(disk.contents())))[:1] == [b"before"]


@given(st.integers(0, 2**32), st.lists(st.integers(0, 200), min_size=1, max_size=30))
def test_what_was_kept_survives_a_power_loss_at_any_moment(seed: int, sizes: list[int]) -> None:
    """Nothing that `append` has returned for is missing, changed or out of order, however the disk was left."""
    random = Random(seed)
    disk, kept = Disk(), []
    for size in sizes:
        engine = opened(disk)
        epoch = engine.claim("s")
        for number in range(random.randint(1, 6)):
            row = b"%d " % number + random.randbytes(size)
            engine.append("s", epoch, row)
            kept.append(row)
        if random.random() < 0.3:
            disk.room = random.randint(0, 200)
            try:
                engine.append("s", epoch, b"y" * 150)
                kept.append(b"y" * 150)
            except OSError:
                pass
        disk = disk.lose_power(random)
        assert read(opened(disk)) == kept


# -- SQLite ------------------------------------------------------------------------------------------------------------


def test_a_damaged_row_in_the_database_is_left_out_and_told(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path)
    epoch = engine.claim("s")
    for number in range(5):
        engine.append("s", epoch, b"row %d" % number)
    engine.close()
    database = sqlite3.connect(tmp_path / "journal.db")
    [data] = database.execute("SELECT row FROM rows WHERE seq = 3").fetchone()
    database.execute("UPDATE rows SET row = ? WHERE seq = 3", (data[:-1] + b"?",))
    database.commit()
    database.close()
    engine = SqliteEngine(tmp_path)
    assert read(engine) == [b"row 0", b"row 1", b"row 3", b"row 4"]
    [damage] = engine.damages()
    assert damage.what == "row 3 is damaged"
    engine.close()


@pytest.mark.parametrize(("name", "held"), [("journal.db", "the messages"), ("definitions.db", "queues")])
def test_a_missing_file_is_not_made_anew_unless_somebody_says_so(tmp_path: Path, name: str, held: str) -> None:
    engine = SqliteEngine(tmp_path)
    engine.append("s", engine.claim("s"), b"row")
    engine.close()
    (tmp_path / name).unlink()
    with pytest.raises(Incomplete, match=f"lacks '{name}', which holds .*{held}.*: put it back from a backup, or"):
        SqliteEngine(tmp_path)
    (tmp_path / name).touch()
    engine = SqliteEngine(tmp_path)
    assert read(engine) == ([] if name == "journal.db" else [b"row"])
    engine.close()


def test_a_missing_segment_is_told() -> None:
    disk = Disk()
    engine = opened(disk)
    epoch = engine.claim("s")
    for number in range(60):
        engine.append("s", epoch, b"row %d" % number)
    contents = disk.contents()
    del contents[segments(disk)[1]]
    engine = opened(Disk(contents))
    assert 0 < len(read(engine)) < 60
    [damage] = engine.damages()
    assert damage.what.startswith("rows ")
    assert damage.what.endswith(" are missing")


def test_a_folder_that_cannot_be_written_is_not_taken_for_one_in_use(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(IsADirectoryError):
        SqliteEngine(tmp_path)


HOLD = """
import sys
from pathlib import Path
from amqpd.storage.sqlite import SqliteEngine
engine = SqliteEngine(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_belongs_to_one_process_until_it_ends_even_by_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DirectoryInUse, match="in use by another process: stop that one, or choose another"):
            SqliteEngine(tmp_path)
        other.kill()
        other.wait()
    SqliteEngine(tmp_path).close()


@pytest.mark.parametrize(("name", "held"), [("definitions", "users, queues"), ("s", "messages")])
def test_a_folder_of_the_append_only_engine_that_is_missing_is_named(tmp_path: Path, name: str, held: str) -> None:
    engine = AppendLogEngine(tmp_path)
    engine.append("s", engine.claim("s"), b"row")
    engine.put([Change(Kind("users", ("name",), ()), ("me",), ())])
    engine.close()
    shutil.rmtree(tmp_path / name)
    with pytest.raises(Incomplete, match=f"lacks '{name}', which holds .*{held}.*: put it back from a backup, or"):
        AppendLogEngine(tmp_path)
    (tmp_path / name).mkdir()
    AppendLogEngine(tmp_path).close()
