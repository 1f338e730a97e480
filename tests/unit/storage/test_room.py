"""A disk that fills up: publishers are blocked, acknowledgements are recorded, and with new room everything goes on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from amqpd.broker.alarms import DISK
from amqpd.broker.message import Message
from amqpd.broker.pending import Pending
from amqpd.broker.queue import Queue
from amqpd.storage.files import RealFiles, is_full
from amqpd.storage.room import NAME, Reserve
from amqpd.storage.sqlite import SqliteEngine
from tests.unit.storage.disk import Disk
from tests.unit.storage.durable import FOLDER, LIMIT, Durable

RESERVE = 20_000
LARGE = b"x" * 15_000


@pytest.fixture
def durable() -> Durable:
    made = Durable(reserve=RESERVE)
    made.queue()
    made.drain()
    return made


def publish(durable: Durable, *bodies: bytes) -> Pending[None]:
    """Publish, and return what tells when it is durable."""
    durable.publish(*bodies)
    pending = durable.journal.messages_durable()
    assert pending is not None
    durable.drain()
    return pending


def get(queue: Queue) -> Message:
    message = queue.get()
    assert message is not None
    return message


def is_done(pending: Pending[None]) -> bool:
    return pending.done


def blocked(durable: Durable) -> bool:
    return DISK in durable.broker.alarms.reasons


def reserved(durable: Durable) -> bool:
    return len(durable.disk.contents().get(FOLDER / NAME, b"")) == RESERVE


def test_acknowledgements_are_recorded_on_a_full_disk_and_publishers_blocked(durable: Durable) -> None:
    publish(durable, b"1", b"2", b"3")
    assert reserved(durable)
    durable.disk.room = 100
    assert publish(durable, b"4").done, "the reserve had room for it"
    assert blocked(durable)
    assert durable.broker.alarms.text == "low on disk"
    assert not reserved(durable)
    queue = durable.vhost.queues["q"]
    for _ in range(2):
        queue.settle(get(queue))
        durable.drain()
    assert durable.restarted().bodies() == [b"3", b"4"]


def test_with_new_room_the_alarm_ends_and_the_reserve_is_taken_back(durable: Durable) -> None:
    durable.disk.room = 100
    publish(durable, b"1")
    durable.disk.room = RESERVE + LIMIT - 1
    durable.advance(60)
    assert blocked(durable), "there is no room for both"
    assert not reserved(durable)
    durable.disk.room = RESERVE + LIMIT
    durable.advance(1)
    assert not blocked(durable)
    assert reserved(durable)
    assert publish(durable, b"2").done
    assert durable.restarted().bodies() == [b"1", b"2"]


def test_what_finds_no_room_waits_for_it_with_its_confirm(durable: Durable) -> None:
    durable.disk.room = 100
    waiting = publish(durable, LARGE, LARGE)
    durable.advance(60)
    assert not is_done(waiting)
    assert durable.restarted().bodies() == []
    later = publish(durable, b"later")
    durable.disk.room = 10**6
    durable.advance(1)
    waiting.result()
    later.result()
    assert durable.restarted().bodies() == [LARGE, LARGE, b"later"]


def test_what_is_acknowledged_while_it_waits_for_room_needs_none(durable: Durable) -> None:
    publish(durable, b"old")
    durable.disk.room = 100
    waiting = publish(durable, LARGE, LARGE)
    queue = durable.vhost.queues["q"]
    for _ in range(2):
        queue.settle(get(queue))
    durable.drain()
    assert not is_done(waiting)
    durable.advance(1)
    assert is_done(waiting)
    assert durable.restarted().bodies() == [LARGE]


def test_definitions_wait_for_room_too(durable: Durable) -> None:
    durable.disk.room = 100
    waiting = publish(durable, LARGE, LARGE)
    durable.queue("new")
    defined = durable.journal.definitions_durable()
    durable.drain()
    assert defined is not None
    assert not is_done(defined)
    durable.disk.room = 10**6
    durable.advance(1)
    assert is_done(defined)
    assert is_done(waiting)
    assert "new" in durable.restarted().vhost.queues


def test_below_the_limit_publishers_are_blocked_though_there_is_room(durable: Durable) -> None:
    durable.disk.room = LIMIT - 1
    durable.advance(10)
    assert blocked(durable)
    assert reserved(durable)
    durable.disk.room = LIMIT
    durable.advance(1)
    assert not blocked(durable)


def test_the_fuller_the_disk_the_sooner_it_is_looked_at(durable: Durable) -> None:
    durable.disk.room = LIMIT + 100_000_000
    durable.advance(10)
    durable.disk.room = 0
    durable.advance(0.5)
    assert blocked(durable)


def test_a_broker_that_starts_without_room_has_no_reserve_until_there_is_some() -> None:
    disk = Disk()
    disk.room = LIMIT + 1000
    durable = Durable(disk, reserve=RESERVE)
    assert not blocked(durable)
    assert not reserved(durable)
    disk.room = LIMIT + RESERVE
    durable.advance(10)
    assert reserved(durable)


def test_another_error_of_the_disk_is_not_taken_for_a_full_one(durable: Durable) -> None:
    durable.disk.sync_fails = True
    waiting = publish(durable, b"lost?")
    durable.disk.sync_fails = False
    durable.advance(60)
    with pytest.raises(Exception, match=r"the journal has failed: .*input/output error"):
        waiting.result()
    assert blocked(durable)


def test_an_end_on_a_full_disk_keeps_what_was_confirmed(durable: Durable) -> None:
    publish(durable, b"kept")
    durable.disk.room = 100
    publish(durable, LARGE, LARGE)
    durable.journal.close()
    durable.disk.room = None
    assert durable.restarted().bodies() == [b"kept"]


def test_the_reserve_takes_up_real_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, RealFiles(), 3_000_000)
    reserve.take()
    assert (tmp_path / NAME).stat().st_blocks * 512 >= 3_000_000
    reserve.take()
    reserve.give_back()
    reserve.give_back()
    assert list(tmp_path.iterdir()) == []


class Small(sqlite3.Connection):
    """A database that has room for few pages."""

    def __init__(self, database: Path, **options: object) -> None:
        super().__init__(database, **options)  # type: ignore[arg-type]  # what `connect` was given
        self.execute("PRAGMA max_page_count = 50")


def test_a_database_says_that_it_is_full_keeps_what_it_has_and_goes_on(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path, connection=Small)
    epoch = engine.claim("s")
    first = engine.append("s", epoch, b"kept")
    with pytest.raises(OSError, match="SQLite: database or disk is full") as full:
        engine.append("s", epoch, bytes(300_000))
    assert is_full(full.value)
    second = engine.append("s", epoch, b"small")
    assert list(engine.read("s")) == [(first, b"kept"), (second, b"small")]
    engine.close()
