"""`amqpd ping`: exit status and one line, whatever listens there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

import amqpd
from amqpd.cli.main import main
from amqpd.testing.broker import EmbeddedBroker


def ping(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["ping", *arguments])


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with amqpd.run_in_thread() as made:
        yield made


@contextmanager
def listening(converse: Callable[[socket.socket], None]) -> Iterator[int]:
    """Something else that listens, for one client."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            sock, _ = server.accept()
            with sock:
                converse(sock)

        thread = Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_a_broker_that_greets_is_there_and_no_password_is_needed(broker: EmbeddedBroker) -> None:
    result = ping("--port", str(broker.port))
    assert (result.exit_code, result.output) == (0, f"127.0.0.1:{broker.port} answers: RabbitMQ 4.2.9\n")


def test_with_a_url_a_user_is_let_in(broker: EmbeddedBroker) -> None:
    result = ping(broker.url)
    assert result.exit_code == 0
    assert f"127.0.0.1:{broker.port}/%2F lets guest in: RabbitMQ 4.2.9" in result.output


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("guest:guest@", "guest:wrong@"), "403 ACCESS_REFUSED - Login was refused"),
        (("/%2F", "/nowhere"), "530 NOT_ALLOWED - vhost nowhere not found"),
        (("amqp://", "http://"), "is not an amqp:// URL"),
    ],
)
def test_a_refusal_is_one_line_and_status_1(broker: EmbeddedBroker, change: tuple[str, str], text: str) -> None:
    result = ping(broker.url.replace(*change))
    assert result.exit_code == 1
    assert text in result.output
    assert result.output.count("\n") == 1


def test_nobody_there_is_one_line_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    result = ping("--port", str(port))
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: 127.0.0.1:{port} cannot be reached: ")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"AMQP\x00\x01\x00\x00", "got b'AMQP"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "got b'HTTP/1.1 400"),
        (b"", "got nothing"),
        (b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x1e\xce", "expected connection.start"),
        (b"\x01\x00\x00\xff\xff\xff\xff" + b"x" * 70_000, "expected connection.start"),
    ],
)
def test_whoever_is_no_broker_is_told_apart(said: bytes, shown: str) -> None:
    def converse(sock: socket.socket) -> None:
        sock.recv(64)
        sock.sendall(said)

    with listening(converse) as port:
        result = ping("--port", str(port))
    assert result.exit_code == 1
    assert shown in result.output


def test_silence_ends_after_the_timeout() -> None:
    def converse(sock: socket.socket) -> None:
        while sock.recv(64):
            pass

    with listening(converse) as port:
        result = ping("--port", str(port), "--timeout", "0.05")
    assert result.exit_code == 1
    assert f"127.0.0.1:{port} does not answer within 0.05 s" in result.output


def test_a_greeting_over_tls_comes_whatever_the_certificate_says(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    with amqpd.run_in_thread(tls_port=0, tls_certificate=tmp_path / "server.pem") as broker:
        result = ping("--tls", "--port", str(broker.tls_port))
    assert (result.exit_code, "answers: RabbitMQ" in result.output) == (0, True)


def test_a_url_may_ask_for_tls_with_a_certificate_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with amqpd.run_in_thread(tls_port=0, tls_certificate=tmp_path / "server.pem") as broker:
        url = f"amqps://guest:guest@localhost:{broker.tls_port}"
        stranger = ping(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        friend, plain = ping(url), ping(url.replace(str(broker.tls_port), str(broker.port)))
        without = ping("--port", str(broker.tls_port))
        over_plain = ping("--tls", "--port", str(broker.port))
    assert (stranger.exit_code, "is not trusted: " in stranger.output) == (1, True)
    assert "SSL_CERT_FILE" in stranger.output
    assert (friend.exit_code, "lets guest in" in friend.output) == (0, True)
    assert "what listens there does not speak TLS" in plain.output
    assert "got nothing (where it speaks TLS: --tls)" in without.output
    assert "what listens there does not speak TLS" in over_plain.output
