"""Field tables: the typed values of AMQP arguments and headers, read the way RabbitMQ reads them.

Decides what each wire type means and is called, when two argument values are equivalent, and how a value is printed in
an error text. Which octets are a table: `field_checks`. Knows nothing of methods, properties or what any key means.

Invariants:
* A `Field` and a `Table` keep the octets they were read from; an edit splices octets and re-encodes no other entry.
* `check_table` and `Table.parse` have the same verdict, since `parse` asks `check_table` and reads values on first use.
* Everything here is immutable by contract, so tables and fields may be shared between messages, queues and bindings.

Sources: RabbitMQ's errata to AMQP 0-9-1 for the wire types; RabbitMQ 3.10.8 for verdicts, equivalence and texts.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias, cast

from amqpd import erlang
from amqpd.field_checks import (
    DECIMAL,
    MAX_DEPTH,
    NESTED,
    NUMBERS,
    SIZES,
    U32,
    check_table,
)

MAX_KEY: Final = 255

_TYPE_NAMES: Final[dict[str, str]] = {
    "S": "longstr",
    "I": "signedint",
    "i": "unsignedint",
    "D": "decimal",
    "T": "timestamp",
    "F": "table",
    "A": "array",
    "b": "byte",
    "B": "unsignedbyte",
    "s": "short",
    "u": "unsignedshort",
    "l": "long",
    "L": "long",
    "f": "float",
    "d": "double",
    "t": "bool",
    "x": "binary",
    "V": "void",
}
_INTEGERS: Final = frozenset("bBsuIilL")

class Field:
    """One typed value: its wire tag, its decoded value and the octets (tag and payload) it came as.

    Equal when the octets are equal; for RabbitMQ's looser comparison of arguments see `equivalent`.
    """

    __slots__ = ("raw", "tag", "value")

    def __init__(self, tag: str, value: FieldValue, raw: bytes) -> None:
        """Join parts that already belong together; use `longstr`, `signedint` and so on to build a value."""
        self.tag = tag
        self.value = value
        self.raw = raw

    @property
    def type_name(self) -> str:
        """RabbitMQ's name of the wire type, as error texts print it (`longstr`, `signedint`, ...)."""
        return _TYPE_NAMES[self.tag]

    @property
    def is_integer(self) -> bool:
        """Whether RabbitMQ takes the value for an integer argument: no bool, float, decimal or timestamp."""
        return self.tag in _INTEGERS

    def text(self) -> str:
        """Print the value as RabbitMQ's error texts do; undecodable octets come as surrogate escapes.

        Tables and arrays are Erlang terms on one line; RabbitMQ breaks the ones over some 60 columns into lines.
        """
        return cast("bytes", self.value).decode("utf-8", "surrogateescape") if self.tag in "Sx" else self.term()

    def term(self) -> str:
        """Print the value as an Erlang term: as `text`, but octets stand in brackets, `<<"a">>` or `<<0,1>>`."""
        return _erlang(self).decode("utf-8", "surrogateescape")

    def describe(self) -> str:
        """Print value and type: `the value '5' of type 'signedint'`."""
        return f"the value '{self.text()}' of type '{self.type_name}'"

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Field) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"<Field {self.type_name} {self.value!r}>"


FEW: Final = 8
"""Entries up to which a table is searched as it is."""


class Table:
    """An immutable field table over its octets: entries in wire order, duplicate keys kept, the first one found."""

    __slots__ = ("_entries", "_first", "raw")

    def __init__(self, raw: bytes = b"") -> None:
        """Wrap octets (no length prefix) that `check_table` has already accepted; for anything else use `parse`."""
        self.raw = raw
        self._entries: tuple[tuple[str, Field], ...] | None = None
        self._first: dict[str, Field] | None = None

    @classmethod
    def parse(cls, raw: bytes) -> Table:
        """Read a table's entries (without the 4-octet length); raise FieldError when they do not decode exactly."""
        check_table(raw, 0, len(raw))
        return cls(raw)

    @classmethod
    def of(cls, entries: Mapping[str, Field] | Iterable[tuple[str, Field]]) -> Table:
        """Build a table in the order given, duplicates kept; raise ValueError for a key over 255 octets."""
        pairs = tuple(entries.items() if isinstance(entries, Mapping) else entries)
        table = cls(b"".join([_entry(key, field) for key, field in pairs]))
        table._entries = pairs
        return table

    def items(self) -> Sequence[tuple[str, Field]]:
        """Return all entries in wire order, duplicates included; octets of a key that are not UTF-8 are escaped."""
        entries = self._entries
        if entries is None:
            entries = self._entries = tuple(_read_entries(self.raw))
        return entries

    def pick(self, names: Container[bytes]) -> dict[bytes, bytes]:
        """Return the first value (octets of tag and payload) of each key among `names`; the others stay undecoded."""
        return _picked(self.raw, names)

    def peek(self, key: str) -> Field | None:
        """Return what `get` does, decoding nothing else and keeping nothing for the next call."""
        octets = _octets(key)
        found = _picked(self.raw, (octets,)).get(octets)
        return None if found is None else read_field(found)

    def get(self, key: str) -> Field | None:
        """Return the first value under the key, None if there is none."""
        first = self._first
        if first is None:
            entries = self.items()
            if len(entries) <= FEW:
                return next((field for name, field in entries if name == key), None)
            first = self._first = dict(reversed(entries))
        return first.get(key)

    def with_field(self, key: str, field: Field) -> Table:
        """Return a table with the key's first entry replaced in place, or appended; later entries of the key go."""
        pairs: list[tuple[str, Field]] = []
        placed = False
        for pair in self.items():
            if pair[0] != key:
                pairs.append(pair)
            elif not placed:
                pairs.append((key, field))
                placed = True
        if not placed:
            pairs.append((key, field))
        return Table.of(pairs)

    def without(self, *keys: str) -> Table:
        """Return a table with every entry of these keys removed (itself, if there is none)."""
        pairs = [pair for pair in self.items() if pair[0] not in keys]
        return self if len(pairs) == len(self.items()) else Table.of(pairs)

    def sorted(self) -> Table:
        """Return a table with the entries ordered by the octets of their key, duplicates in their order.

        Nested tables stay as they are: so RabbitMQ compares the arguments of bindings.
        """
        return Table.of(sorted(self.items(), key=lambda pair: _octets(pair[0])))

    def terms(self) -> list[bytes]:
        """Print each entry as an Erlang term: `{<<"key">>,longstr,<<"text">>}`."""
        return [
            b"{%b,%b,%b}" % (erlang.latin_binary(_octets(key)), field.type_name.encode(), _erlang(field))
            for key, field in self.items()
        ]

    def to_python(self) -> dict[str, object]:
        """Return plain values for inspection: UTF-8 longstr as str, decimal as Decimal, nested tables and arrays too.

        The first of duplicate keys wins. Wire types are lost: this is for people and JSON, never for sending on.
        """
        plain: dict[str, object] = {}
        for key, field in self.items():
            plain.setdefault(key, _to_python(field))
        return plain

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter([key for key, _ in self.items()])

    def __len__(self) -> int:
        return len(self.items())

    def __bool__(self) -> bool:
        return bool(self.raw)

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Table) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"<Table {self.to_python()!r}>"


FieldValue: TypeAlias = bool | int | float | bytes | tuple[int, int] | tuple[Field, ...] | Table | None
"""By tag: bool `t`, int `b B s u I i l L T`, float `f d`, bytes `S x`, (scale, unscaled) `D`, Table `F`, None `V`,
and a tuple of fields for `A`."""

EMPTY: Final = Table()


def spans(raw: bytes) -> list[tuple[bytes, int, int, int]]:
    """Return, for each entry of a table that `check_table` accepted, its key and where entry, value and what follows
    begin; a value begins with its type tag.
    """
    found = []
    pos = 0
    while pos < len(raw):
        value = pos + 1 + raw[pos]
        size = SIZES[raw[value]]
        end = value + 1 + size if size < NESTED else value + 5 + U32.unpack_from(raw, value + 1)[0]
        found.append((raw[pos + 1 : value], pos, value, end))
        pos = end
    return found


def equivalent(a: Field | None, b: Field | None) -> bool:
    """Tell whether RabbitMQ takes two argument values as the same on redeclaration; None stands for no argument.

    The values count, their top-level wire types do not: 5 is 5 in any integer width and as a timestamp, a longstr is
    the byte array of its octets, float 1.0 is double 1.0 but never int 1. Inside tables and arrays types count too.
    """
    if a is None or b is None:
        return a is b
    return a.raw == b.raw or _term(a) == _term(b)


def longstr(value: str | bytes) -> Field:
    """Build a long string; a str becomes UTF-8, surrogate escapes the octets they stand for."""
    octets = value if isinstance(value, bytes) else _octets(value)
    return Field("S", octets, b"S" + U32.pack(len(octets)) + octets)


def signedint(value: int) -> Field:
    """Build a signed 32-bit integer; raise ValueError when out of range."""
    return _integer("I", value)


def long(value: int) -> Field:
    """Build a signed 64-bit integer; raise ValueError when out of range."""
    return _integer("l", value)


def timestamp(value: int) -> Field:
    """Build a timestamp from whole seconds since 1970 (unsigned 64-bit); raise ValueError when out of range."""
    return _integer("T", value)


def boolean(value: bool) -> Field:
    """Build a boolean."""
    return Field("t", value, b"t\x01" if value else b"t\x00")


def double(value: float) -> Field:
    """Build a 64-bit float; raise ValueError for infinities and not-a-number, which RabbitMQ cannot read."""
    if not math.isfinite(value):
        raise ValueError(f"a field table cannot carry {value!r}: a double must be a finite number")
    return Field("d", value, b"d" + NUMBERS["d"].pack(value))


def table(value: Table) -> Field:
    """Build a nested table."""
    return Field("F", value, b"F" + U32.pack(len(value.raw)) + value.raw)


def array(values: Iterable[Field]) -> Field:
    """Build an array of typed values."""
    fields = tuple(values)
    raw = b"".join([field.raw for field in fields])
    return Field("A", fields, b"A" + U32.pack(len(raw)) + raw)


def void() -> Field:
    """Build the value of no type and no content."""
    return Field("V", None, b"V")


def from_python(mapping: Mapping[str, object]) -> Table:
    """Build a table from plain values: bool, int (32 bits if it fits, else 64), float, str, bytes, None, list, mapping.

    Raise TypeError for other types, ValueError for what the wire cannot carry, MAX_DEPTH included.
    """
    return _table_from_python(mapping, 0)


def _integer(tag: str, value: int) -> Field:
    packer = NUMBERS[tag]
    bits = packer.size * 8
    low, high = (0, 2**bits - 1) if tag == "T" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if not low <= value <= high:
        raise ValueError(f"{value} is no {_TYPE_NAMES[tag]}: it must lie between {low} and {high}")
    return Field(tag, value, tag.encode() + packer.pack(value))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _entry(key: str, field: Field) -> bytes:
    octets = _octets(key)
    if len(octets) > MAX_KEY:
        raise ValueError(f"field table key {key!r} has {len(octets)} octets: at most {MAX_KEY} fit")
    return bytes((len(octets),)) + octets + field.raw


def _read_entries(raw: bytes) -> Iterator[tuple[str, Field]]:
    pos = 0
    while pos < len(raw):
        start = pos + 1
        pos = start + raw[pos]
        key = raw[start:pos].decode("utf-8", "surrogateescape")
        field = _read_field(raw, pos)
        pos += len(field.raw)
        yield key, field


def _picked(raw: bytes, names: Container[bytes]) -> dict[bytes, bytes]:
    sizes = SIZES
    found: dict[bytes, bytes] = {}
    pos, end = 0, len(raw)
    while pos < end:
        start = pos + 1
        tag_at = start + raw[pos]
        name = raw[start:tag_at]
        size = sizes[raw[tag_at]]
        pos = tag_at + 1 + size if size < NESTED else tag_at + 5 + U32.unpack_from(raw, tag_at + 1)[0]
        if name in names and name not in found:
            found[name] = raw[tag_at:pos]
    return found


def read_field(octets: bytes) -> Field:
    """Read one value, tag and payload, as `Table.pick` gives it."""
    return _read_field(octets, 0)


def _read_field(data: bytes, pos: int) -> Field:
    """Read the value whose tag is at pos, in octets that check_table accepted; nested tables stay unread."""
    tag = chr(data[pos])
    body = pos + 1
    number = NUMBERS.get(tag)
    if number is not None:
        value = number.unpack_from(data, body)[0]
        return Field(tag, bool(value) if tag == "t" else value, data[pos : body + number.size])
    if tag == "V":
        return Field(tag, None, data[pos:body])
    if tag == "D":
        scale, unscaled = DECIMAL.unpack_from(data, body)
        return Field(tag, (scale, unscaled), data[pos : body + DECIMAL.size])
    start = body + 4
    raw = data[pos : start + U32.unpack_from(data, body)[0]]
    content = raw[5:]
    if tag == "F":
        return Field(tag, Table(content), raw)
    return Field(tag, tuple(_read_array(content)) if tag == "A" else content, raw)


def _read_array(raw: bytes) -> Iterator[Field]:
    pos = 0
    while pos < len(raw):
        field = _read_field(raw, pos)
        pos += len(field.raw)
        yield field


def _term(field: Field) -> object:
    """Return what RabbitMQ compares of a value, such that 5 and 5.0, and true and 1, differ in Python too."""
    value = field.value
    if isinstance(value, Table):
        return tuple((key, inner.type_name, _term(inner)) for key, inner in value.items())
    if field.tag == "A":
        return tuple((inner.type_name, _term(inner)) for inner in cast("tuple[Field, ...]", value))
    if isinstance(value, (bool, float)) or field.tag == "D":
        return (type(value), value)
    return value


def _to_python(field: Field) -> object:
    value = field.value
    if isinstance(value, Table):
        return value.to_python()
    if field.tag == "A":
        return [_to_python(inner) for inner in cast("tuple[Field, ...]", value)]
    if field.tag == "D":
        scale, unscaled = cast("tuple[int, int]", value)
        return Decimal(f"{unscaled}E-{scale}")
    if field.tag == "S":
        octets = cast("bytes", value)
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            return octets
    return value


def _table_from_python(mapping: Mapping[str, object], depth: int) -> Table:
    return Table.of([(key, _from_python(value, depth)) for key, value in mapping.items()])


def _from_python(value: object, depth: int) -> Field:
    if value is None:
        return void()
    if isinstance(value, bool):
        return boolean(value)
    if isinstance(value, int):
        return signedint(value) if -(2**31) <= value < 2**31 else long(value)
    if isinstance(value, float):
        return double(value)
    if isinstance(value, (str, bytes)):
        return longstr(value)
    if not isinstance(value, (list, Mapping)):
        raise TypeError(
            f"a field table cannot carry a {type(value).__name__} ({value!r}): "
            "give bool, int, float, str, bytes, None, list or a mapping"
        )
    if depth == MAX_DEPTH:
        raise ValueError(f"a field table cannot nest deeper than {MAX_DEPTH} levels")
    if isinstance(value, list):
        return array([_from_python(inner, depth + 1) for inner in value])
    return table(_table_from_python(value, depth + 1))


def _erlang(field: Field) -> bytes:
    """Print a value as Erlang's `~p` does, on one line."""
    value = field.value
    if value is None:
        return b"undefined"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, float):
        return erlang.floating(value)
    if isinstance(value, bytes):
        return erlang.latin_binary(value)
    if isinstance(value, Table):
        return b"[%b]" % b",".join(value.terms())
    if field.tag == "A":
        fields = cast("tuple[Field, ...]", value)
        members = [b"{%b,%b}" % (inner.type_name.encode(), _erlang(inner)) for inner in fields]
        return b"[%b]" % b",".join(members)
    if field.tag == "D":
        return b"{%d,%d}" % cast("tuple[int, int]", value)
    return str(value).encode()
