"""TLS over memory BIOs, on the same route as plain sockets: the same turns, the same flush, the same backpressure."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs
import trio

from amqpd.broker.authentication.failures import place
from amqpd.config import ConfigError, Tls
from amqpd.config.errors import bad_value
from amqpd.log import get_logger
from amqpd.protocol.connection import Connection
from amqpd.protocol.endpoint import Endpoint
from amqpd.protocol.node import CertificateLogin
from amqpd.server.certificate_names import name_in
from amqpd.server.connection import RECEIVE, Unwelcome, run
from amqpd.server.pem import lacking
from amqpd.server.transport import SocketTransport

if TYPE_CHECKING:
    from amqpd.server.server import Server

log = get_logger(__name__)

CHUNK: Final = 64 * 1024
"""Octets that are encrypted in one go: a full socket leaves at most this much encrypted and unsent."""


HINTS: Final = {
    "WRONG_VERSION_NUMBER": "the client does not begin with TLS: plain AMQP is for `port`",
    "HTTP_REQUEST": "plain HTTP: the management API is on `management.port`",
    "TLSV1_ALERT_UNKNOWN_CA": "the client does not trust who issued `tls.certificate`",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the client does not take `tls.certificate`",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the client does not take `tls.certificate`",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "`tls.certificate` has expired, as the client's clock has it",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the client shows no certificate, which `tls.verify_peer` asks for",
    "CERTIFICATE_VERIFY_FAILED": "nobody in `tls.ca` has issued the client's certificate, or it is not valid now",
}
"""What OpenSSL's reasons mean to who reads the log."""


def context(settings: Tls, section: str = "tls") -> ssl.SSLContext:
    """A server's TLS context. Raises ConfigError for files that can't be loaded; `section` is where they are set."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Connections last, so resuming one saves nothing; and blocking clients stop at octets that hold tickets alone.
    made.num_tickets = 0
    made.minimum_version = ssl.TLSVersion.TLSv1_3 if settings.minimum_version == "1.3" else ssl.TLSVersion.TLSv1_2
    # A client that asks for new keys again and again would have the server compute for it (TLS 1.2 allows it).
    made.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        made.set_ciphers(settings.ciphers)
    except ssl.SSLError as error:
        allowed = "a list of cipher suites as `openssl ciphers` takes it"
        raise bad_value("tls.ciphers", settings.ciphers, allowed) from error
    assert settings.certificate is not None
    try:
        # An empty passphrase: a key that needs one is refused, and nobody is asked for it on a terminal.
        made.load_cert_chain(settings.certificate, settings.key, password="")
    except OSError as error:
        key = settings.key or settings.certificate
        files = f"certificate {settings.certificate} with key {key}"
        raise _unusable(f"{section}.certificate", files, error, lacking(settings.certificate, key)) from error
    if settings.ca is not None:
        try:
            made.load_verify_locations(settings.ca)
        except OSError as error:
            raise _unusable(f"{section}.ca", f"authorities {settings.ca}", error, lacking(settings.ca)) from error
        made.verify_mode = ssl.CERT_REQUIRED if settings.verify_peer else ssl.CERT_OPTIONAL
    return made


def _unusable(key: str, what: str, error: OSError, lacking: str | None) -> ConfigError:
    problem = f"cannot load {what}: {lacking or error.strerror or error}"
    return ConfigError(problem, key=key, allowed="readable PEM files that belong together")


class TlsTransport(SocketTransport):
    """Encrypts what goes out and decrypts what comes in."""

    __slots__ = ("_encrypted", "_ended", "_incoming", "_outgoing", "_tls")

    def __init__(
        self,
        sock: socket.socket,
        connection: Connection,
        nursery: trio.Nursery,
        on_sent: Callable[[], object],
        tls: ssl.SSLContext,
    ) -> None:
        super().__init__(sock, connection, nursery, on_sent)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._encrypted = b""
        self._ended = False
        """The peer has said that nothing more comes."""

    @property
    def pending(self) -> bool:
        return bool(self._encrypted)

    def send_some(self, data: bytes | memoryview) -> int:
        self._push()
        if self._encrypted:
            raise BlockingIOError
        view, taken = memoryview(data), 0
        while taken < len(data) and not self._encrypted:
            taken += self._tls.write(view[taken : taken + CHUNK])
            self._encrypted = self._outgoing.read()
            self._push()
        return taken

    def receive(self, buffer: memoryview) -> bytes | None:
        """Decrypted bytes; empty at the end, None if a whole record isn't there yet."""
        if self._ended:
            return b""
        try:
            count = self.sock.recv_into(buffer)
        except BlockingIOError:
            return None
        if not count:
            return b""
        self._incoming.write(buffer[:count])
        data = self.decrypted()
        return None if not data and not self._ended else data

    def decrypted(self) -> bytes:
        """What the octets received so far decrypt to. Raises ssl.SSLError if they are no TLS."""
        pieces: list[bytes] = []
        try:
            while piece := self._tls.read(RECEIVE):
                pieces.append(piece)
            self._ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._ended = True
        self._encrypted += self._outgoing.read()
        self._push()
        return b"".join(pieces)

    def say_end(self) -> None:
        with suppress(ssl.SSLWantReadError):  # the close_notify is written; the peer's own isn't waited for
            self._tls.unwrap()
        self._encrypted += self._outgoing.read()
        self._push()

    async def handshake(self, server: Server, place: str) -> None:
        """Agree on keys. Raises ssl.SSLError, or OSError if the peer goes away or too many wait."""
        while True:
            await self._arrived(server)
            try:
                await server.handshakes.compute(place, self._tls.do_handshake)
                done = True
            except ssl.SSLWantReadError:
                done = False
            except ssl.SSLError:
                self._encrypted += self._outgoing.read()
                self._push()  # the alert that says why
                raise
            self._encrypted += self._outgoing.read()
            while self._encrypted:
                self._push()
                if self._encrypted:
                    await trio.lowlevel.wait_writable(self.sock)
            if done:
                return

    async def _arrived(self, server: Server) -> None:
        """Take what the peer says next. Raises OSError if it goes away."""
        while True:
            await trio.lowlevel.wait_readable(self.sock)
            await server.turnstile.enter()
            try:
                data = self.sock.recv(RECEIVE)
            except BlockingIOError:
                continue
            if not data:
                raise ConnectionResetError("the peer closed during the TLS handshake")
            self._incoming.write(data)
            return

    def certificate_name(self, login: CertificateLogin) -> tuple[bool, str]:
        """Whether the peer showed a certificate, and the user that it names."""
        certificate = self._tls.getpeercert()
        if not certificate:
            return False, ""
        return True, name_in(certificate, login)

    def _push(self) -> None:
        if self._encrypted:
            try:
                self._encrypted = self._encrypted[self.sock.send(self._encrypted) :]
            except BlockingIOError:
                return


async def serve_tls(server: Server, sock: socket.socket, endpoint: Endpoint) -> None:
    """Serve one accepted TLS socket; the handshake counts against the same deadline as the login."""
    assert server.tls is not None
    connection = Connection(server.node, endpoint)
    transport = TlsTransport(sock, connection, server.nursery, server.end_turn, server.tls)

    async def begin() -> None:
        try:
            await transport.handshake(server, place(endpoint.peer_host))
        except ssl.SSLError as error:
            reason = error.reason or str(error)
            hints = {"hint": HINTS[reason]} if reason in HINTS else {}
            log.warning("TLS handshake failed", connection=connection.name, reason=reason, **hints)
            raise Unwelcome(reason) from error
        has, name = transport.certificate_name(server.node.settings.certificate_login)
        connection.endpoint = attrs.evolve(endpoint, has_certificate=has, certificate_name=name)
        # The client's first bytes may have come along with the end of the handshake.
        connection.receive_data(transport.decrypted())
        connection.resume()
        server.end_turn()

    await run(server, connection, transport, lambda: transport.receive(server.receive_buffer), begin)
