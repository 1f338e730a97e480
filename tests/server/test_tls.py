"""TLS: the same broker behind it, and handshakes that fail without harm. Certificates are made by `openssl`."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pika
import pytest

import amqpd
from amqpd.config import ConfigError
from amqpd.testing.broker import EmbeddedBroker
from conformance.frames import PROTOCOL_HEADER

WaitUntil = Callable[[Callable[[], bool]], None]

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command")

BIG = bytes(range(256)) * 4 * 16 * 1024
"""16 MiB."""


EXTENSIONS = """
[req]
distinguished_name = names
[names]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[client]
subjectAltName = DNS:first.example, DNS:erin, email:erin@example.org, URI:spiffe://example.org/erin
authorityKeyIdentifier = keyid
[leaf]
subjectAltName = DNS:localhost, IP:127.0.0.1
authorityKeyIdentifier = keyid
"""
"""What RFC 5280 demands: from Python 3.13 on, a default context checks it (`ssl.VERIFY_X509_STRICT`)."""


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "ca.pem"
        (folder / "openssl.cnf").write_text(EXTENSIONS)
        new = ("-config", "openssl.cnf", "-extensions", "ca", "-subj", "/CN=ca")
        self._run("req", "-x509", *self._new_key("ca"), *new, "-out", "ca.pem")

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    @staticmethod
    def _new_key(name: str) -> tuple[str, ...]:
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")

    def issue(self, name: str, subject: str, extensions: str = "leaf") -> tuple[Path, Path]:
        """A certificate and its key."""
        new = ("-config", "openssl.cnf", "-subj", subject)
        self._run("req", *self._new_key(name), *new, "-out", f"{name}.csr")
        ca: tuple[str, ...] = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
        ca += ("-extfile", "openssl.cnf", "-extensions", extensions)
        self._run("x509", "-req", "-in", f"{name}.csr", *ca, "-out", f"{name}.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def settings(authority: Authority) -> dict[str, object]:
    certificate, key = authority.issue("server", "/CN=localhost")
    return {
        "tls_port": 0,
        "tls_certificate": certificate,
        "tls_key": key,
        "tls_ca": authority.path,
        "limits_handshake_timeout": 2.0,
        "memory_outbox_high_water": 65536,
        "memory_outbox_low_water": 16384,
    }


@pytest.fixture(scope="module")
def broker(settings: dict[str, object]) -> Iterator[EmbeddedBroker]:
    with amqpd.run_in_thread(None, **settings) as made:  # type: ignore[arg-type]  # settings are checked as they are loaded
        yield made


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.path))


def parameters(broker: EmbeddedBroker, context: ssl.SSLContext, **more: object) -> pika.ConnectionParameters:
    return pika.ConnectionParameters("127.0.0.1", broker.tls_port, ssl_options=pika.SSLOptions(context), **more)


def with_certificate(authority: Authority, name: str, subject: str, extensions: str = "leaf") -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(authority.path))
    made.load_cert_chain(*authority.issue(name, subject, extensions))
    return made


def test_bodies_of_many_records_arrive_whole_in_both_directions(
    broker: EmbeddedBroker, context: ssl.SSLContext
) -> None:
    with pika.BlockingConnection(parameters(broker, context)) as connection:
        channel = connection.channel()
        channel.queue_declare("whole", exclusive=True)
        channel.confirm_delivery()
        for body in (b"", b"x", BIG):
            channel.basic_publish("", "whole", body)
            assert channel.basic_get("whole", auto_ack=True)[2] == body


def test_many_messages_pass_both_ways_over_tls(broker: EmbeddedBroker, context: ssl.SSLContext) -> None:
    with pika.BlockingConnection(parameters(broker, context)) as connection:
        channel = connection.channel()
        channel.queue_declare("many", exclusive=True)
        for number in range(5000):
            channel.basic_publish("", "many", str(number).encode())
        bodies = []
        for _, _, body in channel.consume("many", auto_ack=True):
            bodies.append(int(body))
            if len(bodies) == 5000:
                break
        assert bodies == list(range(5000))
        channel.cancel()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_first_bytes_may_come_with_the_end_of_the_handshake(
    broker: EmbeddedBroker, authority: Authority, version: ssl.TLSVersion
) -> None:
    """The client's last flight and its protocol header are one packet."""
    context = ssl.create_default_context(cafile=str(authority.path))
    context.minimum_version = context.maximum_version = version
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", broker.tls_port)) as sock:
        finished = False
        while not finished:
            try:
                tls.do_handshake()
                finished = True
                tls.write(PROTOCOL_HEADER)
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        sock.sendall(outgoing.read())
        received = b""
        while not received:
            incoming.write(sock.recv(65536))
            try:
                received = tls.read(65536)
            except ssl.SSLWantReadError:
                continue
        assert received.startswith(b"\x01\x00\x00")  # connection.start, a method frame on channel 0


def test_a_slow_consumer_over_tls_holds_back_itself_alone(
    broker: EmbeddedBroker, context: ssl.SSLContext, wait_until: WaitUntil
) -> None:
    body = bytes(64 * 1024)
    with (
        pika.BlockingConnection(parameters(broker, context)) as slow,
        pika.BlockingConnection(parameters(broker, context)) as publisher,
    ):
        consumer, channel = slow.channel(), publisher.channel()
        for queue in ("slow", "other"):
            channel.queue_declare(queue)
            channel.queue_bind(queue, "amq.fanout")
        got = []
        consumer.basic_consume("slow", lambda *delivery: got.append(delivery[3]), auto_ack=True)
        for number in range(300):
            channel.basic_publish("amq.fanout", "", number.to_bytes(2) + body)
        channel.queue_declare("other", passive=True)
        assert broker.queue("other").messages_ready == 300
        assert broker.queue("slow").messages_ready > 0
        while len(got) < 300:
            slow.process_data_events(1)
        assert [int.from_bytes(each[:2]) for each in got] == list(range(300))
        for queue in ("slow", "other"):
            channel.queue_delete(queue)


def test_a_client_certificate_logs_in_as_its_subject_with_external(
    authority: Authority, settings: dict[str, object]
) -> None:
    with amqpd.run_in_thread(
        None,
        **settings,  # type: ignore[arg-type]  # settings are checked as they are loaded
        tls_verify_peer=True,
        auth_mechanisms=("EXTERNAL",),
        auth_ssl_cert_login_from="common_name",
        default_user="alice",
    ) as broker:
        alice = with_certificate(authority, "alice", "/O=test/CN=alice")
        external = pika.credentials.ExternalCredentials()
        with pika.BlockingConnection(parameters(broker, alice, credentials=external)) as connection:
            assert connection.is_open
            assert [each.user for each in broker.connections()] == ["alice"]
        stranger = with_certificate(authority, "bob", "/O=test/CN=bob")
        with pytest.raises(pika.exceptions.AMQPConnectionError):
            pika.BlockingConnection(parameters(broker, stranger, credentials=external))


def test_a_distinguished_name_is_the_user_by_default(authority: Authority, settings: dict[str, object]) -> None:
    with amqpd.run_in_thread(
        None,
        **settings,  # type: ignore[arg-type]  # settings are checked as they are loaded
        auth_mechanisms=("EXTERNAL",),
        default_user="CN=carol,OU=unit,O=test",
    ) as broker:
        carol = with_certificate(authority, "carol", "/O=test/OU=unit/CN=carol")
        external = pika.credentials.ExternalCredentials()
        with pika.BlockingConnection(parameters(broker, carol, credentials=external)) as connection:
            assert connection.is_open


@pytest.mark.parametrize(
    ("kind", "index", "user"),
    [("dns", 1, "erin"), ("email", 0, "erin@example.org"), ("uri", 0, "spiffe://example.org/erin"), ("ip", 0, None)],
)
def test_a_subject_alternative_name_is_the_user_where_that_is_set(
    authority: Authority, settings: dict[str, object], kind: str, index: int, user: str | None
) -> None:
    with amqpd.run_in_thread(
        None,
        **settings,  # type: ignore[arg-type]  # settings are checked as they are loaded
        auth_mechanisms=("EXTERNAL",),
        auth_ssl_cert_login_from="subject_alternative_name",
        auth_ssl_cert_login_san_type=kind,
        auth_ssl_cert_login_san_index=index,
        default_user=user or "CN=erin",
    ) as broker:
        erin = with_certificate(authority, "erin", "/CN=erin", "client")
        external = pika.credentials.ExternalCredentials()
        try:
            with pika.BlockingConnection(parameters(broker, erin, credentials=external)):
                assert [each.user for each in broker.connections()] == [user]
        except pika.exceptions.AMQPConnectionError:
            assert user is None


@pytest.mark.parametrize("ciphers", ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA256"])
def test_suites_without_forward_secrecy_or_with_cbc_are_not_spoken(
    broker: EmbeddedBroker, authority: Authority, ciphers: str
) -> None:
    context = ssl.create_default_context(cafile=str(authority.path))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    with (
        socket.create_connection(("127.0.0.1", broker.tls_port)) as sock,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(sock, server_hostname="localhost")


def test_versions_before_1_2_are_not_spoken(broker: EmbeddedBroker, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.path))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", broker.tls_port)) as sock,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(sock, server_hostname="localhost")


def test_ciphers_that_are_none_are_named(authority: Authority) -> None:
    certificate, key = authority.issue("other", "/CN=other")
    with (
        pytest.raises(ConfigError, match=r"tls\.ciphers.*'ROT13'"),
        amqpd.run_in_thread(tls_port=0, tls_certificate=certificate, tls_key=key, tls_ciphers="ROT13"),
    ):
        pass


def test_a_client_without_a_certificate_is_refused_where_one_is_required(
    settings: dict[str, object], context: ssl.SSLContext
) -> None:
    with amqpd.run_in_thread(None, **settings, tls_verify_peer=True) as broker:  # type: ignore[arg-type]  # as above
        with pytest.raises(pika.exceptions.AMQPConnectionError):
            pika.BlockingConnection(parameters(broker, context))
        assert broker.connections() == []


def test_a_plain_client_on_the_tls_port_is_refused(broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "amqpd")
    with socket.create_connection(("127.0.0.1", broker.tls_port)) as sock:
        sock.sendall(PROTOCOL_HEADER + bytes(64))
        answer = b""
        while data := sock.recv(4096):
            answer += data
    assert not answer.startswith(b"AMQP")
    assert "TLS handshake failed" in caplog.text
    assert "plain AMQP is for `port`" in caplog.text
    assert "connection lost" not in caplog.text  # one line is enough


def test_a_tls_client_on_the_plain_port_is_refused(broker: EmbeddedBroker, context: ssl.SSLContext) -> None:
    with socket.create_connection(("127.0.0.1", broker.port)) as sock, pytest.raises(ssl.SSLError):
        context.wrap_socket(sock, server_hostname="localhost")


def test_a_handshake_that_does_not_come_is_given_up(settings: dict[str, object]) -> None:
    with (
        amqpd.run_in_thread(None, **{**settings, "limits_handshake_timeout": 0.2}) as broker,  # type: ignore[arg-type]  # as above
        socket.create_connection(("127.0.0.1", broker.tls_port)) as sock,
    ):
        sock.sendall(b"\x16\x03\x01")  # the beginning of a ClientHello
        assert sock.recv(1) == b""
        assert broker.connections() == []


def test_garbage_after_the_handshake_costs_that_connection_alone(
    broker: EmbeddedBroker, context: ssl.SSLContext
) -> None:
    with (
        socket.create_connection(("127.0.0.1", broker.tls_port)) as raw,
        context.wrap_socket(raw.dup(), server_hostname="localhost") as tls,
    ):
        tls.send(PROTOCOL_HEADER)
        assert tls.recv(1) == b"\x01"
        raw.sendall(bytes(100))
        with suppress(OSError):  # an alert or a reset
            while tls.recv(65536):
                pass
    with pika.BlockingConnection(parameters(broker, context)) as connection:
        assert connection.is_open


def test_a_tls_connection_is_closed_with_a_close_notify(broker: EmbeddedBroker, context: ssl.SSLContext) -> None:
    """So that a client that reads to the end doesn't take it for a cut."""
    with context.wrap_socket(
        socket.create_connection(("127.0.0.1", broker.tls_port)),
        server_hostname="localhost",
        suppress_ragged_eofs=False,
    ) as tls:
        tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
        received = b""
        while data := tls.recv(65536):
            received += data
        assert received == PROTOCOL_HEADER


def test_nothing_follows_the_handshake_before_the_client_speaks(
    broker: EmbeddedBroker, context: ssl.SSLContext
) -> None:
    """RabbitMQ sends no session tickets; a client that reads as soon as the socket is readable would wait for more."""
    with (
        socket.create_connection(("127.0.0.1", broker.tls_port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        client.sendall(PROTOCOL_HEADER)
        assert client.recv(7)
        assert client.version() == "TLSv1.3"
        assert client.session is None or not client.session.has_ticket


def test_many_tls_clients_at_once_are_served(broker: EmbeddedBroker, context: ssl.SSLContext) -> None:
    def converse(number: int) -> str:
        with pika.BlockingConnection(parameters(broker, context)) as connection:
            return str(connection.channel().queue_declare(f"t{number}", exclusive=True).method.queue)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(converse, range(24))) == [f"t{number}" for number in range(24)]


def test_a_certificate_that_cannot_be_loaded_is_named(tmp_path: Path, authority: Authority) -> None:
    missing = tmp_path / "missing.pem"
    with (
        pytest.raises(ConfigError, match=r"missing\.pem.*No such file"),
        amqpd.run_in_thread(tls_port=0, tls_certificate=missing),
    ):
        pass
    with (
        pytest.raises(ConfigError, match=r"cannot load certificate .*ca\.pem with key .*ca\.pem"),
        amqpd.run_in_thread(tls_port=0, tls_certificate=authority.path),
    ):
        pass
    with (
        pytest.raises(ConfigError, match=r"there is no private key in .*ca\.pem"),
        amqpd.run_in_thread(tls_port=0, tls_certificate=authority.path),
    ):
        pass
    certificate, key = authority.issue("other", "/CN=other")
    with (
        pytest.raises(ConfigError, match=r"there is no certificate in .*\.key"),
        amqpd.run_in_thread(tls_port=0, tls_certificate=key),
    ):
        pass
    locked = tmp_path / "locked.pem"
    locked.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    with (
        pytest.raises(ConfigError, match=r"wants a passphrase; take it off: `openssl pkey -in .*locked\.pem"),
        amqpd.run_in_thread(tls_port=0, tls_certificate=certificate, tls_key=locked),
    ):
        pass
    with (
        pytest.raises(ConfigError, match=r"cannot load authorities .*\.key: there is no certificate in"),
        amqpd.run_in_thread(tls_port=0, tls_certificate=certificate, tls_key=key, tls_ca=key),
    ):
        pass
    with (
        pytest.raises(ConfigError, match=r"cannot load authorities .*missing\.pem"),
        amqpd.run_in_thread(tls_port=0, tls_certificate=certificate, tls_key=key, tls_ca=missing),
    ):
        pass
