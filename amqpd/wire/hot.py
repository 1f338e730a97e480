"""The frames that every message costs, packed and parsed by hand; pamqp is the oracle in the tests.

Also every server method that carries a name or a text of a client's: pamqp refuses to marshal what RabbitMQ allows in
them. Functions return whole frames unless their name says otherwise.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, Protocol

from amqpd.properties import Properties
from amqpd.wire import octets

_FRAME = Struct(">BHI").pack
_METHOD = Struct(">BHIHH").pack
_TAG = Struct(">Q").pack
_SHORT = Struct(">H").pack
_LONG = Struct(">I").pack
_COUNTS = Struct(">II").pack
_SETTLE = Struct(">BHIHHQBB").pack
_HEADER = Struct(">BHIHHQ").pack
_END: Final = b"\xce"

PUBLISH: Final = b"\x00\x3c\x00\x28"
BY_REFERENCE: Final = 4096
"""Bodies above this many octets are not copied into the frame around them."""


def short(name: str) -> bytes:
    """A short string; names that came in as other octets than UTF-8 go out as the same octets."""
    octets = name.encode("utf-8", "surrogateescape")
    return bytes((len(octets),)) + octets


def method(channel: int, class_id: int, method_id: int, arguments: bytes = b"") -> bytes:
    """A method frame around packed arguments."""
    return _METHOD(1, channel, 4 + len(arguments), class_id, method_id) + arguments + _END


def parse_publish(payload: bytes) -> tuple[str, str, bool, bool]:
    """Exchange, routing key, mandatory and immediate of a basic.publish payload. Raises ValueError if it is
    malformed.
    """
    size = len(payload)
    if size < 9:
        raise ValueError("a basic.publish has at least 9 octets")
    key_start = 7 + payload[6]
    if key_start >= size:
        raise ValueError("the exchange's name is cut short")
    bits_at = key_start + 1 + payload[key_start]
    if bits_at + 1 != size:
        raise ValueError("the routing key is cut short, or octets are left over")
    exchange = payload[7:key_start].decode("utf-8", "surrogateescape")
    routing_key = payload[key_start + 1 : bits_at].decode("utf-8", "surrogateescape")
    bits = payload[bits_at]
    return exchange, routing_key, bool(bits & 1), bool(bits & 2)


def parse_settlement(payload: bytes) -> tuple[int, int]:
    """Delivery tag and bits of a basic.ack, nack or reject payload. Raises ValueError unless it is 13 octets."""
    if len(payload) != 13:
        raise ValueError(f"expected 13 octets, got {len(payload)}")
    return octets.tag_and_bits(payload, 4)


def ack(channel: int, tag: int, multiple: bool) -> bytes:
    """basic.ack of a publish."""
    return _SETTLE(1, channel, 13, 60, 80, tag, multiple, 0xCE)


def nack(channel: int, tag: int, multiple: bool) -> bytes:
    """RabbitMQ sets the requeue bit, the specification's default."""
    return _SETTLE(1, channel, 13, 60, 120, tag, 3 if multiple else 2, 0xCE)


def close(channel: int, code: int, text: str, failed: tuple[int, int]) -> bytes:
    """connection.close on channel 0, channel.close elsewhere."""
    arguments = _SHORT(code) + short(text) + _SHORT(failed[0]) + _SHORT(failed[1])
    return method(channel, 20, 40, arguments) if channel else method(0, 10, 50, arguments)


def declare_ok(channel: int, queue: str, messages: int, consumers: int) -> bytes:
    """queue.declare-ok with ready messages and consumers."""
    return method(channel, 50, 11, short(queue) + _COUNTS(messages & 0xFFFFFFFF, consumers))


def counted(channel: int, method_id: int, messages: int) -> bytes:
    """queue.purge-ok (31) or delete-ok (41)."""
    return method(channel, 50, method_id, _LONG(messages & 0xFFFFFFFF))


def consume_ok(channel: int, tag: str) -> bytes:
    """basic.consume-ok."""
    return method(channel, 60, 21, short(tag))


def cancel_ok(channel: int, tag: str) -> bytes:
    """basic.cancel-ok."""
    return method(channel, 60, 31, short(tag))


def cancel(channel: int, tag: str) -> bytes:
    """The server's own basic.cancel: nowait is set, so that no cancel-ok is owed."""
    return method(channel, 60, 30, short(tag) + b"\x01")


def blocked(reason: str) -> bytes:
    """connection.blocked with its reason."""
    return method(0, 10, 60, short(reason))


def content(channel: int, properties: Properties, body: bytes, frame_max: int) -> list[bytes]:
    """Header frame and body frames, none larger than `frame_max` octets (0: unlimited)."""
    raw = properties.raw
    header = _HEADER(2, channel, 12 + len(raw), 60, 0, len(body)) + raw
    if not body:
        return [header + _END]
    limit = frame_max - 8 if frame_max else len(body)
    if len(body) <= limit:
        return [header + _END + _FRAME(3, channel, len(body)), body, _END]
    parts = [header + _END]
    for start in range(0, len(body), limit):
        chunk = body[start : start + limit]
        parts += (_FRAME(3, channel, len(chunk)), chunk, _END)
    return parts


def get_ok(channel: int, tag: int, redelivered: bool, exchange: str, routing_key: str, left: int) -> bytes:
    """basic.get-ok; its content follows."""
    flag = b"\x01" if redelivered else b"\x00"
    names = short(exchange) + short(routing_key)
    return method(channel, 60, 71, _TAG(tag) + flag + names + _LONG(left & 0xFFFFFFFF))


def returned(channel: int, exchange: str, routing_key: str) -> bytes:
    """basic.return: 312 is the only code that RabbitMQ ever sends in one."""
    return method(channel, 60, 50, _SHORT(312) + short("NO_ROUTE") + short(exchange) + short(routing_key))


class Delivered(Protocol):
    """What a delivery shows of a message."""

    number: int
    redelivered: bool
    exchange: str
    routing_key: str
    properties: Properties
    body: bytes


class Encoder:
    """Packs the deliveries of one consumer."""

    __slots__ = ()

    def encode(self, tag: int, message: Delivered, parts: list[bytes]) -> int:
        """Append the frames of one delivery to `parts` and return their size in octets."""
        raise NotImplementedError


class DeliverEncoder(Encoder):
    """Packs the deliveries of one consumer; consecutive ones of the same shape share all but tag and body."""

    __slots__ = (
        "_after",
        "_before",
        "_channel",
        "_exchange",
        "_frame_max",
        "_inline",
        "_properties",
        "_redelivered",
        "_routing_key",
        "_size",
        "_tag",
    )

    def __init__(self, channel: int, consumer_tag: str, frame_max: int) -> None:
        self._channel = channel
        self._tag = short(consumer_tag)
        self._frame_max = frame_max
        self._inline = min(BY_REFERENCE, frame_max - 8) if frame_max else BY_REFERENCE
        self._exchange: str | None = None
        self._routing_key = ""
        self._properties: Properties | None = None
        self._size = -1
        self._redelivered = False
        self._before = b""
        self._after = b""

    def encode(self, tag: int, message: Delivered, parts: list[bytes]) -> int:
        """Append the frames of one delivery to `parts` and return their size in octets."""
        body = message.body
        size = len(body)
        redelivered = message.redelivered
        exchange = message.exchange
        routing_key = message.routing_key
        properties = message.properties
        if (
            routing_key is not self._routing_key
            or properties is not self._properties
            or size != self._size
            or redelivered != self._redelivered
            or exchange is not self._exchange
        ):
            self._remember(redelivered, exchange, routing_key, properties, size)
        if size and size <= self._inline:
            frame = octets.framed(self._before, tag, self._after, body)
            parts.append(frame)
            return len(frame)
        start = octets.tagged(self._before, tag, self._after)
        if not size:
            parts.append(start)
            return len(start)
        limit = self._frame_max - 8 if self._frame_max else size
        if size <= limit:
            parts += (start, body, _END)
            return len(start) + size + 1
        return self._encode_split(start, body, limit, parts)

    def _encode_split(self, start: bytes, body: bytes, limit: int, parts: list[bytes]) -> int:
        """A body over several frames, cut without copying."""
        parts.append(start[: len(start) - 7])
        written = len(start) - 7
        for offset in range(0, len(body), limit):
            chunk = body[offset : offset + limit]
            parts += (_FRAME(3, self._channel, len(chunk)), chunk, _END)
            written += 8 + len(chunk)
        return written

    def _remember(
        self, redelivered: bool, exchange: str, routing_key: str, properties: Properties, size: int
    ) -> None:
        names = (b"\x01" if redelivered else b"\x00") + short(exchange) + short(routing_key)
        raw = properties.raw
        arguments = 4 + len(self._tag) + 8 + len(names)
        self._before = _METHOD(1, self._channel, arguments, 60, 60) + self._tag
        self._after = names + _END + _HEADER(2, self._channel, 12 + len(raw), 60, 0, size) + raw + _END
        if size:
            self._after += _FRAME(3, self._channel, size)
        self._exchange = exchange
        self._routing_key = routing_key
        self._properties = properties
        self._size = size
        self._redelivered = redelivered
