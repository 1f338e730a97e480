"""A database that SQLite calls damaged: every row that is whole is found again, and what is gone is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from amqpd.broker.broker import Broker
from amqpd.broker.message import Message
from amqpd.broker.vhost import VHost
from amqpd.clock import ManualClock
from amqpd.fields import EMPTY
from amqpd.properties import Properties
from amqpd.storage import rows
from amqpd.storage.batch import Batch, Content
from amqpd.storage.engine import Engine
from amqpd.storage.journal import EngineJournal
from amqpd.storage.losses import Loss, losses
from amqpd.storage.salvage import salvaged
from amqpd.storage.sqlite import DAMAGED, JOURNAL, SqliteEngine
from tests.unit.broker.world import SeededRandomness

PAGE = 4096
SIZES = (0, 1, 100, 3950, 3980, 4000, 4010, 4020, 4030, 4040, 4050, 4061, 4096, 4500, 5000, 8100, 8200, 20_000, 400_000)
"""Some in one page, some at the edges of the part that stays with the row, some in long chains."""


def payload(number: int) -> bytes:
    return Random(number).randbytes(SIZES[number % len(SIZES)])


def filled(path: Path, count: int = 60, trimmed: int = 0) -> list[int]:
    """A folder with so many rows, of which the first ones were trimmed; return the numbers of the others."""
    engine = SqliteEngine(path)
    epoch = engine.claim("s")
    numbers = [engine.append("s", epoch, payload(number)) for number in range(count)]
    if trimmed:
        engine.trim("s", numbers[trimmed])
    engine.close()
    return numbers[trimmed:]


def damage(path: Path, page: int, octets: bytes = b"\xff" * PAGE) -> None:
    with (path / JOURNAL).open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(octets)


def pages(path: Path, kind: int) -> list[int]:
    """The pages of the database that begin with an octet."""
    data = (path / JOURNAL).read_bytes()
    return [at // PAGE + 1 for at in range(PAGE, len(data), PAGE) if data[at] == kind]


def found(engine: Engine) -> dict[int, bytes]:
    return dict(engine.read("s"))


def test_rows_of_any_length_are_found_without_sqlite(tmp_path: Path) -> None:
    numbers = filled(tmp_path)
    rows_found = {row.seq: row.payload for row, _ in salvaged(tmp_path / JOURNAL) if row.shard == "s"}
    assert rows_found == {seq: payload(at) for at, seq in enumerate(numbers)}


def test_what_is_in_the_write_ahead_log_counts_as_far_as_it_was_committed(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path)
    epoch = engine.claim("s")
    for number in range(30):
        engine.append("s", epoch, payload(number))
    assert (tmp_path / f"{JOURNAL}-wal").stat().st_size > 100_000
    rows_found = {row.seq: row.payload for row, _ in salvaged(tmp_path / JOURNAL) if row.shard == "s"}
    assert rows_found == found(engine)
    engine.close()


@pytest.mark.parametrize("page", [1, 2, 3, 5, 8, 20, 40])
def test_a_page_of_garbage_costs_the_rows_that_are_in_it(tmp_path: Path, page: int) -> None:
    numbers = filled(tmp_path)
    damage(tmp_path, page)
    engine = SqliteEngine(tmp_path)
    left = found(engine)
    assert len(left) >= len(numbers) - 40
    assert all(data == payload(seq - numbers[0]) for seq, data in left.items())
    assert engine.append("s", engine.claim("s"), b"new") > max(left)
    engine.close()
    engine = SqliteEngine(tmp_path)
    assert {seq: data for seq, data in found(engine).items() if data != b"new"} == left
    engine.close()


@pytest.mark.parametrize("which", [0, 2, -1])
def test_what_is_gone_is_named_and_the_damaged_file_is_kept(tmp_path: Path, which: int) -> None:
    numbers = filled(tmp_path)
    leaves = pages(tmp_path, 0x0D)
    before = (tmp_path / JOURNAL).read_bytes()
    with_rows = [each for each in leaves if rows.MAGIC in before[(each - 1) * PAGE : each * PAGE]]
    damage(tmp_path, with_rows[which])
    engine = SqliteEngine(tmp_path)
    left = found(engine)
    gone = sorted({*numbers} - {*left})
    assert gone
    damages = engine.damages()
    assert "malformed" in damages[0].what
    assert f"{len(left)} rows were salvaged, to row {max(left)}; the damaged file is kept as" in damages[0].what
    assert damages[1].what.startswith("rows ")
    assert damages[1].what.endswith(" are gone")
    named = [[int(each) for each in part.split(" to ")] for part in damages[1].what[5:-9].split(", ")]
    assert [seq for part in named for seq in range(part[0], part[-1] + 1)] == gone
    assert (tmp_path / f"{JOURNAL}.damaged-1").exists()
    engine.close()


def test_rows_that_were_trimmed_do_not_come_back(tmp_path: Path) -> None:
    numbers = filled(tmp_path, 60, trimmed=30)
    data = (tmp_path / JOURNAL).read_bytes()
    assert any(row.seq < numbers[0] for row, _ in salvaged(tmp_path / JOURNAL)), "their octets are still there"
    inner = pages(tmp_path, 0x05)
    damage(tmp_path, inner[-1])
    assert data != (tmp_path / JOURNAL).read_bytes()
    engine = SqliteEngine(tmp_path)
    left = found(engine)
    assert {*left} == {*numbers}
    engine.close()


def test_damage_that_shows_while_the_broker_runs_is_salvaged_at_the_next_start(tmp_path: Path) -> None:
    numbers = filled(tmp_path, 60)
    engine = SqliteEngine(tmp_path)
    epoch = engine.claim("s")
    for each in pages(tmp_path, 0x05) + pages(tmp_path, 0x0D)[-1:]:
        damage(tmp_path, each)

    def use() -> None:
        for _ in range(50):
            engine.append("s", epoch, payload(5))
            engine.trim("s", numbers[10])

    with pytest.raises(OSError, match="malformed"):
        use()
    assert (tmp_path / DAMAGED).exists()
    engine.close()
    engine = SqliteEngine(tmp_path)
    assert found(engine)
    assert not (tmp_path / DAMAGED).exists()
    assert "found to be damaged while the broker ran" in engine.damages()[0].what
    engine.close()


def test_a_file_that_is_no_database_at_all_is_searched_too(tmp_path: Path) -> None:
    numbers = filled(tmp_path)
    damage(tmp_path, 1, b"not a database" * 20)
    engine = SqliteEngine(tmp_path)
    assert {*found(engine)} == {*numbers}
    engine.close()


def test_a_damaged_file_of_definitions_is_told_with_what_to_do(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "definitions.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(OSError, match=r"definitions.db is damaged: put it back from a backup, or repair"):
        SqliteEngine(tmp_path)


def test_snapshots_and_epochs_are_kept_where_sqlite_still_reads_them(tmp_path: Path) -> None:
    filled(tmp_path)
    engine = SqliteEngine(tmp_path)
    epoch = engine.claim("s")
    engine.snapshot_put("s", epoch, b"snapshot")
    engine.close()
    (tmp_path / DAMAGED).touch()
    engine = SqliteEngine(tmp_path)
    assert engine.snapshot_get("s") == b"snapshot"
    assert engine.claim("s") == epoch + 1
    engine.close()


def test_nothing_is_read_from_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert list(salvaged(tmp_path / "empty.db")) == []
    sqlite3.connect(tmp_path / "other.db").close()
    assert list(salvaged(tmp_path / "missing.db")) == []


def row(numbers: dict[int, list[int]]) -> bytes:
    batch = Batch()
    for queue, each in numbers.items():
        for number in each:
            batch.publish(queue, number, Content("", "q", b"", b""))
    return batch.encode()


def test_the_numbers_that_no_row_tells_of_are_named_by_queue() -> None:
    found = [(1, row({1: [1, 2], 2: [1]})), (2, row({1: [3]})), (5, row({2: [2]})), (6, row({1: [8, 9], 3: [4]}))]
    assert list(losses(found)) == [Loss(1, 4, 7), Loss(3, 1, 3)]
    assert list(losses([(7, row({1: [5]})), (8, row({1: [9]}))])) == [], "the first rows were trimmed, 6 to 8 settled"


def test_a_broker_starts_on_what_was_salvaged_and_says_which_messages_may_be_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    vhost, journal, drain = started(tmp_path, clock)
    queue = vhost.add_queue("q", True, False, None, EMPTY)
    for number in range(60):
        vhost.publish(Message("", "q", Properties.of(delivery_mode=2), b"%d" % number + bytes(300)), (queue,))
        drain()
    journal.close()
    before = (tmp_path / JOURNAL).read_bytes()
    leaves = [each for each in pages(tmp_path, 0x0D) if rows.MAGIC in before[(each - 1) * PAGE : each * PAGE]]
    damage(tmp_path, leaves[1])
    vhost, journal, drain = started(tmp_path, clock)
    bodies = [message.body.rstrip(b"\0") for message in vhost.queues["q"].browse(100)]
    assert 40 < len(bodies) < 60
    gone = [number for number in range(60) if b"%d" % number not in bodies]
    assert "malformed" in caplog.text
    assert "messages may be lost" in caplog.text
    assert f"first={gone[0] + 1} last={gone[-1] + 1}" in caplog.text
    journal.close()


def started(path: Path, clock: ManualClock) -> tuple[VHost, EngineJournal, Callable[[], None]]:
    journal = EngineJournal(SqliteEngine(path), clock)
    broker = Broker(clock, SeededRandomness(), journal=journal)
    journal.restore_access(broker)
    vhost = broker.add_vhost("/")
    journal.restore_graph(broker)

    def drain() -> None:
        while broker.drain():
            pass

    return vhost, journal, drain
