"""How values of the model stand in columns, and back: everything comes back as it was.

Text stands as itself, or as its octets where it is no UTF-8; what has parts stands as JSON. Field tables stand twice:
as JSON for whoever reads the table, and as the octets that count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

from amqpd.broker.definitions import Cell, Kind
from amqpd.field_checks import FieldError
from amqpd.fields import Table


def text_cell(text: str) -> Cell:
    """Text, or its octets where it has some that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
    return text


def json_cell(value: object) -> str:
    """JSON with characters as themselves; octets that are no UTF-8 stand as lone surrogates (`\\udc80`)."""
    dumped = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return dumped.encode("utf-8", "backslashreplace").decode()


def number_cell(number: float) -> Cell:
    """A number; an integer of more than 64 bits stands as its digits."""
    if isinstance(number, int) and not -(2**63) <= number < 2**63:
        return str(number)
    return number


def table_cells(table: Table) -> tuple[Cell, Cell]:
    """JSON to read, octets to keep."""
    return json_cell(table.to_python()), table.raw


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, Decimal):
        return float(value)
    return dict(value) if isinstance(value, Mapping) else str(value)


class BadCell(ValueError):
    """A column holds what it cannot hold; the text says which one and what it should be."""


class Row:
    """One row, read column by column. Raises BadCell where a column holds something else than is asked for."""

    def __init__(self, kind: Kind, key: tuple[Cell, ...], values: tuple[Cell, ...]) -> None:
        self.kind = kind
        self.key = key
        self._cells = dict(zip((*kind.key, *kind.values), (*key, *values), strict=True))

    def shown(self, column: str) -> str:
        """What it holds, as text at any rate."""
        cell = self._cells[column]
        return self.text(column) if isinstance(cell, str | bytes) else str(cell)

    def present(self, column: str) -> bool:
        """Whether it holds anything."""
        return self._cells[column] is not None

    def text(self, column: str) -> str:
        cell = self._cells[column]
        if isinstance(cell, bytes):
            return cell.decode("utf-8", "surrogateescape")
        if not isinstance(cell, str):
            raise self._bad(column, "text")
        return cell

    def text_or_none(self, column: str) -> str | None:
        return None if self._cells[column] is None else self.text(column)

    def flag(self, column: str) -> bool:
        cell = self._cells[column]
        if cell not in (0, 1):
            raise self._bad(column, "0 or 1")
        return bool(cell)

    def integer(self, column: str) -> int:
        """A whole number, not negative."""
        cell = self._cells[column]
        if not isinstance(cell, int) or cell < 0:
            raise self._bad(column, "a whole number, not negative")
        return cell

    def number(self, column: str) -> float:
        cell = self._cells[column]
        if isinstance(cell, int | float):
            return cell
        try:
            return int(self.text(column))
        except ValueError:
            raise self._bad(column, "a number") from None

    def table(self, column: str) -> Table:
        cell = self._cells[column]
        if not isinstance(cell, bytes):
            raise self._bad(column, "the octets of a field table")
        try:
            return Table.parse(cell)
        except FieldError as error:
            raise BadCell(f"{column} is no field table: {error}") from None

    def mapping(self, column: str) -> dict[str, object]:
        found = self.json(column)
        if not isinstance(found, dict):
            raise self._bad(column, "a JSON object")
        return found

    def texts(self, column: str) -> tuple[str, ...]:
        found = self.json(column)
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise self._bad(column, "a JSON array of texts")
        return tuple(found)

    def json(self, column: str) -> object:
        """Any JSON."""
        try:
            return json.loads(self.text(column))
        except ValueError:
            raise self._bad(column, "JSON") from None

    def _bad(self, column: str, expected: str) -> BadCell:
        return BadCell(f"{column} is {self._cells[column]!r:.200}: expected {expected}")
