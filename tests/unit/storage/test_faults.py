"""Every call that an engine makes fails once: nothing confirmed is lost, nothing settled comes back, nobody waits."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

from amqpd.broker.alarms import DISK
from amqpd.broker.broker import Broker
from amqpd.broker.message import Message
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Inline, Offload
from amqpd.clock import ManualClock
from amqpd.fields import EMPTY
from amqpd.storage.appendlog import AppendLogEngine
from amqpd.storage.engine import Durability, Engine
from amqpd.storage.journal import EngineJournal
from amqpd.storage.room import Room
from amqpd.storage.sqlite import SqliteEngine
from tests.unit.broker.world import SeededRandomness
from tests.unit.storage.disk import Disk
from tests.unit.storage.durable import FOLDER, LIMIT, PERSISTENT, Durable

T = TypeVar("T")
TURNS = 40
FEW = 12
FULL, BROKEN = errno.ENOSPC, errno.EIO


class Broken:
    """A broker on an engine whose calls may fail, and what its clients know."""

    def __init__(self, engine: Engine, disk: Disk) -> None:
        self.clock = ManualClock()
        self.journal = EngineJournal(engine, self.clock, slack=3000)
        self.broker = Broker(self.clock, SeededRandomness(), journal=self.journal)
        self.journal.on_failure = lambda: self.broker.alarms.set(DISK, "journal", True)
        self.journal.restore_access(self.broker)
        self.vhost = self.broker.add_vhost("/")
        self.journal.restore_graph(self.broker)
        self.journal.room = Room(FOLDER, disk, self.broker.alarms, self.broker.timers, LIMIT, 1000)
        self.journal.start(Inline())
        self.queue = self.vhost.queues.get("q") or self.vhost.add_queue("q", True, False, None, EMPTY)
        self.drain()
        self.told: list[tuple[Pending[None], bytes | None, bytes | None]] = []
        """What tells when something is durable, what was published, and what was settled."""

    def drain(self) -> None:
        while self.broker.drain():
            pass

    def use(self, turns: int = TURNS) -> None:
        """Publish, settle, purge now and then: each of it told when it is durable."""
        random = Random(1)
        for turn in range(turns):
            message = self.queue.get() if random.random() < 0.6 else None
            if message is not None:
                self.queue.settle(message)
                self._tell(None, message.body)
            body = b"%d" % turn + bytes(random.choice((10, 900)))
            self.vhost.publish(Message("", "q", PERSISTENT, body), (self.queue,))
            self._tell(body, None)
            self.drain()

    def go_on(self) -> None:
        """Until the disk was looked at again."""
        for _ in range(12):
            self.clock.advance(1)
            while self.broker.timers.run_due():
                self.drain()
            self.drain()

    def _tell(self, published: bytes | None, settled: bytes | None) -> None:
        pending = self.journal.messages_durable()
        assert pending is not None
        self.told.append((pending, published, settled))

    def check(self, found: list[bytes]) -> None:
        """Whether what a restart finds is what the clients were told."""
        assert len(found) == len(set(found))
        confirmed = {body for pending, body, _ in self.told if body is not None and _went_well(pending)}
        settled = {body for pending, _, body in self.told if body is not None and _went_well(pending)}
        maybe = {body for _, _, body in self.told if body is not None}
        assert confirmed - maybe <= {*found}
        assert not settled & {*found}
        published = [body for _, body, _ in self.told if body is not None]
        assert found == [body for body in published if body in found], "in their order"

    def all_told(self) -> bool:
        return all(pending.done for pending, _, _ in self.told)


def _went_well(pending: Pending[None]) -> bool:
    if not pending.done:
        return False
    try:
        pending.result()
    except Exception:  # noqa: BLE001  # whatever it is, it is no confirm
        return False
    return True


def bodies(engine: Engine) -> list[bytes]:
    """What a restart finds."""
    again = Broken(engine, Disk())
    found = [message.body for message in again.queue.browse(1000)]
    again.journal.close()
    return found


# -- the append-only log -----------------------------------------------------------------------------------------------


def log_engine(disk: Disk) -> AppendLogEngine:
    return AppendLogEngine(FOLDER, files=disk, segment=2000)


def calls_of_the_log() -> range:
    disk = Disk()
    broken = Broken(log_engine(disk), disk)
    begin = disk.steps
    broken.use()
    return range(begin + 1, disk.steps + 1)


@pytest.mark.parametrize("error", [FULL, BROKEN])
def test_any_call_of_the_log_may_fail(error: int) -> None:
    for at in calls_of_the_log():
        disk = Disk()
        broken = Broken(log_engine(disk), disk)
        disk.fault = at, error
        broken.use()
        broken.go_on()
        assert disk.steps >= at
        assert broken.all_told(), f"call {at}: nobody waits for ever"
        assert error == FULL or broken.broker.alarms.reasons == (DISK,), f"call {at}: an error is never passed over"
        if error == FULL and not broken.broker.alarms.reasons:
            assert all(_went_well(pending) for pending, _, _ in broken.told), "with room again, everything is made"
        broken.check(bodies(log_engine(Disk(disk.contents()))))
        broken.check(bodies(log_engine(disk.lose_power(Random(at)))))


def test_a_log_is_recovered_from_any_length() -> None:
    """Cut at every octet of its last segment, as by a crash in the middle of a write."""
    disk = Disk()
    engine = log_engine(disk)
    epoch = engine.claim("s")
    written = [engine.append("s", epoch, b"%d" % number * 20) for number in range(8)]
    path = max(path for path in disk.files if path.suffix == ".rows" and path.parent.name == "s")
    whole = disk.contents()
    lengths = []
    for length in range(len(whole[path]) + 1):
        again = log_engine(Disk({**whole, path: whole[path][:length]}))
        found = [seq for seq, _ in again.read("s")]
        assert found == written[: len(found)]
        assert again.damages() == []
        lengths.append(len(found))
    assert lengths == sorted(lengths)
    assert {*lengths} == {*range(len(written) + 1)}, "each boundary of a row was met"


# -- SQLite ------------------------------------------------------------------------------------------------------------


class Plan:
    """Which call fails."""

    def __init__(self) -> None:
        self.calls = 0
        self.at = 0
        self.code = sqlite3.SQLITE_FULL

    def step(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            error = sqlite3.OperationalError("planned")
            error.sqlite_errorcode = self.code
            raise error


def faulty(plan: Plan) -> type[sqlite3.Connection]:
    class Faulty(sqlite3.Connection):
        def execute(self, *args: Any) -> sqlite3.Cursor:
            plan.step()
            return super().execute(*args)

        def executescript(self, *args: Any) -> sqlite3.Cursor:
            plan.step()
            return super().executescript(*args)

    return Faulty


@pytest.mark.parametrize("third", range(3))
@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR])
def test_any_call_of_sqlite_may_fail(tmp_path: Path, code: int, third: int) -> None:
    plan = Plan()
    first = Broken(SqliteEngine(tmp_path / "0", Durability.OS, connection=faulty(plan)), Disk())
    begin = plan.calls
    first.use(FEW)
    end = plan.calls
    first.journal.close()
    for at in range(begin + 1 + third, end + 1, 3):
        plan = Plan()
        plan.code = code
        folder = tmp_path / str(at)
        broken = Broken(SqliteEngine(folder, Durability.OS, connection=faulty(plan)), Disk())
        plan.at = at
        broken.use(FEW)
        broken.go_on()
        assert plan.calls >= at
        assert broken.all_told()
        assert code == sqlite3.SQLITE_FULL or broken.broker.alarms.reasons == (DISK,)
        copy = shutil.copytree(folder, tmp_path / f"{at}-crashed")
        broken.check(bodies(SqliteEngine(copy)))
        broken.journal.close()
        broken.check(bodies(SqliteEngine(folder)))
        shutil.rmtree(folder)
        shutil.rmtree(copy)


# -- a disk that takes its time ----------------------------------------------------------------------------------------


class Slow(Offload):
    """Does what it is given when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def run(self, function: Callable[[], T]) -> Pending[T]:
        pending: Pending[T] = Pending()

        def finish() -> None:
            try:
                result = function()
            except Exception as error:  # noqa: BLE001  # whoever asked raises it
                pending.fail(error)
            else:
                pending.settle(result)

        self.waiting.append(finish)
        return pending

    def finish(self) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each()


def test_a_sync_of_five_seconds_holds_up_its_confirms_and_nothing_else() -> None:
    durable = Durable()
    queue = durable.queue()
    durable.drain()
    slow = Slow()
    durable.journal.start(slow)
    durable.publish(b"1")
    first = durable.journal.messages_durable()
    durable.drain()
    assert len(slow.waiting) == 1
    for number in range(2, 7):
        durable.advance(1)
        durable.publish(b"%d" % number)
        durable.drain()
    later = durable.journal.messages_durable()
    assert [message.body for message in queue.browse(9)] == [b"1", b"2", b"3", b"4", b"5", b"6"], "consumers go on"
    assert len(slow.waiting) == 1, "all of it is one commit"
    assert first is not None
    assert later is not None
    assert (first.done, later.done) == (False, False)
    slow.finish()
    durable.drain()
    assert (first.done, later.done) == (True, False)
    while slow.waiting:
        slow.finish()
        durable.drain()
    later.result()
    assert durable.restarted().bodies() == [b"1", b"2", b"3", b"4", b"5", b"6"]
