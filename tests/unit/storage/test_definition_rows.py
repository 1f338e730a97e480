"""Definitions in an engine: a broker is made from them, and people can read them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from amqpd.broker.definitions import KINDS
from amqpd.storage.appendlog import AppendLogEngine
from amqpd.storage.engine import Engine
from amqpd.storage.sqlite import DEFINITIONS, SqliteEngine
from tests.unit.broker.rows import Kept, RowJournal, durable
from tests.unit.broker.test_restoring import fill


@pytest.mark.parametrize("make", [SqliteEngine, AppendLogEngine])
def test_a_broker_is_made_from_what_an_engine_kept(make: type[Engine], tmp_path: Path) -> None:
    kept = Kept.new()
    fill(kept.world)
    engine = make(tmp_path / "data")  # type: ignore[call-arg]  # both take the folder
    engine.put(kept.journal.changes)
    engine.close()
    engine = make(tmp_path / "data")  # type: ignore[call-arg]  # the same
    tables = {kind: engine.get(kind) for kind in KINDS}
    engine.close()
    assert tables == kept.journal.tables
    assert [list(each) for each in tables.values()] == [list(each) for each in kept.journal.tables.values()]
    again = Kept.new(journal=RowJournal(tables))
    assert durable(again.world.broker) == durable(kept.world.broker)


def test_the_tables_can_be_read_with_sqlite(tmp_path: Path) -> None:
    kept = Kept.new()
    fill(kept.world)
    engine = SqliteEngine(tmp_path / "data")
    engine.put(kept.journal.changes)
    engine.close()
    with closing(sqlite3.connect(tmp_path / "data" / DEFINITIONS)) as database:
        database.row_factory = sqlite3.Row
        queue = database.execute("SELECT * FROM queues WHERE name = 'ä€😀'").fetchone()
        policy = database.execute("SELECT * FROM policies WHERE operator = 1").fetchone()
        user = database.execute("SELECT * FROM users WHERE name = 'ü'").fetchone()
        bound = database.execute(
            "SELECT destination FROM bindings WHERE source = 'x-direct' AND routing_key = 'plain'"
        ).fetchall()
    database.close()
    assert {column: queue[column] for column in ("vhost", "type", "durable", "auto_delete")} == {
        "vhost": "/",
        "type": "classic",
        "durable": 1,
        "auto_delete": 0,
    }
    assert json.loads(queue["arguments"]) == {"x-message-ttl": 1000, "x-dead-letter-exchange": "ä€😀"}
    assert "ä€😀" in queue["arguments"]
    assert queue["id"] == kept.world.vhost.queues["ä€😀"].id
    assert (policy["name"], policy["pattern"], policy["apply_to"], policy["priority"]) == ("p", "", "all", 0.5)
    assert json.loads(policy["definition"]) == {"max-length": 3, "expires": 5000}
    assert json.loads(user["tags"]) == ["administrator"]
    assert [each["destination"] for each in bound] == ["plain"]
