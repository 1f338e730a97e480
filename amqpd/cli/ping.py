"""`amqpd ping`: whether a broker answers, for health checks and scripts. Exit status 0, or 1 and a line that says why.

Without a URL the answer is connection.start: a broker that greets clients, without any password. With one, a client
logs in, enters the virtual host and leaves again.
"""

from __future__ import annotations

import socket
import ssl
from typing import Final

import click

from amqpd.cli.bench.client import Connection, reason_of
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.frames import texts_of_table
from amqpd.cli.bench.url import parse_url

PROTOCOL_HEADER: Final = b"AMQP\x00\x00\x09\x01"
START: Final = b"\x00\x0a\x00\x0a"
"""Class and method of connection.start."""
MOST: Final = 65_536
"""Octets that a greeting has at most."""


class NoAnswer(Exception):
    """What listens there, if anything does, is no AMQP broker that greets clients; the text says what happened."""


@click.command()
@click.argument("url", required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the broker listens.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="5672, or 5671 with --tls.")
@click.option("--tls", is_flag=True, help="Greet over TLS, whatever the certificate says.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True, help="Seconds for an answer."
)
def ping(url: str | None, host: str, port: int | None, tls: bool, timeout: float) -> None:
    """Ask whether a broker answers; with a URL (amqp://user:password@host:port/vhost, or amqps for TLS, with a
    certificate that is trusted), whether it lets that user in.
    """
    try:
        if url is not None:
            found = parse_url(url)
            with Connection(found, timeout, timeout) as connection:
                click.echo(f"{found} lets {found.user} in: {connection.product}")
            return
        port = port or (5671 if tls else 5672)
        click.echo(f"{_shown(host)}:{port} answers: {greeting(host, port, timeout, tls=tls)}")
    except (ValueError, BenchError, NoAnswer) as error:
        raise click.ClickException(str(error)) from error


def greeting(host: str, port: int, timeout: float, *, tls: bool = False) -> str:
    """What a broker calls itself in connection.start: product and version. Raises NoAnswer."""
    where = f"{_shown(host)}:{port}"
    try:
        with socket.create_connection((host, port), timeout) as sock:
            if not tls:
                return _greeting(sock, where)
            # Whether it answers is what is asked, and nothing is said to it that others may not hear.
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(sock, server_hostname=host) as secure:
                return _greeting(secure, where)
    except TimeoutError:
        raise NoAnswer(f"{where} does not answer within {timeout:g} s") from None
    except OSError as error:
        raise NoAnswer(f"{where} cannot be reached: {reason_of(error)}") from error


def _greeting(sock: socket.socket, where: str) -> str:
    sock.sendall(PROTOCOL_HEADER)
    octets = b""
    while len(octets) < 7 or len(octets) < 8 + int.from_bytes(octets[3:7], "big"):
        data = sock.recv(MOST)
        octets += data
        if not data or len(octets) > MOST or (len(octets) >= 7 and not octets.startswith(b"\x01\x00\x00")):
            said = repr(octets[:32]) if octets else "nothing (where it speaks TLS: --tls)"
            raise NoAnswer(f"{where} is no AMQP 0-9-1 broker: expected connection.start, got {said}")
    payload = octets[7:]
    if payload[:4] != START:
        raise NoAnswer(f"{where} is no AMQP 0-9-1 broker: expected connection.start, got {octets[:32]!r}")
    properties = texts_of_table(payload[10 : 10 + int.from_bytes(payload[6:10], "big")])
    return f"{properties.get('product', 'unknown')} {properties.get('version', '')}".strip()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
