"""A row on disk: a frame around its bytes that shows whether they are whole, whatever keeps it.

A frame begins with a magic number, so that a salvage can find it among other octets; shard and sequence number are
inside and under the checksum, so that a row that was found knows its place.

    magic 4 | payload length 4 | CRC-32 of all that follows 4 | sequence number 8 | shard length 1 | shard | payload
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

MAGIC: Final = b"\xa5AqJ"
_HEAD: Final = Struct(">4sII")
_PLACE: Final = Struct(">QB")
OVERHEAD: Final = _HEAD.size + _PLACE.size
"""Octets of a frame beside the shard's name and the payload."""
MAX_PAYLOAD: Final = 2**31 - 1


class Row(NamedTuple):
    """One row and its place."""

    shard: str
    seq: int
    payload: bytes
    size: int
    """Octets of the frame."""


def framed(shard: str, seq: int, payload: bytes) -> bytes:
    """Put a frame around a payload. Raises ValueError for a shard's name over 255 octets or a payload over 2 GiB."""
    name = shard.encode()
    if len(name) > 255 or len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a row of {len(payload)} octets in shard {shard[:40]!r}: at most {MAX_PAYLOAD} and 255")
    rest = _PLACE.pack(seq, len(name)) + name + payload
    return _HEAD.pack(MAGIC, len(payload), crc32(rest)) + rest


def unframed(data: bytes, at: int = 0) -> Row | None:
    """The row that begins at a position, or None if no whole and undamaged one does."""
    if len(data) - at < OVERHEAD:
        return None
    magic, length, checksum = _HEAD.unpack_from(data, at)
    if magic != MAGIC:
        return None
    start = at + _HEAD.size
    seq, name_length = _PLACE.unpack_from(data, start)
    end = start + _PLACE.size + name_length + length
    if end > len(data) or crc32(memoryview(data)[start:end]) != checksum:
        return None
    name_at = start + _PLACE.size
    name = data[name_at : name_at + name_length].decode("utf-8", "replace")
    return Row(name, seq, bytes(data[name_at + name_length : end]), end - at)


def salvaged(data: bytes) -> Iterator[Row]:
    """Every undamaged row anywhere in some octets, in the order of their places in them."""
    at = data.find(MAGIC)
    while at >= 0:
        row = unframed(data, at)
        if row is not None:
            yield row
        at = data.find(MAGIC, at + (1 if row is None else row.size))
