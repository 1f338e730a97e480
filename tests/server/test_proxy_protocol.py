"""The PROXY protocol: who the client is, and what becomes of connections that don't begin with it."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio
import trustme
from hypothesis import given
from hypothesis import strategies as st

import amqpd
from amqpd import app
from amqpd.config import load
from amqpd.embedded import IN_THREAD
from amqpd.protocol.endpoint import Endpoint
from amqpd.server.proxy_protocol import SIGNATURE, Malformed, Proxied, version_1, version_2
from amqpd.testing.broker import EmbeddedBroker
from conformance.frames import PROTOCOL_HEADER
from tests.server.logins import log_in, refusal

WaitUntil = Callable[[Callable[[], bool]], None]

FOREIGN_V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 5672\r\n"
LOCAL_V2 = SIGNATURE + b"\x20\x00\x00\x00"


def v2(family: int, addresses: bytes, extensions: bytes = b"", kind: int = 0x21) -> bytes:
    rest = addresses + extensions
    return SIGNATURE + struct.pack(">BBH", kind, family, len(rest)) + rest


FOREIGN_IPV6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7")
FOREIGN_V2 = v2(0x21, FOREIGN_IPV6 * 2 + struct.pack(">HH", 40000, 5672), b"\4\0\1x")


@contextmanager
def proxied(**settings: object) -> Iterator[EmbeddedBroker]:
    with amqpd.run_in_thread(None, proxy_protocol=True, **settings) as broker:  # type: ignore[arg-type]  # settings are checked as they are loaded
        yield broker


def through(broker: EmbeddedBroker, header: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", broker.port), timeout=20)
    sock.sendall(header)
    return sock


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (FOREIGN_V1, "192.0.2.7:40000 -> 198.51.100.1:5672"),
        (b"PROXY TCP6 2001:DB8::1 ::1 65535 0\r\n", "[2001:db8::1]:65535 -> [::1]:0"),
        (FOREIGN_V2, "[2001:db8::7]:40000 -> [2001:db8::7]:5672"),
    ],
)
def test_the_client_that_the_proxy_names_is_the_one_in_lists(header: bytes, name: str) -> None:
    with proxied(auth_loopback_users=()) as broker, through(broker, header) as sock:
        log_in(sock)
        assert [each.name for each in broker.connections()] == [name]


@pytest.mark.parametrize("header", [FOREIGN_V1, FOREIGN_V2, b"PROXY UNKNOWN\r\n", v2(0x31, bytes(216))])
def test_a_proxy_on_this_machine_does_not_bring_guest_in_from_outside(header: bytes) -> None:
    """Nor for a client that it can't name."""
    with proxied() as broker, through(broker, header) as sock:
        assert refusal(sock)[0] == 403


@pytest.mark.parametrize(
    ("settings", "kept_out"),
    [
        ({}, True),
        ({"default_password": "secret"}, False),
        ({"auth_loopback_users": ()}, False),
        ({"auth_loopback_users": ("app",), "default_password": "secret"}, True),
    ],
)
def test_a_default_user_does_not_come_from_outside_with_the_password_that_everybody_knows(
    settings: dict[str, object], kept_out: bool
) -> None:
    password = str(settings.get("default_password", "guest"))
    with proxied(default_user="app", **settings) as broker, through(broker, FOREIGN_V1) as sock:
        if kept_out:
            assert refusal(sock, "app", password)[0] == 403
        else:
            log_in(sock, "app", password)


@pytest.mark.parametrize("header", [b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 5672\r\n", LOCAL_V2])
def test_guest_on_the_machine_of_broker_and_proxy_logs_in(header: bytes) -> None:
    with proxied() as broker, through(broker, header) as sock:
        log_in(sock)


def test_the_loopback_address_of_another_machine_is_not_this_one() -> None:
    proxy = Endpoint("192.0.2.1", 1, "192.0.2.2", 5672)
    assert not Proxied(("127.0.0.1", 2), ("127.0.0.1", 3)).endpoint(proxy).is_loopback


def test_a_proxy_that_asks_for_itself_has_its_own_address() -> None:
    own = Endpoint("192.0.2.1", 1, "192.0.2.2", 5672)
    assert Proxied(local=True).endpoint(own) is own


@pytest.mark.parametrize(
    "header",
    [
        PROTOCOL_HEADER + bytes(8),
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP4 2001:db8::1 192.0.2.7 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.8 65536 2\r\n",
        b"PROXY TCP4 " + b"1" * 200,
        v2(0x11, bytes(11)),
        v2(0x11, bytes(12), kind=0x11),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_no_header_ends_the_connection_with_a_line_in_the_log(
    header: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with proxied() as broker, through(broker, header) as sock:
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:  # it had sent more than was read
            pass
        assert broker.connections() == []
    assert "not a header of the PROXY protocol" in caplog.text


def test_a_header_that_does_not_come_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with proxied(limits_handshake_timeout=0.2) as broker, through(broker, FOREIGN_V1[:20]) as sock:
        assert sock.recv(1) == b""
    assert "no header of the PROXY protocol in time" in caplog.text


def test_header_and_login_may_come_octet_by_octet() -> None:
    with proxied(auth_loopback_users=()) as broker, through(broker, b"") as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in FOREIGN_V2:
            sock.sendall(bytes((octet,)))
        log_in(sock)


def test_tls_begins_behind_the_header(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = tmp_path / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with proxied(tls_port=0, tls_certificate=certificate, auth_loopback_users=()) as broker:
        plain = socket.create_connection(("127.0.0.1", broker.tls_port), timeout=20)
        plain.sendall(FOREIGN_V1)
        with context.wrap_socket(plain, server_hostname="localhost") as sock:
            log_in(sock)
            assert [each.name for each in broker.connections()] == ["192.0.2.7:40000 -> 198.51.100.1:5672"]


@given(st.binary(max_size=120))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    try:
        version_1(b"PROXY " + line + b"\r\n")
    except Malformed:
        return


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=300))
def test_any_octets_are_read_or_refused(kind: int, family: int, rest: bytes) -> None:
    try:
        version_2(kind, family, rest)
    except Malformed:
        return


# -- HTTP -------------------------------------------------------------------------------------------------------------


WHOAMI = (
    b"GET /api/whoami HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    b"authorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n"
)


@pytest.fixture(scope="module")
def http() -> Iterator[tuple[str, int]]:
    with amqpd.run_in_thread(None, management_port=0, management_proxy_protocol=True) as broker:
        parts = urlsplit(broker.management_url)
        assert parts.hostname is not None
        assert parts.port is not None
        yield parts.hostname, parts.port


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (FOREIGN_V1, b"HTTP/1.1 401 "),
        (FOREIGN_V2, b"HTTP/1.1 401 "),
        (b"PROXY UNKNOWN\r\n", b"HTTP/1.1 401 "),
        (b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 15672\r\n", b"HTTP/1.1 200 "),
        (LOCAL_V2, b"HTTP/1.1 200 "),
        (b"", b""),
    ],
)
def test_over_http_the_client_that_the_proxy_names_is_the_one_that_asks(
    http: tuple[str, int], header: bytes, expected: bytes
) -> None:
    """`guest` may come from this machine alone; what begins without a header gets no answer."""
    with socket.create_connection(http, timeout=20) as sock:
        sock.sendall(header + WHOAMI)
        answer = b""
        with suppress(ConnectionResetError):
            while data := sock.recv(65536):
                answer += data
    assert answer[: len(b"HTTP/1.1 200 ")] == expected


async def test_over_https_the_header_comes_before_the_handshake(tmp_path: Path) -> None:
    authority, file = trustme.CA(), tmp_path / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(file))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    files = {"management_tls_port": 0, "management_tls_certificate": str(file)}
    settings = load(None, {}, {**IN_THREAD, **files, "management_proxy_protocol": True})
    async with app.serve_node(app.make_node(settings), settings) as server:
        plain = await trio.open_tcp_stream(*server.https_addresses[0])
        await plain.send_all(LOCAL_V2)
        async with trio.SSLStream(plain, context, server_hostname="localhost", https_compatible=True) as client:
            await client.send_all(WHOAMI)
            assert (await client.receive_some(13)) == b"HTTP/1.1 200 "
