"""Frames and content headers as bytes.

Decide the layout of a frame and of the property list; know nothing of sockets, channels or methods.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.fields import decode_typed, encode_table

if TYPE_CHECKING:
    from collections.abc import Mapping

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
FRAME_END = 0xCE
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"

PROPERTIES = (
    ("content_type", "s"), ("content_encoding", "s"), ("headers", "t"), ("delivery_mode", "o"), ("priority", "o"),
    ("correlation_id", "s"), ("reply_to", "s"), ("expiration", "s"), ("message_id", "s"), ("timestamp", "q"),
    ("type", "s"), ("user_id", "s"), ("app_id", "s"), ("cluster_id", "s"),
)  # fmt: skip


class Frame(NamedTuple):
    """One frame without its end octet."""

    type: int
    channel: int
    payload: bytes


def encode_frame(type: int, channel: int, payload: bytes, end: int = FRAME_END) -> bytes:
    """Return the frame's octets; `end` other than 0xCE makes it a wrong one."""
    return struct.pack(">BHI", type, channel, len(payload)) + payload + bytes([end])


def encode_properties(properties: Mapping[str, Any]) -> bytes:
    """Return flags and property list; a property is present if its name is in the mapping, empty or not."""
    flags, values = 0, b""
    for place, (name, kind) in enumerate(PROPERTIES):
        if name in properties:
            flags |= 1 << 15 - place
            values += _encode_property(kind, properties[name])
    return struct.pack(">H", flags) + values


def _encode_property(kind: str, value: Any) -> bytes:
    if kind == "t":
        return encode_table(value)
    if kind == "o":
        return bytes([value])
    if kind == "q":
        return struct.pack(">Q", value)
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return bytes([len(raw)]) + raw


def decode_properties(raw: bytes) -> dict[str, Any]:
    """Decode flags and property list; header values keep their wire tags."""
    (flags,), at = struct.unpack_from(">H", raw), 2
    properties: dict[str, Any] = {}
    for place, (name, kind) in enumerate(PROPERTIES):
        if not flags & 1 << 15 - place:
            continue
        if kind == "o":
            properties[name], at = raw[at], at + 1
        elif kind == "q":
            properties[name], at = struct.unpack_from(">Q", raw, at)[0], at + 8
        elif kind == "s":
            end = at + 1 + raw[at]
            properties[name], at = raw[at + 1 : end].decode("utf-8", "surrogateescape"), end
        else:
            end = at + 4 + struct.unpack_from(">I", raw, at)[0]
            properties[name], at = decode_typed(raw[at + 4 : end]), end
    if at != len(raw):
        raise ValueError(f"property list of {len(raw)} octets has {len(raw) - at} left over")
    return properties


def encode_header(
    body_size: int, properties: Mapping[str, Any] | bytes = b"\0\0", class_id: int = 60, weight: int = 0
) -> bytes:
    """Return a content header's payload; bytes are ready-made flags and properties."""
    raw = properties if isinstance(properties, bytes) else encode_properties(properties)
    return struct.pack(">HHQ", class_id, weight, body_size) + raw
