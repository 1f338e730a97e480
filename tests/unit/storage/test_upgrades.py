"""Data directories of older versions are opened, and from then on are this version's."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from amqpd import fields
from amqpd.broker.broker import Broker
from amqpd.broker.message import Message
from amqpd.broker.vhost import VHost
from amqpd.clock import ManualClock
from amqpd.fields import Table, from_python
from amqpd.properties import Properties
from amqpd.storage.engine import UnknownFormat
from amqpd.storage.files import RealFiles
from amqpd.storage.folder import FORMAT, Folder
from amqpd.storage.journal import EngineJournal
from amqpd.storage.sqlite import DEFINITIONS, JOURNAL, NAME, SqliteEngine
from tests.unit.broker.world import SeededRandomness

FIRST = """
    CREATE TABLE "counters" ("name", "value", PRIMARY KEY ("name"));
    CREATE TABLE "vhosts" ("name", "default_queue_type", "limits", PRIMARY KEY ("name"));
    CREATE TABLE "exchanges" ("vhost", "name", "type", "durable", "auto_delete", "internal", "arguments",
        "arguments_octets", PRIMARY KEY ("vhost", "name"));
    CREATE TABLE "queues" ("vhost", "name", "id", "type", "durable", "auto_delete", "arguments", "arguments_octets",
        PRIMARY KEY ("vhost", "name"));
    CREATE TABLE "bindings" ("vhost", "source", "destination_type", "destination", "routing_key", "arguments_octets",
        "arguments", PRIMARY KEY ("vhost", "source", "destination_type", "destination", "routing_key",
        "arguments_octets"));
    INSERT INTO "counters" VALUES ('queue_ids', 1000);
    INSERT INTO "vhosts" VALUES ('/', NULL, '{}');
    INSERT INTO "exchanges" VALUES ('/', 'later', 'x-delayed-message', 1, 0, 0, '{}', :delayed);
    INSERT INTO "exchanges" VALUES ('/', 'x', 'topic', 1, 0, 0, '{}', x'');
    INSERT INTO "queues" VALUES ('/', 'q', 1, 'classic', 1, 0, '{}', x'');
    INSERT INTO "bindings" VALUES ('/', 'later', 'queue', 'q', 'k', x'', '{}');
"""
"""What format 1 looked like."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory of format 1."""
    (tmp_path / FORMAT).write_text(f"{NAME} 1\n")
    database = sqlite3.connect(tmp_path / DEFINITIONS)
    delayed = from_python({"x-delayed-type": "direct"}).raw.hex()
    database.executescript(FIRST.replace(":delayed", f"x'{delayed}'"))
    database.close()
    (tmp_path / JOURNAL).touch()
    return tmp_path


class Started:
    """A broker on a folder, until `stop`."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.clock = clock
        self.journal = EngineJournal(SqliteEngine(folder), clock)
        self.broker = Broker(clock, SeededRandomness(), journal=self.journal)
        self.journal.restore_access(self.broker)
        self.journal.restore_graph(self.broker)
        self.drain()

    @property
    def vhost(self) -> VHost:
        return self.broker.vhosts["/"]

    def drain(self) -> None:
        while self.broker.drain():
            pass

    def stop(self) -> None:
        self.drain()
        self.journal.close()


def test_a_folder_of_the_first_format_goes_on_and_its_delayed_messages_survive_from_now_on(folder: Path) -> None:
    clock = ManualClock()
    first = Started(folder, clock)
    later = first.vhost.exchanges["later"]
    assert (later.id, first.vhost.exchanges["x"].id, first.vhost.queues["q"].id) == (1001, 0, 1)
    headers = Table.of({"x-delay": fields.signedint(1000)})
    sent = Message("later", "k", Properties.of(headers=headers, delivery_mode=2), b"m")
    first.vhost.route(later, ("k",), sent)
    first.vhost.add_exchange("new", first.broker.exchange_types["fanout"])
    first.stop()
    clock.advance(1)
    again = Started(folder, clock)
    assert again.vhost.exchanges["later"].id == 1001
    assert [again.vhost.exchanges[name].declared_by for name in ("x", "new")] == ["unknown", "rmq-internal"]
    while again.broker.timers.run_due():
        pass
    assert [each.body for each in again.vhost.queues["q"].browse(5)] == [b"m"]
    again.stop()
    database = sqlite3.connect(folder / DEFINITIONS)
    assert database.execute("SELECT name, type, id FROM exchanges ORDER BY name").fetchall() == [
        ("later", "x-delayed-message", 1001),
        ("new", "fanout", None),
        ("x", "topic", None),
    ]
    database.close()


def test_the_older_version_refuses_it_then(folder: Path) -> None:
    SqliteEngine(folder).close()
    assert (folder / FORMAT).read_text() == f"{NAME} 2\n"
    with pytest.raises(UnknownFormat, match="this version reads up to 1"):
        Folder(folder, RealFiles(), NAME, 1)


def test_an_upgrade_that_was_cut_off_is_made_again(folder: Path) -> None:
    """The format is written first, then columns are added."""
    (folder / FORMAT).write_text(f"{NAME} 2\n")
    started = Started(folder, ManualClock())
    assert started.vhost.exchanges["later"].id == 1001
    started.stop()
