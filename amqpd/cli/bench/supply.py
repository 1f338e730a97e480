"""Prepared publishes, handed out again and again without packing or copying anything."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


class Supply:
    """Complete publishes, repeated in order into one buffer of about `octets` (all of them at least once).

    Raises ValueError if there are none.
    """

    __slots__ = ("_at", "_edges", "_view", "size")

    def __init__(self, publishes: Sequence[bytes], octets: int = 1 << 16) -> None:
        if not publishes:
            raise ValueError("a supply needs at least one publish")
        rounds = max(1, octets // sum(map(len, publishes)))
        repeated = list(publishes) * rounds
        self.size = len(repeated)
        self._edges = list(accumulate(map(len, repeated), initial=0))
        self._view = memoryview(b"".join(repeated))
        self._at = 0

    def take(self, most: int) -> tuple[memoryview, int]:
        """Return the octets of the next publishes and how many they are: at least 1, `most` or fewer."""
        start = self._at
        end = min(start + most, self.size)
        self._at = end if end < self.size else 0
        return self._view[self._edges[start] : self._edges[end]], end - start
