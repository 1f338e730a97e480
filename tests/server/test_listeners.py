"""Where the server listens, and what happens when it can't, or can't accept."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pika
import pytest

import amqpd
from amqpd.server.listeners import listen, listen_all, shown
from tests.server.logins import log_in, open_channel

from .conftest import DEADLINE, StartServe

WaitUntil = Callable[[Callable[[], bool]], None]


def has_ipv6() -> bool:
    try:
        listen("::1", 0).close()
    except OSError:
        return False
    return True


def test_a_port_that_is_taken_is_refused_with_its_host_and_number() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: ") as caught:
            listen("127.0.0.1", port)
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback on this machine")
def test_both_loopbacks_share_one_free_port() -> None:
    with amqpd.run_in_thread() as broker:
        for host in ("127.0.0.1", "::1"):
            with pika.BlockingConnection(pika.ConnectionParameters(host, broker.port)) as connection:
                assert connection.is_open


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback on this machine")
def test_a_host_that_cannot_be_listened_on_frees_those_before_it() -> None:
    with listen("::1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on \[::1\]:{port}: "):
            listen_all(("127.0.0.1", "::1"), port)
        listen("127.0.0.1", port).close()


def test_an_ipv6_host_stands_in_brackets_before_a_port() -> None:
    assert (shown("::1"), shown("127.0.0.1")) == ("[::1]", "127.0.0.1")


def test_a_stopped_broker_frees_its_port_at_once() -> None:
    with amqpd.run_in_thread() as broker:
        port = broker.port
        connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    with amqpd.run_in_thread(port=port) as again:
        assert again.port == port
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker):
        connection.channel()


def test_out_of_file_descriptors_it_pauses_accepting_and_recovers(serve: StartServe, wait_until: WaitUntil) -> None:
    process = serve("--management-port", "0", wrapper="ulimit -n 40")
    port = process.port
    line = next(each for each in process.lines if "management API on" in each)
    http = int(line.partition("127.0.0.1:")[2].partition(",")[0])
    opened = [socket.create_connection(("127.0.0.1", http)) for _ in range(60)]
    wait_until(lambda: "cannot accept a connection" in process.log)
    for sock in opened:
        sock.close()
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port)) as connection:
        assert connection.is_open
    assert process.stop() == 0
    assert "Traceback" not in process.log


def test_clients_that_say_nothing_give_way_where_descriptors_are_scarce(serve: StartServe) -> None:
    process = serve(wrapper="ulimit -n 40")
    opened = [socket.create_connection(("127.0.0.1", process.port)) for _ in range(60)]
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", process.port)) as connection:
        assert connection.is_open
    for sock in opened:
        sock.close()
    assert "connection dropped before its login" in process.log
    assert "cannot accept a connection" not in process.log


def test_clients_that_are_logged_in_stay_and_new_ones_wait_for_their_descriptors(
    serve: StartServe, wait_until: WaitUntil
) -> None:
    process = serve(wrapper="ulimit -n 40")
    with ExitStack() as logged_in:
        opened: list[socket.socket] = []
        while "file descriptor alarm raised" not in process.log:
            sock = logged_in.enter_context(socket.create_connection(("127.0.0.1", process.port)))
            sock.settimeout(DEADLINE if len(opened) < 20 else 0.5)
            with suppress(TimeoutError):
                log_in(sock)
                opened.append(sock)
        assert len(opened) >= 20
        open_channel(opened[0])
        waiting = logged_in.enter_context(socket.create_connection(("127.0.0.1", process.port), timeout=DEADLINE))
        for sock in opened[1:4]:
            sock.close()
        log_in(waiting)
        wait_until(lambda: "file descriptor alarm cleared" in process.log)
    assert "cannot accept a connection" not in process.log
