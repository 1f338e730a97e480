"""A blocking AMQP 0-9-1 client that can send anything and sees every frame.

Decide how bytes on one socket become frames and, per channel, methods with their content. Leave what a method means to
the tests. Timeouts are failure bounds only; nothing here waits for time to pass. Events stay in wire order within their
channel.
"""

from __future__ import annotations

import socket
import struct
from collections import defaultdict, deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from conformance.frames import (
    BODY,
    FRAME_END,
    HEADER,
    HEARTBEAT,
    METHOD,
    PROTOCOL_HEADER,
    Frame,
    encode_frame,
    encode_header,
)
from conformance.methods import CONTENT_BEARING, decode_method, encode_method, ids
from conformance.received import ChannelClosed, ConnectionClosed, Content, Dropped, Received, Refusal, compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.channel import Channel
    from conformance.fields import Value

GUEST = b"\0guest\0guest"
CAPABILITIES: dict[str, Value] = {
    "authentication_failure_close": True,
    "basic.nack": True,
    "connection.blocked": True,
    "consumer_cancel_notify": True,
    "exchange_exchange_bindings": True,
    "publisher_confirms": True,
}


class Connection:
    """One TCP connection. It does nothing by itself: `handshake` logs in, `open` does both."""

    def __init__(self, host: str, port: int, timeout: float = 10.0) -> None:
        self._socket = socket.create_connection((host, port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._inbox: dict[int, deque[Received]] = defaultdict(deque)
        self.frame_max = 131072
        self.heartbeats = 0

    # -- bytes and frames

    def send(self, data: bytes) -> None:
        """Send octets as they are. A connection the broker has dropped already is noticed when reading."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def send_frame(self, type: int, channel: int, payload: bytes, end: int = FRAME_END) -> None:
        """Send one frame."""
        self.send(encode_frame(type, channel, payload, end))

    def send_method(self, channel: int, name: str, /, **fields: Any) -> None:
        """Send one method frame."""
        self.send_frame(METHOD, channel, encode_method(name, **fields))

    def read_octets(self, size: int) -> bytes:
        """Return exactly `size` octets; raise Dropped at the end of the stream, TimeoutError after a silence."""
        while len(self._buffer) < size:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self) -> None:
        try:
            data = self._socket.recv(262144)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise Dropped from error
        if not data:
            raise Dropped
        self._buffer += data

    def read_frame(self) -> Frame:
        """Return the next frame, heartbeats included."""
        kind, channel, size = struct.unpack(">BHI", self.read_octets(7))
        payload = self.read_octets(size + 1)
        assert payload[-1] == FRAME_END, f"frame of type {kind} ends with {payload[-1]:#x}"
        return Frame(kind, channel, payload[:-1])

    def read_until_dropped(self) -> bytes:
        """Return all octets that come before the broker ends the TCP connection."""
        try:
            while True:
                self._fill()
        except Dropped:
            data = bytes(self._buffer)
            self._buffer.clear()
            return data

    # -- methods

    def _read_frame_of(self, channel: int, type: int) -> Frame:
        """Return the next frame, which must continue a content: the broker never interleaves within one."""
        frame = self.read_frame()
        while frame.type == HEARTBEAT:
            self.heartbeats += 1
            frame = self.read_frame()
        assert (frame.type, frame.channel) == (type, channel), f"content on channel {channel} is interrupted by {frame}"
        return frame

    def read(self) -> Received:
        """Return the next method of any channel."""
        while (frame := self.read_frame()).type == HEARTBEAT:
            assert frame == Frame(HEARTBEAT, 0, b"")
            self.heartbeats += 1
        assert frame.type == METHOD, f"expected a method frame, got {frame}"
        name, fields = decode_method(frame.payload)
        content = self._read_content(frame.channel) if name in CONTENT_BEARING else None
        return Received(frame.channel, name, fields, frame.payload, content)

    def _read_content(self, channel: int) -> Content:
        header = self._read_frame_of(channel, HEADER).payload
        class_id, weight, size = struct.unpack_from(">HHQ", header)
        assert (class_id, weight) == (60, 0)
        parts: list[bytes] = []
        while sum(map(len, parts)) < size:
            parts.append(self._read_frame_of(channel, BODY).payload)
        body = b"".join(parts)
        assert len(body) == size
        return Content(body, header[12:], tuple(map(len, parts)))

    def next(self, channel: int) -> Received:
        """Return the next method of one channel, keeping those of others; raise a Closed when it is a close."""
        while not (inbox := self._inbox[channel]):
            received = self.read()
            if received.name == "connection.close":
                raise ConnectionClosed(received.refusal)
            self._inbox[received.channel].append(received)
        return _unless_closed(inbox.popleft())

    def wait_for(self, channel: int, *names: str) -> Received:
        """Return the first method with one of these names, leaving what came before it in the channel's inbox."""
        before: deque[Received] = deque()
        try:
            while (received := self.next(channel)).name not in names:
                before.append(received)
            return received
        finally:
            self._inbox[channel].extendleft(reversed(before))

    def taken(self, channel: int) -> list[Received]:
        """Empty the channel's inbox without reading from the socket."""
        events = list(self._inbox[channel])
        self._inbox[channel].clear()
        return events

    def call(self, channel: int, name: str, reply: str, /, **fields: Any) -> Received:
        """Send a method and return its reply."""
        self.send_method(channel, name, **fields)
        return self.wait_for(channel, reply)

    # -- life of a connection

    def start(self) -> Received:
        """Send the protocol header and return connection.start."""
        self.send(PROTOCOL_HEADER)
        return self.wait_for(0, "connection.start")

    def start_ok(self, response: bytes = GUEST, capabilities: dict[str, Value] = CAPABILITIES) -> None:
        """Answer connection.start with a PLAIN response."""
        self.send_method(
            0,
            "connection.start-ok",
            client_properties={"product": "conformance", "capabilities": capabilities},
            mechanism="PLAIN",
            response=response,
            locale="en_US",
        )

    def tune(self, channel_max: int = 2047, frame_max: int = 131072, heartbeat: int = 0, **login: Any) -> Received:
        """Go on to tune-ok and return what the broker proposed."""
        self.start()
        self.start_ok(**login)
        proposal = self.wait_for(0, "connection.tune")
        self.send_method(0, "connection.tune-ok", channel_max=channel_max, frame_max=frame_max, heartbeat=heartbeat)
        self.frame_max = frame_max
        return proposal

    def handshake(self, virtual_host: str = "/", **options: Any) -> Connection:
        """Log in and open the virtual host; options as of `tune` and `start_ok`."""
        self.tune(**options)
        self.call(0, "connection.open", "connection.open-ok", virtual_host=virtual_host)
        return self

    def channel(self, number: int = 1) -> Channel:
        """Open a channel."""
        from conformance.channel import Channel

        return Channel(self, number).open()

    def publish_frames(
        self,
        channel: int,
        exchange: str,
        key: str,
        body: bytes = b"",
        properties: Mapping[str, Any] | bytes = b"\0\0",
        **bits: bool,
    ) -> bytes:
        """Return the frames of one basic.publish, the body cut to the negotiated frame size."""
        frames = [
            encode_frame(METHOD, channel, encode_method("basic.publish", exchange=exchange, routing_key=key, **bits))
        ]
        frames.append(encode_frame(HEADER, channel, encode_header(len(body), properties)))
        step = self.frame_max - 8
        frames += [encode_frame(BODY, channel, body[at : at + step]) for at in range(0, len(body), step)]
        return b"".join(frames)

    @contextmanager
    def refused(self, code: int, text: str, method: str | None = None, at_once: bool = True) -> Iterator[None]:
        """Expect the broker to close the connection for what happens inside; with `at_once` close-ok ends TCP."""
        try:
            yield
            while True:
                self.next(-1)
        except ConnectionClosed as closed:
            compare(closed.refusal, Refusal(code, text, *ids(method)))
        self.send_method(0, "connection.close-ok")
        if at_once:
            assert self.read_until_dropped() == b""
        self.abort()

    def close(self) -> None:
        """Close in order, if the broker still listens; then let go of the socket."""
        if self._socket.fileno() < 0:
            return
        try:
            self.send_method(0, "connection.close", reply_code=200)
            while self.read().name != "connection.close-ok":
                pass
        except (Dropped, OSError, AssertionError, KeyError, ValueError):
            pass
        self.abort()

    def finish(self) -> None:
        """End our side of the TCP connection; what the broker still says can be read."""
        self._socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """Let go of the socket without a word."""
        self._socket.close()

    def reset(self) -> None:
        """End TCP with a reset instead of an orderly end, as a crashed machine would."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def _unless_closed(received: Received) -> Received:
    if received.name == "channel.close":
        raise ChannelClosed(received.refusal)
    return received
