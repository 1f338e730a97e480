"""A blocking AMQP 0-9-1 connection with one channel on a raw socket.

Decides how a load client talks: one request, one reply, heartbeats off, channel 1 only. The measured loops take
``send``, ``receive`` and ``receive_into`` and do their own counting, from octets on that ``take_buffered`` hands over.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from types import TracebackType
from typing import NoReturn, Self

from amqpd.cli.bench.failures import BenchError, BrokerClosedError, ConnectionLostError
from amqpd.cli.bench.frames import (
    FRAME,
    FRAME_OVERHEAD,
    METHOD,
    METHOD_ID,
    TableValue,
    longstr,
    method,
    shortstr,
    table,
    texts_of_table,
)
from amqpd.cli.bench.url import BrokerUrl

HANDSHAKE_SECONDS = 30.0
FRAME_MAX = 131072
READ_SIZE = 1 << 18
REPLY_SIZE = 1 << 14
"""Octets at most that are read where a reply is expected: room for more is asked of the system anew each time."""
CONSUMER_TAG = "c"
_LAST_WORDS_SECONDS = 5.0
_CLOSE_OK = method(0, 10, 51)

# Features the client claims; with authentication_failure_close a refused login is answered instead of silently dropped.
_CAPABILITIES = ("publisher_confirms", "basic.nack", "consumer_cancel_notify", "authentication_failure_close")
_CLIENT_PROPERTIES: Mapping[str, TableValue] = {
    "product": "amqpd bench",
    "capabilities": dict.fromkeys(_CAPABILITIES, True),
}


def raise_if_closing(payload: bytes) -> None:
    """Raise BrokerClosedError at connection.close and channel.close, BenchError at basic.cancel; else do nothing."""
    ids = METHOD_ID.unpack_from(payload)
    if ids in ((10, 50), (20, 40)):
        code = int.from_bytes(payload[4:6], "big")
        text = payload[7 : 7 + payload[6]].decode(errors="replace")
        raise BrokerClosedError("connection" if ids[0] == 10 else "channel", code, text)
    if ids == (60, 30):
        raise BenchError("the broker cancelled the consumer; was its queue deleted?")


@cache
def _product(start: bytes) -> str:
    """Name and version of a broker, from its connection.start: all its connections begin with the same one."""
    properties = texts_of_table(start[6 : 6 + int.from_bytes(start[2:6], "big")])
    return f"{properties.get('product', 'unknown')} {properties.get('version', '')}".strip()


@cache
def _login(user: str, password: str) -> bytes:
    response = b"\x00" + user.encode() + b"\x00" + password.encode()
    return method(0, 10, 11, table(_CLIENT_PROPERTIES) + shortstr("PLAIN") + longstr(response) + shortstr("en_US"))


class Connection:
    """An open connection with an open channel 1; a close of either by the broker ends both.

    `patience` is how long (seconds) one reply may take; None waits for ever, which costs no extra system call per read.
    Until it is open, that is `handshake_seconds`.
    Raises ConnectionLostError if the broker cannot be reached, BrokerClosedError if it refuses the login or the vhost.
    """

    def __init__(
        self, url: BrokerUrl, patience: float | None = None, handshake_seconds: float = HANDSHAKE_SECONDS
    ) -> None:
        self.url = url
        self._buffer = b""
        self._socket = _connect(url, handshake_seconds)
        self.frame_max = FRAME_MAX
        self.product = ""
        try:
            self._handshake(url)
            self._call(20, 10, shortstr(""), 11)
            self._socket.settimeout(patience)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _handshake(self, url: BrokerUrl) -> None:
        self._socket.sendall(b"AMQP\x00\x00\x09\x01")
        self.product = _product(self._expect(10, 10))
        self.send(_login(url.user, url.password))
        channel_max, frame_max, _ = struct.unpack_from(">HIH", self._expect(10, 30))
        self.frame_max = min(frame_max or FRAME_MAX, FRAME_MAX)
        self.send(
            method(0, 10, 31, struct.pack(">HIH", channel_max, self.frame_max, 0))
            + method(0, 10, 40, shortstr(url.vhost) + shortstr("") + b"\x00")
        )
        self._expect(10, 41)

    # Octets

    def send(self, octets: bytes | memoryview) -> None:
        """Send all octets; if the broker hung up, raise what it said before it did."""
        try:
            self._socket.sendall(octets)
        except TimeoutError:
            raise BenchError(f"{self.url} takes no more octets; is it out of memory or disk?") from None
        except OSError as error:
            self._raise_last_words(error)

    def receive(self) -> bytes:
        """Return the next octets, at most REPLY_SIZE; raises ConnectionLostError at the end of the stream."""
        try:
            octets = self._socket.recv(REPLY_SIZE)
        except OSError as error:
            raise self._lost(error) from None
        if not octets:
            raise self._lost(None)
        return octets

    def receive_into(self, space: memoryview) -> int:
        """Receive into `space` and return how many octets came; raises ConnectionLostError at the end of the stream."""
        try:
            count = self._socket.recv_into(space)
        except OSError as error:
            raise self._lost(error) from None
        if not count:
            raise self._lost(None)
        return count

    def fileno(self) -> int:
        """Return the socket's number, for a selector."""
        return self._socket.fileno()

    def never_wait(self) -> None:
        """From here on ``send_some`` and ``receive_some`` return at once, whatever they could do."""
        self._socket.setblocking(False)

    def send_some(self, octets: bytes | memoryview) -> int:
        """Send what fits and return how many octets did, 0 if none; raises what the broker said if it hung up."""
        try:
            return self._socket.send(octets)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._socket.settimeout(_LAST_WORDS_SECONDS)
            return self._raise_last_words(error)

    def receive_some(self, space: memoryview) -> int:
        """Receive what is there and return how many octets it was; raises ConnectionLostError at the end."""
        try:
            count = self._socket.recv_into(space)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._lost(error) from None
        if not count:
            raise self._lost(None)
        return count

    def take_buffered(self) -> bytes:
        """Hand over what was received beyond the last reply."""
        octets, self._buffer = self._buffer, b""
        return octets

    def _lost(self, error: OSError | None) -> ConnectionLostError:
        if isinstance(error, TimeoutError):
            return ConnectionLostError(f"{self.url} did not answer in time")
        reason = error or "end of stream"
        return ConnectionLostError(f"{self.url} ended the connection without a close method ({reason})")

    def _raise_last_words(self, error: OSError) -> NoReturn:
        with suppress(ConnectionLostError):
            while True:
                kind, payload = self._read_frame()
                if kind == METHOD:
                    self._heed(payload)
        raise self._lost(error)

    # Frames and methods

    def _read_frame(self) -> tuple[int, bytes]:
        while True:
            if len(self._buffer) >= FRAME.size:
                kind, _, size = FRAME.unpack_from(self._buffer)
                end = size + FRAME_OVERHEAD
                if len(self._buffer) >= end:
                    payload, self._buffer = self._buffer[7 : end - 1], self._buffer[end:]
                    return kind, payload
            self._buffer += self.receive()

    def _expect(self, class_id: int, method_id: int) -> bytes:
        while True:
            kind, payload = self._read_frame()
            if kind != METHOD:
                continue
            if METHOD_ID.unpack_from(payload) == (class_id, method_id):
                return payload[4:]
            self._heed(payload)

    def _heed(self, payload: bytes) -> None:
        try:
            raise_if_closing(payload)
        except BrokerClosedError as error:
            # Nothing sent from here on would be answered: end the connection, so that later calls fail at once.
            if error.closed == "connection":
                with suppress(OSError):
                    self._socket.sendall(_CLOSE_OK)
                self._socket.close()
            else:
                self.close()
            raise

    def _call(self, class_id: int, method_id: int, arguments: bytes, reply: int) -> bytes:
        self.send(method(1, class_id, method_id, arguments))
        return self._expect(class_id, reply)

    def declare_queue(
        self,
        name: str,
        *,
        durable: bool = False,
        passive: bool = False,
        arguments: Mapping[str, TableValue] | None = None,
    ) -> int:
        """Declare a queue and return how many ready messages it holds."""
        bits = passive | durable << 1
        reply = self._call(50, 10, b"\x00\x00" + shortstr(name) + bytes([bits]) + table(arguments or {}), 11)
        return int.from_bytes(reply[1 + reply[0] : 5 + reply[0]], "big")

    def delete_queue(self, name: str) -> None:
        """Delete a queue with all it holds."""
        self._call(50, 40, b"\x00\x00" + shortstr(name) + b"\x00", 41)

    def declare_exchange(self, name: str, kind: str, *, durable: bool = False) -> None:
        """Declare an exchange."""
        self._call(40, 10, b"\x00\x00" + shortstr(name) + shortstr(kind) + bytes([durable << 1]) + table({}), 11)

    def delete_exchange(self, name: str) -> None:
        """Delete an exchange."""
        self._call(40, 20, b"\x00\x00" + shortstr(name) + b"\x00", 21)

    def bind(
        self, queue: str, exchange: str, key: str, arguments: Mapping[str, TableValue] | None = None
    ) -> None:
        """Bind a queue to an exchange."""
        names = shortstr(queue) + shortstr(exchange) + shortstr(key)
        self._call(50, 20, b"\x00\x00" + names + b"\x00" + table(arguments or {}), 21)

    def unbind(self, queue: str, exchange: str, key: str) -> None:
        """Remove a binding without arguments."""
        names = shortstr(queue) + shortstr(exchange) + shortstr(key)
        self._call(50, 50, b"\x00\x00" + names + table({}), 51)

    def open_channel(self, number: int) -> None:
        """Open one more channel; channel 1 is open from the start."""
        self.send(method(number, 20, 10, shortstr("")))
        self._expect(20, 11)

    def close_channel(self, number: int) -> None:
        """Close a channel."""
        self.send(method(number, 20, 40, struct.pack(">H", 200) + shortstr("") + b"\x00\x00\x00\x00"))
        self._expect(20, 41)

    def prefetch(self, count: int) -> None:
        """Set the prefetch count. Also a cheap round trip: its reply says that everything sent before was read."""
        self._call(60, 10, struct.pack(">IHB", 0, count, 0), 11)

    def select_confirms(self) -> None:
        """Turn on publisher confirms."""
        self._call(85, 10, b"\x00", 11)

    def consume(
        self,
        queue: str,
        *,
        no_ack: bool,
        tag: str = CONSUMER_TAG,
        arguments: Mapping[str, TableValue] | None = None,
    ) -> None:
        """Start a consumer; deliveries can be counted by their length if it is the only one."""
        bits = bytes([no_ack << 1])
        names = shortstr(queue) + shortstr(tag)
        self._call(60, 20, b"\x00\x00" + names + bits + table(arguments or {}), 21)

    def cancel(self, tag: str = CONSUMER_TAG) -> None:
        """End a consumer."""
        self._call(60, 30, shortstr(tag) + b"\x00", 31)

    def begin_close(self) -> None:
        """Ask for the end of the connection without waiting for the answer."""
        with suppress(OSError):
            self._socket.settimeout(_LAST_WORDS_SECONDS)
            self._socket.sendall(method(0, 10, 50, struct.pack(">H", 200) + shortstr("") + b"\x00\x00\x00\x00"))

    def finish_close(self) -> None:
        """Wait for close-ok, at most five seconds, then close the socket; a broker that is already gone is no error.

        Deliveries may be on their way, many of them; close-ok is the last that comes.
        """
        with suppress(OSError, BenchError):
            self._socket.settimeout(_LAST_WORDS_SECONDS)
            last = self._buffer
            while not last.endswith(_CLOSE_OK):
                last = last[-len(_CLOSE_OK) :] + self.receive()
        self._socket.close()

    def close(self) -> None:
        """Close the connection politely."""
        self.begin_close()
        self.finish_close()


def _connect(url: BrokerUrl, seconds: float) -> socket.socket:
    try:
        opened = socket.create_connection((url.host, url.port), timeout=seconds)
    except OSError as error:
        raise ConnectionLostError(f"cannot connect to {url.host}:{url.port}: {error.strerror or error}") from None
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _within_tls(opened, url) if url.tls else opened


def _within_tls(opened: socket.socket, url: BrokerUrl) -> ssl.SSLSocket:
    """Over TLS, with a broker whose certificate is for this host. Authorities are the system's, or in SSL_CERT_FILE."""
    try:
        return ssl.create_default_context().wrap_socket(opened, server_hostname=url.host)
    except OSError as error:
        opened.close()
        where = f"{url.host}:{url.port}"
        if isinstance(error, ssl.SSLCertVerificationError):
            hint = "the file of another authority goes into the environment variable SSL_CERT_FILE"
            raise ConnectionLostError(f"{where} is not trusted: {error.verify_message}; {hint}") from None
        raise ConnectionLostError(f"cannot speak TLS with {where}: {reason_of(error)}") from None


def reason_of(error: OSError) -> str:
    """Why TLS failed, in words where OpenSSL has none for people."""
    if getattr(error, "reason", None) == "WRONG_VERSION_NUMBER":
        return "what listens there does not speak TLS"
    return str(error.strerror or error)
