"""The tools of a data directory: what they read is what a broker finds there, and what they write is one."""

from __future__ import annotations

import json
import sqlite3
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from amqpd.broker.message import Message
from amqpd.broker.stream.stream_queue import StreamQueue
from amqpd.cli.main import main
from amqpd.clock import ManualClock
from amqpd.fields import from_python, timestamp
from amqpd.properties import Properties
from amqpd.storage import backup
from amqpd.storage.journal import EngineJournal
from amqpd.storage.sqlite import DEFINITIONS, JOURNAL, SqliteEngine
from tests.unit.broker.streams import arguments as stream_arguments
from tests.unit.broker.streams import filtered
from tests.unit.broker.world import RecordingConsumer, World, configure

START = 1_700_000_000
PERSISTENT = Properties.of(delivery_mode=2, headers=None)


class Kept(World):
    """A broker on a directory."""

    def __init__(self, folder: Path) -> None:
        self.journal = EngineJournal(SqliteEngine(folder), ManualClock())
        super().__init__(journal=self.journal)
        self.journal.restore_access(self.broker)
        self.vhost = self.broker.add_vhost("/")
        self.journal.restore_graph(self.broker)

    def publish_to(self, queue: str, *bodies: bytes, properties: Properties = PERSISTENT) -> None:
        for body in bodies:
            self.vhost.queues[queue].publish(Message("", queue, properties, body))

    def close(self) -> None:
        self.drain()
        self.journal.close()


def amqpd(*arguments: object, status: int = 0, text: str = "") -> Result:
    result = CliRunner().invoke(main, [str(each) for each in arguments], input=text)
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with all kinds of messages."""
    world = Kept(tmp_path / "data")
    world.queue("q")
    world.queue("quorum", {"x-queue-type": "quorum", "x-message-ttl": 60_000})
    world.queue("empty")
    world.bind(world.vhost.exchanges["amq.topic"], world.vhost.queues["q"], "a.#")
    world.publish_to("q", *[b"%d" % number for number in range(2000)], b"\x00\xff" * 300)
    world.publish_to("quorum", b"one", b"two", properties=Properties.of(message_id="m"))
    got = world.vhost.queues["quorum"].get()
    assert got is not None
    world.vhost.queues["quorum"].put_back(got)
    world.drain()
    later = world.exchange("later", "x-delayed-message", {"x-delayed-type": "fanout"})
    world.bind(later, world.vhost.queues["empty"])
    for delay in (5000, 2000):
        delayed = Properties.of(delivery_mode=2, headers=from_python({"x-delay": delay}))
        world.publish("later", "k", properties=delayed, body=b"%d" % delay)
    for _ in range(500):
        taken = world.vhost.queues["q"].get()
        assert taken is not None
        world.vhost.queues["q"].settle(taken)
    fill_stream(world)
    world.close()
    return tmp_path / "data"


def fill_stream(world: Kept) -> None:
    """Segments, times, filter values, and a consumer with a name."""
    stream = world.queue("stream", {"x-queue-type": "stream", "x-stream-max-segment-size-bytes": 20_000})
    for number in range(3):
        properties = filtered(b"%d" % number)
        world.publish_to("stream", *[b"%d" % each * 10 for each in range(700)], properties=properties)
        world.drain()
        world.clock.advance(60)
    consumer = RecordingConsumer(stream, window=5, arguments=stream_arguments("first", x_stream_name="n"))
    stream.add_consumer(consumer)
    stream.resume()
    world.drain()
    consumer.ack(consumer.unsettled[0])
    world.drain()


def contents(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """What a broker finds there: everything about the messages of each queue."""
    world = Kept(folder)
    world.advance(2)
    found: dict[str, list[tuple[object, ...]]] = {
        name: [
            (each.number, each.body, each.redelivered, each.deadline, each.properties.raw, each.routing_key)
            for each in queue.browse(10_000)
        ]
        for name, queue in world.vhost.queues.items()
    }
    stream = world.vhost.queues["stream"]
    assert isinstance(stream, StreamQueue)
    found["positions"] = [*stream.positions.items()]
    found["times"] = [*first_offsets(world, stream)]
    found["waiting"] = [(world.vhost.exchanges["later"].messages_delayed,)]
    found["bindings"] = [("a.#" in [each.routing_key for each in world.vhost.queues["q"].bindings],)]
    world.close()
    return found


def first_offsets(world: Kept, stream: StreamQueue) -> Iterator[tuple[object, ...]]:
    """What a consumer gets first from each minute on, and all of one filter value."""
    for minute in range(4):
        consumer = RecordingConsumer(stream, window=1, arguments=stream_arguments(timestamp(START + 60 * minute)))
        yield tuple(first_of(world, consumer))
    yield tuple(first_of(world, RecordingConsumer(stream, arguments=stream_arguments("first", x_stream_filter="1"))))


def first_of(world: Kept, consumer: RecordingConsumer) -> list[int]:
    consumer.queue.add_consumer(consumer)
    consumer.queue.resume()
    world.drain()
    return [each.number for each in consumer.delivered]


def test_check_counts_what_there_is(folder: Path) -> None:
    lines = amqpd("journal", "check", folder).output.splitlines()
    assert "queues: 4" in lines
    assert any(line.startswith("queue 'q' in vhost '/': 1501 messages, ") for line in lines)
    assert "queue 'quorum' in vhost '/': 2 messages, 6 bytes" in lines
    assert "exchange 'later' in vhost '/': 2 messages, 8 bytes" in lines
    assert "queue 'stream' in vhost '/': 2100 messages, 59700 bytes" in lines
    assert lines[-1] == "3605 messages, 0 damages"


def test_check_names_what_is_damaged(folder: Path) -> None:
    data = bytearray((folder / "journal.db").read_bytes())
    at = data.index(b"\x00\xff" * 100)
    data[at] ^= 1
    (folder / "journal.db").write_bytes(data)
    output = amqpd("journal", "check", folder, status=1).output
    assert "damaged: " in output
    assert "1 damages" in output


def test_an_export_is_lines_of_json_for_people(folder: Path, tmp_path: Path) -> None:
    amqpd("journal", "export", folder, tmp_path / "lines")
    lines = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    assert lines[0] == {"amqpd_journal": 1}
    [message] = [line for line in lines if line.get("body") == "1999"]
    assert {key: message[key] for key in ("kind", "vhost", "queue", "number", "routing_key", "exchange")} == {
        "kind": "message", "vhost": "/", "queue": "q", "number": 2000, "routing_key": "q", "exchange": "",
    }  # fmt: skip


def test_an_import_makes_the_same_directory(folder: Path, tmp_path: Path) -> None:
    lines = amqpd("journal", "export", folder).output
    assert "3605 messages" in amqpd("journal", "import", tmp_path / "new", text=lines).output
    assert contents(tmp_path / "new") == contents(folder)
    assert retained(tmp_path / "new") == retained(folder) > 0


def test_an_export_of_a_version_that_knew_fewer_columns_is_imported(folder: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in amqpd("journal", "export", folder).output.splitlines()]
    for line in lines:
        line.pop("paused" if line.get("kind") == "queues" else "metadata", None)
    amqpd("journal", "import", tmp_path / "new", text="\n".join(map(json.dumps, lines)))
    assert contents(tmp_path / "new") == contents(folder)


def retained(folder: Path) -> int:
    """Where the stream begins once it has a limit: whole segments go."""
    world = Kept(folder)
    stream = world.vhost.queues["stream"]
    configure(stream, max_length_bytes=50_000)
    first = stream.browse(1)[0].number
    world.close()
    return first


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "there is nothing in it"),
        ("no json\n", "line 1 is no JSON"),
        ('{"amqpd_journal": 9}\n', "line 1 is"),
        ('{"amqpd_journal": 1}\n[]\n', "expected an object with a kind"),
        ('{"amqpd_journal": 1}\n{"kind": "cars"}\n', "line 2 is of the kind 'cars': expected message, vhosts"),
        ('{"amqpd_journal": 1}\n{"kind": "queues", "vhost": "/"}\n', "line 2 is no row of queues"),
        ('{"amqpd_journal": 1}\n{"kind": "message", "queue": "q"}\n', "no queue 'q' that holds messages was"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, error: str) -> None:
    assert error in amqpd("journal", "import", tmp_path / "new", status=1, text=text).output


def test_compacting_keeps_what_is_there_in_less_space(folder: Path) -> None:
    before, size = contents(folder), (folder / "journal.db").stat().st_size
    amqpd("journal", "compact", folder)
    assert contents(folder) == before
    assert (folder / "journal.db").stat().st_size < size


def test_a_backup_of_a_running_broker_is_a_data_directory(folder: Path, tmp_path: Path) -> None:
    world = Kept(folder)
    world.publish_to("q", b"later")
    world.drain()
    amqpd("backup", tmp_path / "copy", "--data-dir", folder)
    world.publish_to("q", b"too late")
    world.close()
    copied, now = contents(tmp_path / "copy"), contents(folder)
    assert copied["q"] == now["q"][:-1]
    assert copied["quorum"] == now["quorum"]


def test_a_backup_is_of_one_moment(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of the database that is copied last."""
    before = contents(folder)["quorum"]
    world, copy = Kept(folder), backup._copy

    def slowly(database: sqlite3.Connection, destination: Path, progress: backup.Progress) -> None:
        copy(database, destination, progress)
        if destination.name == JOURNAL:
            world.vhost.delete_queue(world.vhost.queues["quorum"])
            world.drain()

    monkeypatch.setattr(backup, "_copy", slowly)
    told: list[tuple[str, int, int]] = []
    backup.backup(folder, tmp_path / "copy", lambda *done: told.append(done))
    assert {name for name, copied, total in told if copied == total} == {JOURNAL, DEFINITIONS}
    world.close()
    assert contents(tmp_path / "copy")["quorum"] == before
    assert "quorum" not in contents(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such modes there")
def test_a_copy_is_for_its_user_alone_whatever_folder_it_is_in(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy").chmod(0o755)
    amqpd("backup", tmp_path / "copy", "--data-dir", folder)
    assert {stat.S_IMODE(each.stat().st_mode) & 0o077 for each in (tmp_path / "copy").iterdir()} == {0}


def test_a_directory_in_use_is_left_alone(folder: Path) -> None:
    world = Kept(folder)
    assert "is in use by another process" in amqpd("journal", "check", folder, status=1).output
    world.close()


@pytest.mark.parametrize(
    "command", [("journal", "check", "DIR"), ("journal", "compact", "DIR"), ("backup", "new", "--data-dir", "DIR")]
)
def test_what_is_no_data_directory_is_refused(command: tuple[str, ...], tmp_path: Path) -> None:
    arguments = [str(tmp_path / each) if each in ("DIR", "new") else each for each in command]
    assert "is no data directory" in amqpd(*arguments, status=1).output


def test_a_destination_with_something_in_it_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for command in (("backup", tmp_path / "full", "--data-dir", folder), ("journal", "import", tmp_path / "full")):
        assert "is not empty" in amqpd(*command, status=1).output
