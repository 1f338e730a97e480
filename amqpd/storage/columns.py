"""Octets of columns: how the rows of a journal are written, and read back with few objects."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Collection, Sequence
from struct import Struct
from typing import Final, NamedTuple, TypeVar

T = TypeVar("T")

_U32: Final = Struct("<I")
EMPTY: Final = _U32.pack(0)
NUMBERS: Final = "Q"
SIGNED: Final = "q"
INDEXES: Final = "I"
assert array(INDEXES).itemsize == 4
assert array(NUMBERS).itemsize == array(SIGNED).itemsize == 8


class Repeating(NamedTuple):
    """A column whose values repeat."""

    values: list[bytes]
    """The different ones."""
    places: array[int]
    """Which of them comes where."""

    def expanded(self) -> list[bytes]:
        """All values, in their places."""
        return [self.values[place] for place in self.places]

    def at(self, places: Sequence[int], made: Callable[[bytes], T]) -> list[T]:
        """Those at some places; what is made of a value is made once."""
        values = [made(value) for value in self.values]
        if len(values) == 1:
            return values * len(places)
        return [values[self.places[place]] for place in places]


def text(octets: bytes) -> str:
    """The text that `Writer.repeating_texts` wrote as these octets."""
    return octets.decode("utf-8", "surrogateescape")


class Writer:
    """Columns, one after the other; each begins with how many values it has."""

    __slots__ = ("parts",)

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def u32(self, value: int) -> None:
        self.parts.append(_U32.pack(value))

    def numbers(self, values: Collection[int]) -> None:
        self._column(NUMBERS, values)

    def signed(self, values: Collection[int]) -> None:
        self._column(SIGNED, values)

    def indexes(self, values: Collection[int]) -> None:
        self._column(INDEXES, values)

    def blobs(self, values: Collection[bytes]) -> None:
        """Lengths first, then all octets in one piece."""
        self._column(INDEXES, [len(value) for value in values])
        self.parts += values

    def repeating(self, values: list[bytes]) -> None:
        """Each different value once, and which of them comes where."""
        places: dict[bytes, int] = {}
        indexes = [places.setdefault(value, len(places)) for value in values]
        self.blobs(places)
        self._column(INDEXES, indexes)

    def repeating_texts(self, values: list[str]) -> None:
        """The same for texts."""
        places: dict[str, int] = {}
        indexes = [places.setdefault(value, len(places)) for value in values]
        self.blobs([value.encode("utf-8", "surrogateescape") for value in places])
        self._column(INDEXES, indexes)

    def _column(self, code: str, values: Collection[int]) -> None:
        if not values:  # most columns of a commit of one message
            self.parts.append(EMPTY)
            return
        column = array(code, values)
        if sys.byteorder == "big":
            column.byteswap()
        self.parts.append(_U32.pack(len(column)))
        self.parts.append(column.tobytes())


class Reader:
    """The same in the other direction."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def u32(self) -> int:
        [value] = _U32.unpack_from(self._data, self._at)
        self._at += 4
        return int(value)

    def column(self, code: str) -> array[int]:
        count = self.u32()
        column: array[int] = array(code)
        end = self._at + count * column.itemsize
        column.frombytes(self._data[self._at : end])
        self._at = end
        if sys.byteorder == "big":
            column.byteswap()
        return column

    def blobs(self) -> list[bytes]:
        found = []
        lengths, at = self.column(INDEXES), self._at
        for length in lengths:
            found.append(self._data[at : at + length])
            at += length
        self._at = at
        return found

    def repeating(self) -> Repeating:
        return Repeating(self.blobs(), self.column(INDEXES))

    def skip_column(self, code: str) -> None:
        count = self.u32()
        self._at += count * array(code).itemsize

    def skip_blobs(self) -> None:
        lengths = self.column(INDEXES)
        self._at += sum(lengths)
