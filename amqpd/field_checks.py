"""Which octets are a field table: what RabbitMQ refuses is refused, and nothing is built.

Sources: RabbitMQ's errata to AMQP 0-9-1 for the wire types; RabbitMQ 3.10.8 for verdicts.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

MAX_DEPTH: Final = 64
"""Tables and arrays nested deeper than this inside a table are refused. RabbitMQ itself sets no bound."""

MAX_FIELDS: Final = 2048
"""Values of a table among the arguments of a method, with those inside it, so that a look at all of them fits into a
turn. Headers of messages, which hardly anybody looks into, may have more. RabbitMQ sets no bound.
"""

U32: Final = Struct(">I")
NUMBERS: Final[dict[str, Struct]] = {
    "t": Struct(">B"),
    "b": Struct(">b"),
    "B": Struct(">B"),
    "s": Struct(">h"),
    "u": Struct(">H"),
    "I": Struct(">i"),
    "i": Struct(">I"),
    "l": Struct(">q"),
    "L": Struct(">q"),
    "T": Struct(">Q"),
    "f": Struct(">f"),
    "d": Struct(">d"),
}
DECIMAL: Final = Struct(">BI")

# Payload octets by tag octet: a width, or one of the marks below.
UNKNOWN: Final = 255
COUNTED: Final = 254
NESTED: Final = 253


def _payload_sizes() -> bytes:
    sizes = bytearray([UNKNOWN]) * 256
    for tag, number in NUMBERS.items():
        sizes[ord(tag)] = number.size
    sizes[ord("D")] = DECIMAL.size
    sizes[ord("V")] = 0
    sizes[ord("S")] = sizes[ord("x")] = COUNTED
    sizes[ord("F")] = sizes[ord("A")] = NESTED
    return bytes(sizes)


SIZES: Final = _payload_sizes()
ARRAY: Final = ord("A")
FLOAT: Final = ord("f")
DOUBLE: Final = ord("d")


class FieldError(ValueError):
    """Received octets are not a field table or not a property list."""


# One loop in one function, with no call per entry: it runs for every message with headers.
def check_table(data: bytes, start: int, end: int) -> None:  # noqa: C901, PLR0912
    """Raise FieldError unless data[start:end] is a table's entries (no length prefix); build nothing.

    Refused: an unknown tag, a value or key that passes its end, octets left over, a float that is not a finite
    number (RabbitMQ cannot read one either), and nesting beyond MAX_DEPTH. Keys need not be UTF-8 nor distinct.
    """
    if not 0 <= start <= end <= len(data):
        raise FieldError(f"field table from octet {start} to {end} does not lie within {len(data)} octets")
    sizes = SIZES
    pos = start
    in_array = False
    outer: list[tuple[int, bool]] = []
    while True:
        while pos == end:
            if not outer:
                return
            end, in_array = outer.pop()
        if not in_array:
            pos += 1 + data[pos]
            if pos >= end:
                raise FieldError(f"field table: a key up to octet {pos} leaves no value before the end at octet {end}")
        tag = data[pos]
        size = sizes[tag]
        pos += 1
        if size >= NESTED:
            if size == UNKNOWN:
                raise FieldError(f"field table: unknown type tag {tag} ({chr(tag)!r}) at octet {pos - 1}")
            if pos + 4 > end:
                raise FieldError(f"field table: the length at octet {pos} passes the end at octet {end}")
            length: int = U32.unpack_from(data, pos)[0]
            pos += 4
            if pos + length > end:
                raise FieldError(f"field table: {length} octets from octet {pos} pass the end at octet {end}")
            if size == COUNTED:
                pos += length
                continue
            if len(outer) == MAX_DEPTH:
                raise FieldError(f"field table: nested deeper than {MAX_DEPTH} levels at octet {pos}")
            outer.append((end, in_array))
            end = pos + length
            in_array = tag == ARRAY
            continue
        if pos + size > end:
            raise FieldError(f"field table: {size} octets from octet {pos} pass the end at octet {end}")
        # All exponent bits set: infinity or not a number.
        if (tag == DOUBLE and data[pos] & 0x7F == 0x7F and data[pos + 1] >= 0xF0) or (
            tag == FLOAT and data[pos] & 0x7F == 0x7F and data[pos + 1] >= 0x80
        ):
            raise FieldError(f"field table: the float at octet {pos} is not a finite number")
        pos += size


def check_count(data: bytes) -> None:
    """Raise FieldError if a table that `check_table` accepted has more values than MAX_FIELDS, with those inside it."""
    count, pos, end, in_array = 0, 0, len(data), False
    if end <= MAX_FIELDS:  # each value takes an octet or more
        return
    outer: list[tuple[int, bool]] = []
    while pos < end or outer:
        if pos == end:
            end, in_array = outer.pop()
            continue
        count += 1
        if count > MAX_FIELDS:
            raise FieldError(f"field table: more than {MAX_FIELDS} values, by octet {pos}")
        if not in_array:
            pos += 1 + data[pos]
        tag = data[pos]
        size = SIZES[tag]
        pos += 1
        if size < NESTED:
            pos += size
            continue
        length: int = U32.unpack_from(data, pos)[0]
        pos += 4
        if size == COUNTED:
            pos += length
        else:
            outer.append((end, in_array))
            end, in_array = pos + length, tag == ARRAY
