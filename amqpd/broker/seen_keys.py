"""A bounded memory of keys, each for a time: was this one there lately?

The oldest keys go first where there are too many. What a key costs is in the account.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from amqpd.broker.message import Account
from amqpd.broker.timers import Timers
from amqpd.fields import Field

DEDUPLICATION_HEADER: Final = "x-deduplication-header"
KEY_OCTETS: Final = 250
"""What a remembered key costs, roughly: long ones are remembered by their digest."""
LONG: Final = 64

Key = tuple[type, object]


def key_of(field: Field | None) -> Key | None:
    """What tells the values of a header apart: integers of any width are alike; None: absent or void."""
    if field is None or field.value is None:
        return None
    value = field.value
    if not isinstance(value, bool | int | float | bytes):
        value = field.raw
    if isinstance(value, bytes) and len(value) > LONG:
        return blake2b, blake2b(value, digest_size=16).digest()
    return type(value), value


class SeenKeys:
    """Keys in the order in which they came."""

    __slots__ = ("_account", "_deadlines", "_limit", "_timers", "_ttl")

    def __init__(self, limit: int, ttl: float | None, timers: Timers, account: Account) -> None:
        self._limit = limit
        self._ttl = ttl
        self._timers = timers
        self._account = account
        self._deadlines: OrderedDict[Key, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._deadlines)

    def add(self, key: Key, ttl: float | None = None) -> bool:
        """Remember a key, for `ttl` seconds instead of the usual time; return False where it is known still."""
        now = self._timers.now()
        deadline = self._deadlines.get(key)
        if deadline is not None:
            if deadline > now:
                return False
            self._forget(key)
        self._forget_expired(now)
        if len(self._deadlines) >= self._limit:
            self._forget(next(iter(self._deadlines)))
        ttl = self._ttl if ttl is None else ttl
        self._deadlines[key] = float("inf") if ttl is None else now + ttl
        self._account.charge(KEY_OCTETS)
        return True

    def clear(self) -> None:
        """Forget all."""
        self._account.charge(-KEY_OCTETS * len(self._deadlines))
        self._deadlines.clear()

    def _forget_expired(self, now: float) -> None:
        """The oldest, and no more of them than come: whatever is behind one that lives on waits for its turn."""
        for _ in range(2):
            oldest = next(iter(self._deadlines), None)
            if oldest is None or self._deadlines[oldest] > now:
                return
            self._forget(oldest)

    def _forget(self, key: Key) -> None:
        del self._deadlines[key]
        self._account.charge(-KEY_OCTETS)
