"""Field tables from JSON and back, as RabbitMQ's HTTP API and its definitions read and write them.

Whole numbers become 64-bit integers, others doubles, texts long strings. What JSON has no word for is shown by its
nearest: a timestamp is a number, octets that are no UTF-8 are shown with a replacement.
https://www.rabbitmq.com/docs/definitions
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from amqpd import fields
from amqpd.field_checks import MAX_DEPTH
from amqpd.fields import Field, Table


def table_from_json(value: Mapping[str, object]) -> Table:
    """Build a table. Raises ValueError, with the value in its text, for what a table cannot carry."""
    return _table(value, 0)


def _table(value: Mapping[str, object], depth: int) -> Table:
    for key in value:
        if len(key.encode("utf-8", "surrogatepass")) > 255:
            raise ValueError(f"the key '{key[:40]}...' is longer than 255 bytes, which no field table can carry")
    # An object of JSON has no order; RabbitMQ's has that of the keys, which the digest of a binding depends on.
    return Table.of([(_text(key), _field(value[key], depth)) for key in sorted(value)])


def _field(value: object, depth: int) -> Field:
    if value is None:
        return fields.void()
    if isinstance(value, bool):
        return fields.boolean(value)
    if isinstance(value, int):
        return fields.long(value)
    if isinstance(value, float):
        return fields.double(value)
    if isinstance(value, str):
        return fields.longstr(_text(value))
    if depth == MAX_DEPTH:
        raise ValueError(f"a field table cannot nest deeper than {MAX_DEPTH} levels")
    if isinstance(value, list):
        return fields.array([_field(each, depth + 1) for each in value])
    assert isinstance(value, Mapping)
    return fields.table(_table(value, depth + 1))


def _text(text: str) -> str:
    """JSON can write half of a surrogate pair; UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode() if any("\ud800" <= each <= "\udfff" for each in text) else text


def json_of(table: Table) -> dict[str, object]:
    """A table as JSON has it."""
    return {key: _plain(value) for key, value in table.to_python().items()} if table.raw else {}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value
