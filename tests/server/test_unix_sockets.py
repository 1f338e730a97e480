"""AMQP over a Unix socket."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

import amqpd
from amqpd.config import ConfigError
from amqpd.server.unix_sockets import listen_unix, remove
from tests.server.logins import log_in

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets on this platform")


def connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(20)
    sock.connect(str(path))
    return sock


def test_guest_logs_in_through_the_file_and_each_connection_has_a_name_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "amqp.sock"
    with amqpd.run_in_thread(unix_socket=path) as broker:
        with connect(path) as first, connect(path) as second:
            log_in(first)
            log_in(second)
            names = [each.name for each in broker.connections()]
            assert names == [f"unix:1 -> {path}", f"unix:2 -> {path}"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


def test_its_mode_can_be_set_and_it_may_be_all_there_is(tmp_path: Path) -> None:
    path = tmp_path / "amqp.sock"
    with amqpd.run_in_thread(port=None, unix_socket=path, unix_socket_mode="0600"), connect(path) as sock:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        log_in(sock)


def test_a_header_of_the_proxy_protocol_is_not_expected_there(tmp_path: Path) -> None:
    path = tmp_path / "amqp.sock"
    with amqpd.run_in_thread(unix_socket=path, proxy_protocol=True), connect(path) as sock:
        log_in(sock)


def test_a_file_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "amqp.sock"
    listen_unix(path, 0o600).close()
    assert path.exists()
    remove(listen_unix(path, 0o600), path)
    assert not path.exists()


def test_a_server_that_listens_and_a_file_that_is_no_socket_are_left_alone(tmp_path: Path) -> None:
    path, plain = tmp_path / "amqp.sock", tmp_path / "file"
    plain.write_text("kept")
    with listen_unix(path, 0o600), pytest.raises(OSError, match=r"amqp\.sock: another server listens"):
        listen_unix(path, 0o600)
    with pytest.raises(OSError, match=r"cannot listen on .*file: there is a file that is no socket"):
        listen_unix(plain, 0o600)
    assert plain.read_text() == "kept"


@pytest.mark.parametrize("mode", ["rw", "99", "07777"])
def test_a_mode_that_is_none_is_refused(mode: str) -> None:
    with pytest.raises(ConfigError, match="three or four octal digits"), amqpd.run_in_thread(unix_socket_mode=mode):
        pass
