"""What systemd hears and what it hands over: states, signs of life, and sockets that are open already."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from amqpd.config import ConfigError
from amqpd.server.listeners import listen
from amqpd.server.systemd import FIRST, NOTHING, Notifier, passed
from conformance.client import Connection
from tests.server.logins import log_in, open_channel

from .conftest import DEADLINE, ROOT, StartServe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd is Linux's")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Where a service manager listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(DEADLINE)
        yield sock


def heard(manager: socket.socket) -> list[str]:
    """All that is there."""
    manager.setblocking(False)
    found = []
    try:
        while True:
            found.append(manager.recv(4096).decode())
    except BlockingIOError:
        return found


def notifier(manager: socket.socket, **more: str) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": manager.getsockname(), **more})


def test_states_go_to_the_manager_in_one_datagram(manager: socket.socket) -> None:
    notifier(manager).tell("READY=1", "STATUS=well")
    assert heard(manager) == ["READY=1\nSTATUS=well"]


def test_an_address_may_be_in_the_abstract_namespace() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0amqpd-test-{os.getpid()}")
        Notifier({"NOTIFY_SOCKET": f"@amqpd-test-{os.getpid()}"}).tell("READY=1")
        assert heard(sock) == ["READY=1"]


def test_without_a_manager_nothing_is_said() -> None:
    Notifier({}).tell("READY=1")


def test_a_manager_that_is_gone_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nowhere")}).tell("READY=1")
    assert "the service manager cannot be told" in caplog.text


def test_its_variables_are_not_handed_on_to_children() -> None:
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "LISTEN_FDS": "1", "LISTEN_PID": "1"}
    Notifier(environ)
    assert passed(environ) is NOTHING
    assert environ == {}


async def test_signs_of_life_come_twice_as_often_as_expected(
    manager: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    with trio.move_on_after(25):
        await notifier(manager, WATCHDOG_USEC="10000000").keep_alive()
    assert heard(manager) == ["WATCHDOG=1"] * 5


@pytest.mark.parametrize("more", [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "10", "WATCHDOG_PID": "1"}])
async def test_nobody_who_expects_them_gets_none(manager: socket.socket, more: dict[str, str]) -> None:
    await notifier(manager, **more).keep_alive()
    assert heard(manager) == []


def handed(*sockets: socket.socket) -> Callable[[int], socket.socket]:
    return lambda number: sockets[number - FIRST]


def variables(count: int, names: str) -> dict[str, str]:
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": names}


def test_sockets_are_told_apart_by_their_names() -> None:
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as two, listen("127.0.0.1", 0) as three:
        found = passed(variables(3, "amqp:tls:amqp"), handed(one, two, three))
        assert (found.plain, found.secure) == ((one, three), (two,))


def test_sockets_of_another_process_are_left_alone() -> None:
    assert passed({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, handed()) is NOTHING


def test_what_does_not_listen_is_named() -> None:
    with socket.socket() as sock, pytest.raises(ConfigError, match=r"descriptor 3 \(amqp\) is no listening stream"):
        passed(variables(1, "amqp"), handed(sock))


START = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="amqp")
os.execv(sys.executable, [sys.executable, "-m", "amqpd", "serve", "--transient", "--metrics-port", "none"])
"""


def test_a_service_says_when_it_is_ready_when_it_stops_and_serves_the_socket_it_was_given(
    manager: socket.socket,
) -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        client = Connection("127.0.0.1", port, DEADLINE)  # it waits in the backlog before there is a broker
        environment = {"PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "60000000"}
        with subprocess.Popen(
            [sys.executable, "-c", START, str(listener.fileno())],
            env=environment,
            pass_fds=[listener.fileno()],
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                states = [manager.recv(4096).decode() for _ in range(2)]
                assert set(states) == {f"READY=1\nSTATUS=AMQP on 127.0.0.1:{port}", "WATCHDOG=1"}
                client.handshake()
                client.abort()
                process.send_signal(signal.SIGHUP)
                assert manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
                assert manager.recv(4096) == b"READY=1"
                process.send_signal(signal.SIGTERM)
                assert manager.recv(4096) == b"STOPPING=1"
                assert process.wait(DEADLINE) == 0
            finally:
                process.kill()


def test_a_socket_for_tls_wants_a_certificate() -> None:
    with listen("127.0.0.1", 0) as listener:
        start = START.replace('LISTEN_FDNAMES="amqp"', 'LISTEN_FDNAMES="tls"')
        ended = subprocess.run(
            [sys.executable, "-c", start, str(listener.fileno())],
            env={"PYTHONPATH": str(ROOT)},
            pass_fds=[listener.fileno()],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert ended.returncode == 1
    assert "bad value for 'tls.certificate': None; allowed: a path, because a socket for TLS was passed" in ended.stderr


# -- SIGHUP -----------------------------------------------------------------------------------------------------------


def wait_for_line(wait_until: Callable[[Callable[[], bool]], None], lines: list[str], text: str) -> None:
    wait_until(lambda: any(text in line for line in lines))


def test_a_hangup_reads_the_level_of_the_log_again(
    serve: StartServe, tmp_path: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    file = tmp_path / "amqpd.toml"
    file.write_text('[log]\nlevel = "info"\n')
    process = serve("--config", str(file))
    client = Connection("127.0.0.1", process.port, DEADLINE).handshake()
    assert "connection opened" not in process.log
    file.write_text('[log]\nlevel = "debug"\n')
    os.kill(process.pid, signal.SIGHUP)
    wait_for_line(wait_until, process.lines, "settings reloaded")
    Connection("127.0.0.1", process.port, DEADLINE).handshake().abort()
    wait_for_line(wait_until, process.lines, "connection opened")
    file.write_text('[log]\nlevel = "loud"\n')
    os.kill(process.pid, signal.SIGHUP)
    wait_for_line(wait_until, process.lines, "settings not reloaded")
    assert "loud" in process.lines[-1]
    assert client.channel() is not None  # it goes on
    client.abort()
    assert process.stop() == 0
    assert "stopped" in process.lines[-1]


def subject_of(port: int) -> bytes:
    """The certificate that a TLS listener shows now."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), DEADLINE) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as tls,
    ):
        shown = tls.getpeercert(binary_form=True)
        assert shown is not None
        return shown


def test_a_hangup_reads_certificates_again_and_open_connections_stay(
    serve: StartServe, tmp_path: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    trustme = pytest.importorskip("trustme")
    authority, file = trustme.CA(), tmp_path / "server.pem"

    def renew() -> None:
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(file))

    renew()
    process = serve("--tls-port", "0", "--tls-certificate", str(file))
    kept = Connection("127.0.0.1", process.port, DEADLINE).handshake()
    port = int(next(line for line in process.lines if "tls=True" in line).partition("127.0.0.1:")[2].partition(",")[0])
    tls = socket.create_connection(("127.0.0.1", port), DEADLINE)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    kept_tls = context.wrap_socket(tls, server_hostname="localhost")
    log_in(kept_tls)
    before = subject_of(port)
    renew()
    assert subject_of(port) == before
    os.kill(process.pid, signal.SIGHUP)
    wait_for_line(wait_until, process.lines, "certificate reloaded")
    after = subject_of(port)
    assert after != before
    file.write_text("nothing")
    os.kill(process.pid, signal.SIGHUP)
    wait_for_line(wait_until, process.lines, "settings not reloaded")
    assert subject_of(port) == after
    assert kept.channel() is not None
    kept.abort()
    open_channel(kept_tls)
    kept_tls.close()


def test_alarms_are_a_line_each_way(caplog: pytest.LogCaptureFixture) -> None:
    from tests.protocol.harness import World

    caplog.set_level("INFO", "amqpd")
    world = World()
    for short in (True, False):
        world.broker.alarms.set("memory", "one", short)
        world.broker.alarms.set("memory", "two", short)
    lines = [each.getMessage() for each in caplog.records if "alarm" in each.getMessage()]
    assert lines == [
        "memory alarm raised: publishers are blocked resource='memory'",
        "memory alarm cleared resource='memory'",
    ]
