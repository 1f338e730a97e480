"""Columns of many messages: each value once and an octet a message where few are different, else a tuple.

A column holds nothing that the garbage collector would have to walk through message by message.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import repeat
from typing import Final, Generic, TypeVar

from amqpd.properties import Properties

T = TypeVar("T")

FEW: Final = 256
"""Different values up to which a column holds each of them once."""

OBJECT: Final = 57
"""Octets of a string of octets or text around its content, the slot for it included."""


class Column(ABC, Generic[T]):
    """One property of consecutive messages."""

    __slots__ = ()

    @abstractmethod
    def values(self, start: int, stop: int) -> Iterator[T]:
        """Those of the messages from `start` up to `stop`; maybe without end where all are the same."""

    def indexes(self, start: int, stop: int, wanted: frozenset[T]) -> list[int]:
        """Which of the messages from `start` up to `stop` have one of the wanted values."""
        return [at for at, each in zip(range(start, stop), self.values(start, stop), strict=False) if each in wanted]

    @abstractmethod
    def packed(self) -> tuple[tuple[T, ...], bytes | None]:
        """Its values, and for each message the place of its value (no octets: all have the first); None: the values
        are those of the messages, one by one.
        """

    @property
    @abstractmethod
    def cost(self) -> int:
        """Octets of memory, values that others share not counted."""


class Few(Column[T]):
    """Few different values."""

    __slots__ = ("_distinct", "_which")

    def __init__(self, distinct: tuple[T, ...], which: bytes) -> None:
        """`which`: for each message the place of its value; empty: all have the first."""
        self._distinct = distinct
        self._which = which

    def values(self, start: int, stop: int) -> Iterator[T]:
        if not self._which:
            return repeat(self._distinct[0])
        return map(self._distinct.__getitem__, self._which[start:stop])

    def indexes(self, start: int, stop: int, wanted: frozenset[T]) -> list[int]:
        hits = [each in wanted for each in self._distinct]
        if all(hits):
            return list(range(start, stop))
        if not any(hits):
            return []
        return [at for at, each in enumerate(self._which[start:stop], start) if hits[each]]

    def packed(self) -> tuple[tuple[T, ...], bytes | None]:
        return self._distinct, self._which

    @property
    def cost(self) -> int:
        return len(self._which)


class Many(Column[T]):
    """Texts or octets of which many are different."""

    __slots__ = ("_octets", "_values")

    def __init__(self, values: list[T], octets: int) -> None:
        """`octets`: those of all values together."""
        self._values = tuple(values)
        self._octets = octets

    def values(self, start: int, stop: int) -> Iterator[T]:
        return iter(self._values[start:stop])

    def packed(self) -> tuple[tuple[T, ...], bytes | None]:
        return self._values, None

    @property
    def cost(self) -> int:
        return self._octets + len(self._values) * OBJECT


class Headers(Column[Properties]):
    """Properties of which many are different: only their octets are kept."""

    __slots__ = ("_persistent", "_raw")

    def __init__(self, raw: tuple[bytes, ...], persistent: bytes) -> None:
        """What `Properties.again` makes them of."""
        self._raw = raw
        self._persistent = persistent

    def values(self, start: int, stop: int) -> Iterator[Properties]:
        return map(Properties.again, self._raw[start:stop], self._persistent[start:stop])

    def packed(self) -> tuple[tuple[Properties, ...], bytes | None]:
        return tuple(self.values(0, len(self._raw))), None

    @property
    def cost(self) -> int:
        return sum(map(len, self._raw)) + len(self._raw) * (OBJECT + 1)


def texts(values: list[str]) -> Column[str]:
    """Pack names."""
    return few(values) or Many(values, sum(map(len, values)))


def headers(values: list[Properties]) -> Column[Properties]:
    """Pack properties."""
    return few(values) or Headers(tuple([each.raw for each in values]), bytes([each.persistent for each in values]))


def octets(values: list[bytes | None]) -> Column[bytes | None]:
    """Pack what may be there or not."""
    return few(values) or Many(values, sum(len(each) for each in values if each is not None))


def few(values: list[T]) -> Few[T] | None:
    """Pack values of which at most FEW are different; None: there are more."""
    first = values[0]
    if all(each is first for each in values):
        return Few((first,), b"")
    known: dict[T, int] = {}
    which = bytearray()
    for value in values:
        at = known.setdefault(value, len(known))
        if at == FEW:
            return None
        which.append(at)
    return Few(tuple(known), bytes(which) if len(known) > 1 else b"")
