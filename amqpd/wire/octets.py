"""Reading and joining octets. Interpreted, these are `struct`; compiled, the inline functions in octets.pxd."""

from __future__ import annotations

from struct import Struct

_TAG = Struct(">Q").pack
_END = b"\xce"

frame_start = Struct(">BHI").unpack_from
"""Type, channel and size of the frame that starts at a position."""
header_start = Struct(">BHIHHQ").unpack_from
"""The same and class, weight and body size of a content header."""
content_start = Struct(">HHQ").unpack_from
"""Class, weight and body size of a header frame's payload."""
starts_with = bytes.startswith
"""Whether octets have others at a position, before an end."""
tag_and_bits = Struct(">QB").unpack_from
"""Delivery tag and bits of a settlement."""


def method_id(payload: bytes) -> tuple[int, int]:
    """Class and method id of a method frame's payload (at least 4 octets)."""
    return payload[0] << 8 | payload[1], payload[2] << 8 | payload[3]


def tagged(before: bytes, tag: int, after: bytes) -> bytes:
    """The start of a delivery around its tag."""
    return before + _TAG(tag) + after


def framed(before: bytes, tag: int, after: bytes, body: bytes) -> bytes:
    """A whole delivery in one piece."""
    return before + _TAG(tag) + after + body + _END
