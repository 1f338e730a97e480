"""`amqpd serve --data-dir`: what was confirmed is there after `kill -9`, and nothing that was settled."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Timer

import pytest

from conformance.channel import Channel
from conformance.client import Connection
from conformance.received import Dropped

from .conftest import DEADLINE, ROOT, ServeProcess, StartServe

KILLS = 4

Connect = Callable[[int], Connection]


def channel_of(connect: Connect, process: ServeProcess) -> Channel:
    channel = connect(process.port).handshake().channel()
    channel.declare_queue("q", durable=True)
    return channel.confirm()


def refused(folder: str) -> str:
    """The one line with which a broker says that it can't use a data directory."""
    ended = subprocess.run(
        [sys.executable, "-m", "amqpd", "serve", "--port", "0", "--data-dir", folder],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    return line


def publish(channel: Channel, body: bytes) -> None:
    """Publish a persistent message, and return when it is confirmed."""
    channel.publish("", "q", body, {"delivery_mode": 2})
    channel.expect("basic.ack")


def test_nothing_confirmed_is_lost_and_nothing_settled_comes_back_however_often_it_is_killed(
    serve: StartServe, connect: Connect, tmp_path: Path
) -> None:
    random, folder = Random(1), str(tmp_path / "data")
    sent, confirmed, settled = 0, set[bytes](), set[bytes]()
    for _ in range(KILLS):
        process = serve("--data-dir", folder)
        channel = channel_of(connect, process)
        kill = Timer(random.uniform(0.05, 0.4), process.stop, (signal.SIGKILL,))
        kill.start()
        try:
            while True:
                sent += 1
                publish(channel, b"%d" % sent)
                confirmed.add(b"%d" % sent)
                if not sent % 5:
                    got = channel.must_get("q")
                    channel.ack(got["delivery_tag"])
                    assert got.content is not None
                    settled.add(got.content.body)
        except (Dropped, OSError):
            kill.join()
    process = serve("--data-dir", folder)
    there = channel_of(connect, process).drain("q")
    assert len(there) == len(set(there))
    assert there == sorted(there, key=int)
    assert confirmed - settled <= set(there)
    # The last settlement of each round was perhaps not read, or not kept, when the broker was killed.
    assert len(set(there) & settled) <= KILLS


def test_delayed_messages_survive_a_kill_and_come_at_their_time_or_at_once_if_that_is_over(
    serve: StartServe, connect: Connect, tmp_path: Path
) -> None:
    process = serve("--data-dir", str(tmp_path))
    channel = channel_of(connect, process)
    channel.declare_exchange("later", "x-delayed-message", {"x-delayed-type": "fanout"}, durable=True)
    channel.bind("q", "later")
    for delay, body in ((3_600_000, b"in an hour"), (1000, b"soon")):
        channel.publish("later", "", body, {"delivery_mode": 2, "headers": {"x-delay": delay}})
        channel.expect("basic.ack")
    process.stop(signal.SIGKILL)
    process = serve("--data-dir", str(tmp_path))
    channel = channel_of(connect, process)
    assert "messages=2" in process.log
    tag = channel.consume("q", no_ack=True)
    assert channel.bodies(1) == [b"soon"]
    channel.cancel(tag)
    publish(channel, b"what was before this is durable")
    process.stop(signal.SIGKILL)
    process = serve("--data-dir", str(tmp_path))
    assert channel_of(connect, process).drain("q") == [b"what was before this is durable"]
    assert "messages=2" in process.log


def test_an_orderly_stop_keeps_everything(serve: StartServe, connect: Connect, tmp_path: Path) -> None:
    process = serve("--data-dir", str(tmp_path), "--durability", "none")
    channel = channel_of(connect, process)
    assert f"what is durable is kept in {tmp_path}" in process.log
    for number in range(100):
        publish(channel, b"%d" % number)
    channel.connection.close()
    assert process.stop() == 0
    again = serve("--data-dir", str(tmp_path))
    assert channel_of(connect, again).drain("q") == [b"%d" % number for number in range(100)]
    assert "messages recovered" in again.log


def test_a_folder_that_is_in_use_is_refused_in_one_line(serve: StartServe, connect: Connect, tmp_path: Path) -> None:
    assert serve("--data-dir", str(tmp_path)).port
    line = refused(str(tmp_path))
    assert f"the data directory {tmp_path} is in use by another process" in line


def test_without_a_directory_it_is_where_the_platform_keeps_data(
    serve: StartServe, connect: Connect, tmp_path: Path
) -> None:
    platform = {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    process = serve(environment=platform)
    assert process.port
    [path] = [word for word in process.lines[0].split() if word.startswith(str(tmp_path))]
    channel = channel_of(connect, process)
    publish(channel, b"kept")
    channel.connection.close()
    assert Path(path, "definitions.db").exists()
    process.stop()
    assert channel_of(connect, serve(environment=platform)).drain("q") == [b"kept"]


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    line = refused(str(tmp_path / "file" / "data"))
    assert f"the data directory {tmp_path / 'file' / 'data'} cannot be used" in line
    assert "or keep everything in memory (--transient)" in line


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_a_single_message_is_confirmed_without_anything_behind_it(
    serve: StartServe, connect: Connect, tmp_path: Path, durability: str
) -> None:
    process = serve("--data-dir", str(tmp_path), "--durability", durability)
    channel = channel_of(connect, process)
    publish(channel, b"alone")
    process.stop(signal.SIGKILL)
    assert channel_of(connect, serve("--data-dir", str(tmp_path))).drain("q") == [b"alone"]


def test_below_the_limit_of_free_space_publishers_are_blocked(
    serve: StartServe, connect: Connect, tmp_path: Path
) -> None:
    process = serve("--data-dir", str(tmp_path), "--disk-free-limit", "100000000GiB")
    channel = channel_of(connect, process)
    channel.publish("", "q", b"m", {"delivery_mode": 2})
    assert channel.connection.wait_for(0, "connection.blocked").fields["reason"] == "low on disk"
    consumer = connect(process.port).handshake().channel()
    consumer.declare_queue("q", durable=True)


def test_a_data_directory_that_lacks_a_file_is_refused_in_one_line(serve: StartServe, tmp_path: Path) -> None:
    process = serve("--data-dir", str(tmp_path))
    assert process.port
    process.stop()
    (tmp_path / "journal.db").unlink()
    line = refused(str(tmp_path))
    assert "lacks 'journal.db', which holds the messages: put it back from a backup" in line
