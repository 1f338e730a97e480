"""How attackers connect: with or without a login, from an address of their own, and without waiting for anybody."""

from __future__ import annotations

import resource
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import attrs

from amqpd.cli.bench.frames import longstr, method, shortstr, table

SOURCE = "127.0.0.2"
"""Where attackers come from: not where the others do."""
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
RECEIVE = 1 << 18


@attrs.frozen
class Target:
    """The broker, and until when it is attacked."""

    port: int
    http_port: int
    tls_port: int
    until: float
    frame_max: int = 131072

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    def rest(self, seconds: float) -> None:
        """Wait, but not longer than the attack takes."""
        time.sleep(max(0.0, min(seconds, self.until - time.monotonic())))


def raise_limit() -> None:
    """Let this process have as many sockets as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connect(target: Target, *, http: bool = False, tls: bool = False, timeout: float | None = 5.0) -> socket.socket:
    """A TCP connection that has said nothing yet."""
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Without it 10,000 connections would use up the ports of this address.
    sock.setsockopt(socket.SOL_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
    sock.settimeout(timeout)
    sock.bind((SOURCE, 0))
    port = target.http_port if http else target.tls_port if tls else target.port
    sock.connect(("127.0.0.1", port))
    return sock


def client_hello() -> bytes:
    """The first octets of a TLS client."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def start_ok(password: str = "guest", properties: bytes | None = None) -> bytes:
    """connection.start-ok with PLAIN; `properties` is a whole table, its length included."""
    said = table({"capabilities": {"authentication_failure_close": True}}) if properties is None else properties
    return method(0, 10, 11, said + shortstr("PLAIN") + longstr(b"\0guest\0" + password.encode()) + shortstr("en_US"))


def log_in(target: Target) -> socket.socket:
    """A connection with channel 1, opened in one go."""
    sock = connect(target)
    sock.sendall(PROTOCOL_HEADER + start_ok())
    # What was offered is taken; heartbeats are off.
    sock.sendall(method(0, 10, 31, struct.pack(">HIH", 2047, target.frame_max, 0)))
    sock.sendall(method(0, 10, 40, shortstr("/") + shortstr("") + b"\x00") + method(1, 20, 10, shortstr("")))
    seen = b""
    while b"\x00\x14\x00\x0b" not in seen:  # channel.open-ok
        data = sock.recv(RECEIVE)
        if not data:
            raise ConnectionError("the broker closed the connection")
        seen += data
    return sock


@contextmanager
def logged_in(target: Target) -> Iterator[socket.socket]:
    """The same, closed in the end."""
    with log_in(target) as sock:
        yield sock


def drain(sock: socket.socket) -> None:
    """Read what is there, and wait for nothing."""
    sock.setblocking(False)
    try:
        while sock.recv(RECEIVE):
            pass
    except BlockingIOError:
        pass
    finally:
        sock.settimeout(5.0)
