"""Frames as bytes: the few methods a load client sends, packed once and reused.

Knows no socket and keeps no state. Numbers are AMQP 0-9-1 class and method ids.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

METHOD, HEADER, BODY = 1, 2, 3
FRAME_END = 0xCE
FRAME_OVERHEAD = 8

FRAME = struct.Struct(">BHI")
METHOD_ID = struct.Struct(">HH")
_END = bytes([FRAME_END])

TableValue = str | bool | int | Mapping[str, "TableValue"]

_HEADERS_FLAG = 0x2000
_DELIVERY_MODE_FLAG = 0x1000

# Octets of each field-table value that has a fixed width; the others start with a 32-bit length.
_KINDS_BY_WIDTH = {0: b"V", 1: b"tbB", 2: b"sUu", 4: b"Iif", 5: b"D", 8: b"lLdT"}
_FIXED_WIDTHS = {kind: width for width, kinds in _KINDS_BY_WIDTH.items() for kind in kinds}


def shortstr(text: str) -> bytes:
    """Pack a short string; raises ValueError over 255 octets."""
    raw = text.encode()
    if len(raw) > 255:
        raise ValueError(f"{text[:20]!r}... is {len(raw)} octets long; a short string holds at most 255")
    return bytes([len(raw)]) + raw


def longstr(raw: bytes) -> bytes:
    """Pack a long string."""
    return struct.pack(">I", len(raw)) + raw


def table(entries: Mapping[str, TableValue]) -> bytes:
    """Pack a field table of texts, booleans, 64-bit integers and nested tables."""
    return longstr(b"".join(shortstr(key) + _tagged(value) for key, value in entries.items()))


def _tagged(value: TableValue) -> bytes:
    if isinstance(value, bool):
        return b"t\x01" if value else b"t\x00"
    if isinstance(value, str):
        return b"S" + longstr(value.encode())
    if isinstance(value, int):
        return b"l" + value.to_bytes(8, "big", signed=True)
    return b"F" + table(value)


def texts_of_table(raw: bytes) -> dict[str, str]:
    """Read the top-level long strings of a field table (its octets after the length); all else is passed over."""
    found: dict[str, str] = {}
    position = 0
    while position < len(raw):
        key_end = position + 1 + raw[position]
        key, kind = raw[position + 1 : key_end].decode(errors="replace"), raw[key_end]
        start = key_end + 1
        if kind in _FIXED_WIDTHS:
            position = start + _FIXED_WIDTHS[kind]
            continue
        position = start + 4 + int.from_bytes(raw[start : start + 4], "big")
        if kind == ord("S"):
            found[key] = raw[start + 4 : position].decode(errors="replace")
    return found


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Pack one frame."""
    return FRAME.pack(kind, channel, len(payload)) + payload + _END


def method(channel: int, class_id: int, method_id: int, arguments: bytes = b"") -> bytes:
    """Pack one method frame."""
    return frame(METHOD, channel, METHOD_ID.pack(class_id, method_id) + arguments)


def publish(
    exchange: str,
    routing_key: str,
    body: bytes,
    *,
    frame_max: int,
    persistent: bool = False,
    headers: Mapping[str, TableValue] | None = None,
    channel: int = 1,
) -> bytes:
    """Pack one complete basic.publish: method, content header and the body in frames of at most `frame_max` octets."""
    flags, properties = 0, b""
    if headers:
        flags |= _HEADERS_FLAG
        properties += table(headers)
    if persistent:
        flags |= _DELIVERY_MODE_FLAG
        properties += b"\x02"
    header = struct.pack(">HHQH", 60, 0, len(body), flags) + properties
    piece = frame_max - FRAME_OVERHEAD
    return b"".join(
        (
            method(channel, 60, 40, b"\x00\x00" + shortstr(exchange) + shortstr(routing_key) + b"\x00"),
            frame(HEADER, channel, header),
            *(frame(BODY, channel, body[at : at + piece]) for at in range(0, len(body), piece)),
        )
    )
