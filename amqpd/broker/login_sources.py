"""Logins by the address that they came from and the name that they claimed, where the settings ask for that.

Names and addresses are chosen by strangers: names are cut, and only the sources seen last are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

MOST: Final = 1000
LONGEST_NAME: Final = 255


class Source(NamedTuple):
    """Where logins came from."""

    protocol: str
    """amqp091 or http."""
    address: str
    user: str
    """What the client said; empty where it said nothing."""


class LoginSources:
    """Of one broker, since its start or the last `clear`."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._counts: dict[Source, tuple[int, int]] = {}

    def count(self, source: Source, *, accepted: bool) -> None:
        """Count one login; of too many sources the one that was seen longest ago is forgotten."""
        source = source._replace(user=source.user[:LONGEST_NAME])
        good, bad = self._counts.pop(source, (0, 0))
        self._counts[source] = (good + 1, bad) if accepted else (good, bad + 1)
        if len(self._counts) > self._most:
            del self._counts[next(iter(self._counts))]

    def __iter__(self) -> Iterator[tuple[Source, int, int]]:
        """Each source with how many were accepted and refused, the one that was seen longest ago first."""
        return ((source, good, bad) for source, (good, bad) in list(self._counts.items()))

    def clear(self) -> None:
        """Begin again."""
        self._counts.clear()
