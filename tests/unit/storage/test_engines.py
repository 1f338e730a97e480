"""What every engine keeps to: one set of tests for all of them."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from amqpd.broker.definitions import Change, Kind
from amqpd.storage.appendlog import AppendLogEngine
from amqpd.storage.database import KEPT
from amqpd.storage.engine import Durability, Engine, StaleEpoch, UnknownFormat
from amqpd.storage.files import RealFiles
from amqpd.storage.folder import Folder
from amqpd.storage.sqlite import JOURNAL, SqliteEngine

QUEUE = Kind("queues", ("vhost", "name"), ("durable", "arguments"))
USER = Kind("users", ("name",), ())


class Maker(ABC):
    """Opens an engine, and the same data again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open: list[Engine] = []

    @abstractmethod
    def make(self, durability: Durability) -> Engine: ...

    def engine(self, durability: Durability = Durability.FSYNC) -> Engine:
        engine = self.make(durability)
        self.open.append(engine)
        return engine

    def again(self) -> Engine:
        self.open.pop().close()
        return self.engine()


class Sqlite(Maker):
    def make(self, durability: Durability) -> Engine:
        return SqliteEngine(self.path, durability)


class AppendLog(Maker):
    def make(self, durability: Durability) -> Engine:
        return AppendLogEngine(self.path, durability, segment=200)


@pytest.fixture(params=[Sqlite, AppendLog])
def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    maker: Maker = request.param(tmp_path / "data")
    yield maker
    for engine in maker.open:
        engine.close()


def rows(engine: Engine, shard: str = "s", from_seq: int = 0) -> list[bytes]:
    return [row for _, row in engine.read(shard, from_seq)]


# -- rows --------------------------------------------------------------------------------------------------------------


def test_rows_come_back_in_order_after_a_restart(maker: Maker) -> None:
    engine = maker.engine()
    epoch = engine.claim("s")
    written = [b"%d" % number * number for number in range(40)]
    numbers = [engine.append("s", epoch, row) for row in written]
    assert numbers == sorted(set(numbers))
    expected = list(zip(numbers, written, strict=True))
    assert list(engine.read("s")) == expected
    assert list(maker.again().read("s")) == expected


@pytest.mark.parametrize("durability", Durability)
def test_an_orderly_stop_keeps_everything(maker: Maker, durability: Durability) -> None:
    engine = maker.engine(durability)
    engine.append("s", engine.claim("s"), b"row")
    assert rows(maker.again()) == [b"row"]


def test_reading_starts_at_a_number(maker: Maker) -> None:
    engine = maker.engine()
    epoch = engine.claim("s")
    numbers = [engine.append("s", epoch, b"%d" % each) for each in range(20)]
    assert rows(engine, from_seq=numbers[15]) == [b"15", b"16", b"17", b"18", b"19"]


def test_shards_know_nothing_of_each_other(maker: Maker) -> None:
    engine = maker.engine()
    for shard in ("one", "two"):
        engine.append(shard, engine.claim(shard), shard.encode())
    assert (rows(engine, "one"), rows(engine, "two"), rows(engine, "three")) == ([b"one"], [b"two"], [])


def test_trimmed_rows_are_not_read(maker: Maker) -> None:
    engine = maker.engine()
    epoch = engine.claim("s")
    numbers = [engine.append("s", epoch, b"%d" % each * 30) for each in range(20)]
    engine.trim("s", numbers[12])
    assert rows(engine) == [b"%d" % each * 30 for each in range(12, 20)]
    left = rows(maker.again())
    assert left == [b"%d" % each * 30 for each in range(20 - len(left), 20)], "a suffix, with the last ones"
    assert 8 <= len(left) < 20, "most of what was trimmed is gone"


def test_numbers_are_not_used_twice_though_everything_is_trimmed(maker: Maker) -> None:
    engine = maker.engine()
    last = [engine.append("s", engine.claim("s"), b"x" * 300) for _ in range(3)][-1]
    engine.trim("s", last + 1)
    engine = maker.again()
    assert engine.append("s", engine.claim("s"), b"new") > last


def test_dropping_rows_leaves_the_others(maker: Maker) -> None:
    engine = maker.engine()
    epoch = engine.claim("s")
    numbers = [engine.append("s", epoch, b"%d" % each) for each in range(6)]
    engine.drop("s", numbers[1:3])
    assert {b"0", b"3", b"4", b"5"} <= set(rows(engine))


def test_an_older_owner_is_refused(maker: Maker) -> None:
    engine = maker.engine()
    old = engine.claim("s")
    new = engine.claim("s")
    assert new > old
    for refused in (lambda: engine.append("s", old, b"row"), lambda: engine.snapshot_put("s", old, b"snapshot")):
        with pytest.raises(StaleEpoch, match=f"'s' is at epoch {new}: {old} is no longer"):
            refused()
    engine.append("s", new, b"row")
    assert maker.again().claim("s") > new


def test_a_snapshot_is_replaced_as_a_whole(maker: Maker) -> None:
    engine = maker.engine()
    assert engine.snapshot_get("s") is None
    epoch = engine.claim("s")
    engine.snapshot_put("s", epoch, b"first" * 100)
    engine.snapshot_put("s", epoch, b"second")
    assert (engine.snapshot_get("s"), maker.again().snapshot_get("s")) == (b"second", b"second")


def test_space_comes_back(maker: Maker) -> None:
    engine = maker.engine(Durability.OS)
    epoch = engine.claim("s")
    numbers = [engine.append("s", epoch, b"x" * 100_000) for _ in range(100)]
    engine.tidy()
    full = engine.octets
    engine.trim("s", numbers[-1])
    rounds = 1
    while engine.give_back():
        engine.checkpoint()
        rounds += 1
    engine.checkpoint()
    assert engine.octets < full / 10 + KEPT  # a log that is written over again
    assert rounds < 50


# -- definitions -------------------------------------------------------------------------------------------------------


def test_definitions_come_back_in_the_order_of_their_arrival(maker: Maker) -> None:
    engine = maker.engine()
    assert engine.get(QUEUE) == {}
    engine.put([Change(QUEUE, ("/", name), (True, b"\x00\xff")) for name in "cab"])
    engine.put([Change(QUEUE, ("/", "a"), (False, None)), Change(QUEUE, ("/", "c"), None), Change(USER, ("me",), ())])
    for _ in range(2):
        assert list(engine.get(QUEUE).items()) == [(("/", "a"), (0, None)), (("/", "b"), (1, b"\x00\xff"))]
        assert engine.get(USER) == {("me",): ()}
        engine = maker.again()


def test_a_definition_may_be_put_again(maker: Maker) -> None:
    engine = maker.engine()
    for _ in range(2):
        engine.put([Change(USER, ("me",), ())])
    assert list(engine.get(USER)) == [("me",)]


def test_a_column_that_a_kind_has_gained_is_empty_in_older_rows(maker: Maker) -> None:
    older, newer = Kind("kind", ("name",), ("one",)), Kind("kind", ("name",), ("one", "two", "three"))
    maker.engine().put([Change(older, (name,), (1,)) for name in "ab"])
    engine = maker.again()
    assert engine.get(newer) == {("a",): (1, None, None), ("b",): (1, None, None)}
    engine.put([Change(newer, ("b",), (2, 3, 4)), Change(newer, ("c",), (5, 6, 7))])
    for _ in range(2):
        assert list(engine.get(newer).items()) == [(("a",), (1, None, None)), (("b",), (2, 3, 4)), (("c",), (5, 6, 7))]
        engine = maker.again()


@pytest.mark.parametrize("name", ["käse", 'quo"te', "semi;colon", "日本", ""])
def test_names_may_be_anything(maker: Maker, name: str) -> None:
    maker.engine().put([Change(QUEUE, (name, name), (1.5, name))])
    assert maker.again().get(QUEUE) == {(name, name): (1.5, name)}


def test_changes_are_made_all_or_none(maker: Maker) -> None:
    engine = maker.engine()

    def changes() -> Iterator[Change]:
        yield Change(USER, ("me",), ())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        engine.put(changes())
    assert engine.get(USER) == {}
    assert maker.again().get(USER) == {}


def test_very_many_changes_of_few_definitions_take_little_room(maker: Maker) -> None:
    engine = maker.engine(Durability.OS)
    for number in range(3000):
        engine.put([Change(QUEUE, ("/", "q"), (number, b"x" * 100))])
        engine.tidy()
    assert engine.octets < 6_000_000
    assert maker.again().get(QUEUE) == {("/", "q"): (2999, b"x" * 100)}


# -- the folder --------------------------------------------------------------------------------------------------------


def test_a_newer_format_is_refused(maker: Maker) -> None:
    maker.engine().close()
    maker.open.pop()
    file = maker.path / "format"
    file.write_text(file.read_text().split()[0] + " 99\n")
    with pytest.raises(
        UnknownFormat, match=r"has format '99' .*: this version reads up to 2. Start the version of amqpd that wrote it"
    ):
        maker.engine()


def test_an_older_version_refuses_a_folder_once_a_newer_one_had_it(tmp_path: Path) -> None:
    for version in (1, 3, 3):
        folder = Folder(tmp_path, RealFiles(), "any", version)
        folder.seal()
        folder.close()
    with pytest.raises(UnknownFormat, match=r"has format '3' .*: this version reads up to 1"):
        Folder(tmp_path, RealFiles(), "any", 1)


def test_data_of_another_engine_is_refused(maker: Maker) -> None:
    maker.engine().close()
    maker.open.pop()
    (maker.path / "format").write_text("other 1\n")
    with pytest.raises(UnknownFormat, match="written by the storage engine 'other': expected"):
        maker.engine()


def test_the_write_ahead_log_is_written_over_after_a_checkpoint(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path, Durability.OS)
    epoch = engine.claim("s")
    sizes = set()
    for _ in range(10):
        for _ in range(10):
            engine.append("s", epoch, bytes(100_000))
        engine.checkpoint()
        sizes.add((tmp_path / f"{JOURNAL}-wal").stat().st_size)
    assert max(sizes) < 1_500_000
    engine.close()


def test_a_reader_of_the_file_holds_nobody_up(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path, Durability.OS)
    epoch = engine.claim("s")
    with closing(sqlite3.connect(tmp_path / JOURNAL)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM rows").fetchone() == (0,)
        numbers = [engine.append("s", epoch, bytes(100_000)) for _ in range(30)]
        engine.trim("s", numbers[-1])
        engine.tidy()
        assert reader.execute("SELECT count(*) FROM rows").fetchone() == (0,)
    assert [seq for seq, _ in engine.read("s")] == numbers[-1:]
    engine.close()
