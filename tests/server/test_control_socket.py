"""The control socket of `amqpd serve`: where it is, what ends with it, and that the broker can do without."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pika
import pytest

from amqpd.cli.ctl.run import run
from tests.server.conftest import DEADLINE, StartServe


def ctl(socket: Path, *words: str) -> int:
    return run(["--socket", str(socket), *words])


def test_it_lies_in_the_data_directory_for_its_user_alone(serve: StartServe, tmp_path: Path) -> None:
    process = serve("--data-dir", str(tmp_path / "d"))
    assert process.port
    socket = tmp_path / "d" / "control.sock"
    assert any(f"control socket at {socket}" in line for line in process.lines)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert process.stop() == 0
    assert not socket.exists()


def test_a_broker_that_keeps_nothing_has_it_among_the_users_sockets(serve: StartServe, tmp_path: Path) -> None:
    process = serve("--transient", environment={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert process.port
    (socket,) = (tmp_path / "amqpd").iterdir()
    assert ctl(socket, "ping") == 0
    process.stop(signal.SIGKILL)
    assert socket.exists()
    assert serve("--transient", environment={"XDG_RUNTIME_DIR": str(tmp_path)}).port
    assert not socket.exists()  # the next one tidies up


def test_a_path_that_is_too_long_gives_way_to_another_place(serve: StartServe, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    process = serve("--data-dir", str(deep), environment={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert process.port
    (socket,) = (tmp_path / "amqpd").iterdir()
    assert ctl(socket, "ping") == 0


@pytest.mark.parametrize("verb", ["stop", "shutdown"])
def test_stop_and_shutdown_end_the_process_in_order(serve: StartServe, tmp_path: Path, verb: str) -> None:
    process = serve("--data-dir", str(tmp_path / "d"))
    assert process.port
    assert ctl(tmp_path / "d" / "control.sock", verb) == 0
    assert process.stop() == 0
    assert any("stopped" in line for line in process.lines)


def test_what_was_reset_is_gone_after_a_restart_too(serve: StartServe, tmp_path: Path) -> None:
    socket = tmp_path / "d" / "control.sock"
    process = serve("--data-dir", str(tmp_path / "d"))
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", process.port)) as connection:
        connection.channel().queue_declare("q", durable=True)
    for words in (("add_user", "u", "p"), ("stop_app",), ("reset",), ("start_app",), ("add_vhost", "new")):
        assert ctl(socket, *words) == 0
    assert process.stop() == 0
    assert serve("--data-dir", str(tmp_path / "d")).port
    assert ctl(socket, "delete_vhost", "new") == 0
    assert ctl(socket, "authenticate_user", "u", "p") == 65
    assert ctl(socket, "delete_queue", "q") == 64
    assert ctl(socket, "authenticate_user", "guest", "guest") == 0


def test_a_broker_does_without_where_it_is_switched_off_or_cannot_be(serve: StartServe, tmp_path: Path) -> None:
    process = serve("--no-control-enabled")
    assert process.port
    assert "control socket" not in process.log
    (tmp_path / "amqpd").write_text("a file")
    process = serve("--transient", environment={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert process.port
    assert any("no control socket" in line for line in process.lines)


def test_one_that_was_asked_for_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    options = ["--port", "0", "--metrics-port", "none", "--transient", "--control-socket", str(tmp_path / "taken")]
    command = [sys.executable, "-m", "amqpd", "serve", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert ended.returncode == 1
    assert "there is a file that is no socket" in ended.stderr.splitlines()[-1]
