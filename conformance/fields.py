"""Field tables as data: encode and decode every wire type RabbitMQ speaks.

Decide how a Python value looks on the wire and back. Refuse to guess: a value whose wire type matters is written
`Typed(tag, value)`.
Invariant: `encode_table(decode_typed(raw)) == raw` for every table RabbitMQ emits.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple, Union


class Typed(NamedTuple):
    """A value with its wire tag, e.g. `Typed("l", 5)` for a signed 64-bit integer."""

    tag: str
    value: Value


Value = Union[None, bool, int, float, str, bytes, list["Value"], dict[str, "Value"], Typed]  # noqa: UP007  # refers to itself
Pairs = list[tuple[str, Value]]
Table = Mapping[str, Value] | Pairs | bytes

_NUMBERS = {
    "b": ">b", "B": ">B", "s": ">h", "u": ">H", "I": ">i", "i": ">I", "l": ">q", "L": ">q", "T": ">Q",
    "f": ">f", "d": ">d",
}  # fmt: skip


def encode_table(table: Table) -> bytes:
    """Return the table with its 4-octet length; bytes are taken as ready-made content, pairs may repeat a key."""
    return struct.pack(">I", len(content := table_content(table))) + content


def table_content(table: Table) -> bytes:
    """Return the table without its length, as AMQPLAIN wants it."""
    if isinstance(table, bytes):
        return table
    pairs = table.items() if isinstance(table, Mapping) else table
    return b"".join(_key(key) + encode_value(value) for key, value in pairs)


def _key(key: str) -> bytes:
    raw = key.encode("utf-8", "surrogateescape")
    return bytes([len(raw)]) + raw


def _tag_of(value: Value) -> Typed:
    match value:
        case Typed():
            return value
        case None:
            return Typed("V", None)
        case bool():
            return Typed("t", value)
        case int():
            return Typed("I" if -(2**31) <= value < 2**31 else "l", value)
        case float():
            return Typed("d", value)
        case str() | bytes():
            return Typed("S", value)
        case list():
            return Typed("A", value)
        case dict():
            return Typed("F", value)


def encode_value(value: Value) -> bytes:
    """Return tag and content of one value."""
    tag, content = _tag_of(value)
    return tag.encode() + _content(tag, content)


def _content(tag: str, value: Value) -> bytes:
    if tag in _NUMBERS:
        return struct.pack(_NUMBERS[tag], value)
    if tag == "t":
        return bytes([int(bool(value))])
    if tag == "V":
        return b""
    if tag in "Sx":
        raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        assert isinstance(raw, bytes)
        return struct.pack(">I", len(raw)) + raw
    if tag == "D":
        assert isinstance(value, list)
        return struct.pack(">BI", *value)
    if tag == "F":
        assert isinstance(value, dict)
        return encode_table(value)
    if tag == "A":
        assert isinstance(value, list)
        return struct.pack(">I", len(raw := b"".join(map(encode_value, value)))) + raw
    raise ValueError(f"unknown field tag {tag!r}")


def decode_typed(raw: bytes) -> dict[str, Typed]:
    """Decode a table's content (no length in front); every value keeps its tag, at every depth."""
    table: dict[str, Typed] = {}
    at = 0
    while at < len(raw):
        size = raw[at]
        key = raw[at + 1 : at + 1 + size].decode("utf-8", "surrogateescape")
        table[key], at = _decode_value(raw, at + 1 + size)
    return table


def _decode_value(raw: bytes, at: int) -> tuple[Typed, int]:
    tag, at = chr(raw[at]), at + 1
    if tag in _NUMBERS:
        return Typed(tag, struct.unpack_from(_NUMBERS[tag], raw, at)[0]), at + struct.calcsize(_NUMBERS[tag])
    if tag == "t":
        return Typed(tag, bool(raw[at])), at + 1
    if tag == "V":
        return Typed(tag, None), at
    if tag == "D":
        return Typed(tag, list(struct.unpack_from(">BI", raw, at))), at + 5
    (size,) = struct.unpack_from(">I", raw, at)
    content, end = raw[at + 4 : at + 4 + size], at + 4 + size
    if tag == "S":
        return Typed(tag, content.decode("utf-8", "surrogateescape")), end
    if tag == "x":
        return Typed(tag, content), end
    if tag == "F":
        return Typed(tag, dict(decode_typed(content))), end
    if tag == "A":
        items: list[Value] = []
        where = 0
        while where < size:
            item, where = _decode_value(content, where)
            items.append(item)
        return Typed(tag, items), end
    raise ValueError(f"unknown field tag {tag!r}")


def plain(value: Value) -> Value:
    """Return the value without tags, at every depth."""
    match value:
        case Typed():
            return plain(value.value)
        case list():
            return [plain(item) for item in value]
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case _:
            return value


def decode_table(raw: bytes) -> dict[str, Value]:
    """Decode a table's content to plain Python values; integer widths and the like are lost."""
    return {key: plain(value) for key, value in decode_typed(raw).items()}
