"""Deliveries of streams: basic.deliver with content, whose headers hold a number that differs each time.

Consecutive ones of the same shape share all but delivery tag, offset and body.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Final

from amqpd.wire import hot

if TYPE_CHECKING:
    from amqpd.properties import Properties

_FRAME = Struct(">BHI").pack
_METHOD = Struct(">BHIHH").pack
_HEADER = Struct(">BHIHHQ").pack
_EIGHT = Struct(">Q").pack
_END: Final = b"\xce"

KNOWN: Final = 256
"""Different properties whose octets are remembered."""

Split = Callable[["Properties"], tuple[bytes, bytes]]


class OffsetDeliverEncoder(hot.Encoder):
    """Packs the deliveries of one consumer. `split` gives the octets of properties before and behind the offset."""

    __slots__ = (
        "_after",
        "_before",
        "_channel",
        "_exchange",
        "_frame_max",
        "_inline",
        "_known",
        "_middle",
        "_names",
        "_properties",
        "_routing_key",
        "_size",
        "_split",
        "_tag",
    )

    def __init__(self, channel: int, consumer_tag: str, frame_max: int, split: Split) -> None:
        self._channel = channel
        self._tag = hot.short(consumer_tag)
        self._frame_max = frame_max
        self._inline = min(hot.BY_REFERENCE, frame_max - 8) if frame_max else hot.BY_REFERENCE
        self._split = split
        self._known: dict[bytes, tuple[bytes, bytes]] = {}
        self._exchange: str | None = None
        self._routing_key = ""
        self._properties: Properties | None = None
        self._size = -1
        self._names = b""
        self._before = b""
        self._middle = b""
        self._after = b""

    def encode(self, tag: int, message: hot.Delivered, parts: list[bytes]) -> int:
        """Append the frames of one delivery to `parts` and return their size in octets; the offset is its number."""
        body = message.body
        size = len(body)
        offset = message.number
        exchange = message.exchange
        routing_key = message.routing_key
        properties = message.properties
        if routing_key is not self._routing_key or exchange is not self._exchange:
            self._remember_names(exchange, routing_key)
            self._remember_content(properties, size)
        elif properties is not self._properties or size != self._size:
            self._remember_content(properties, size)
        if size and size <= self._inline:
            frame = b"".join((self._before, _EIGHT(tag), self._middle, _EIGHT(offset), self._after, body, _END))
            parts.append(frame)
            return len(frame)
        start = b"".join((self._before, _EIGHT(tag), self._middle, _EIGHT(offset), self._after))
        parts.append(start)
        return len(start) + self._append_body(body, parts)

    def _append_body(self, body: bytes, parts: list[bytes]) -> int:
        """Body frames, cut without copying; the first one's start was written with the header."""
        if not body:
            return 0
        limit = self._frame_max - 8 if self._frame_max else len(body)
        if len(body) <= limit:
            parts += (body, _END)
            return len(body) + 1
        parts += (body[:limit], _END)
        written = limit + 1
        for at in range(limit, len(body), limit):
            piece = body[at : at + limit]
            parts += (_FRAME(3, self._channel, len(piece)), piece, _END)
            written += 8 + len(piece)
        return written

    def _remember_names(self, exchange: str, routing_key: str) -> None:
        self._names = b"\x00" + hot.short(exchange) + hot.short(routing_key) + _END
        arguments = 4 + len(self._tag) + 8 + len(self._names) - 1
        self._before = _METHOD(1, self._channel, arguments, 60, 60) + self._tag
        self._exchange = exchange
        self._routing_key = routing_key

    def _remember_content(self, properties: Properties, size: int) -> None:
        raw = properties.raw
        known = self._known.get(raw)
        if known is None:
            if len(self._known) >= KNOWN:
                self._known.clear()
            known = self._known[raw] = self._split(properties)
        before, after = known
        octets = 12 + len(before) + 8 + len(after)
        self._middle = self._names + _HEADER(2, self._channel, octets, 60, 0, size) + before
        self._after = after + _END
        if size:
            limit = self._frame_max - 8 if self._frame_max else size
            self._after += _FRAME(3, self._channel, min(size, limit))
        self._properties = properties
        self._size = size
