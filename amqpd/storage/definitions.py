"""Definitions in memory, and changes of them as one row of JSON, for engines that have no tables."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from amqpd.broker.definitions import Cell

Made: TypeAlias = tuple[str, tuple[Cell, ...], tuple[Cell, ...] | None]
"""Kind, key, and the new values; None: gone."""
OCTETS: Final = "octets"
"""The key of an object that stands for octets, in base64."""
CLEAR: Final = ""
"""The kind of a change that forgets everything before it."""


class Definitions:
    """All definitions, by kind."""

    __slots__ = ("_kinds",)

    def __init__(self) -> None:
        self._kinds: dict[str, dict[tuple[Cell, ...], tuple[Cell, ...]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._kinds.values()))

    def of(self, kind: str, columns: int) -> Mapping[tuple[Cell, ...], tuple[Cell, ...]]:
        """All of one kind, a copy; where there are fewer values than columns, None stands in the last ones."""
        nothing = (None,) * columns
        return {key: (*values, *nothing[len(values) :]) for key, values in self._kinds.get(kind, {}).items()}

    def change(self, kind: str, key: tuple[Cell, ...], values: tuple[Cell, ...] | None) -> None:
        """Set one, or remove it."""
        if kind == CLEAR:
            self._kinds.clear()
        elif values is None:
            self._kinds.get(kind, {}).pop(key, None)
        else:
            self._kinds.setdefault(kind, {})[key] = values

    def everything(self) -> Iterator[Made]:
        """All of them, as the changes that make them."""
        for kind, entries in self._kinds.items():
            for key, values in entries.items():
                yield kind, key, values


def encoded(changes: Iterable[Made], *, anew: bool = False) -> bytes:
    """Changes as JSON; `anew`: they replace everything before them."""
    first: list[Made] = [(CLEAR, (), None)] if anew else []
    made = [
        [kind, [_plain(cell) for cell in key], None if values is None else [_plain(cell) for cell in values]]
        for kind, key, values in (*first, *changes)
    ]
    return json.dumps(made, separators=(",", ":")).encode()


def decoded(data: bytes) -> list[Made]:
    """The changes again."""
    return [
        (kind, tuple(map(_cell, key)), None if values is None else tuple(map(_cell, values)))
        for kind, key, values in json.loads(data)
    ]


def _plain(cell: Cell) -> object:
    return {OCTETS: base64.b64encode(cell).decode("ascii")} if isinstance(cell, bytes) else cell


def _cell(plain: object) -> Cell:
    if isinstance(plain, dict):
        return base64.b64decode(plain[OCTETS])
    assert plain is None or isinstance(plain, str | int | float)
    return plain
