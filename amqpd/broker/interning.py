"""Equal values as one object: a hundred thousand queues have few different arguments and settings."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

T = TypeVar("T", bound=Hashable)

KEPT: Final = 4096
"""Different values that are remembered; then it begins anew, since clients can make up any number of them."""


class Interned(Generic[T]):
    """The values of one kind that are remembered."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[T, T] = {}

    def one(self, value: T) -> T:
        """The object for all values equal to this one."""
        if len(self._known) >= KEPT:
            self._known.clear()
        return self._known.setdefault(value, value)
