"""Resource alarms: while one is in force, connections that publish are not read from.

The memory alarm has two sources: the broker's own account of the bytes it holds, and the resident size of the
process, which a Python heap seldom gives back. So the second one clears also once the account is below half of the
limit: an alarm always ends when the queues are drained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

MEMORY: Final = "memory"
DISK: Final = "disk"
_ORDER: Final = (DISK, MEMORY)


class Alarms:
    """Which resources are short. Sources are independent: a resource is short while any of its sources says so."""

    __slots__ = ("_sources", "on_change", "reasons")

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str], None] = {}
        self.reasons: tuple[str, ...] = ()
        """Short resources, disk first."""
        self.on_change: Callable[[], None] | None = None

    def set(self, resource: str, source: str, short: bool) -> None:
        """Raise or clear one source of an alarm."""
        if short:
            self._sources[resource, source] = None
        else:
            self._sources.pop((resource, source), None)
        reasons = tuple(each for each in _ORDER if any(known == each for known, _ in self._sources))
        if reasons != self.reasons:
            self.reasons = reasons
            if self.on_change is not None:
                self.on_change()

    @property
    def text(self) -> str:
        """The reason as connection.blocked gives it."""
        return "low on " + " & ".join(self.reasons)


class MemoryWatch:
    """Decides the memory alarm from the account and the resident size, both in octets against one limit.

    A limit of 0 raises the alarm for good, and so does one that is set later below what the process takes anyway: that
    is how test suites block publishers, since RabbitMQ never takes so little. Between 95 and 100 % of the limit the
    account changes nothing, so that a queue at the limit doesn't make the alarm flap.
    """

    __slots__ = ("_account", "_account_short", "_alarms", "_floor", "_limit", "_low", "_resident_short")

    def __init__(self, alarms: Alarms, limit: int, floor: int = 0) -> None:
        """`floor` is what the process takes, in octets, while the broker holds nothing; a `limit` below it is about the
        account alone.
        """
        self._alarms = alarms
        self._account = 0
        self._account_short = False
        self._resident_short = False
        self._floor = 0
        self.set_limit(limit)
        self._floor = floor

    @property
    def limit(self) -> int:
        """Octets above which the alarm is raised."""
        return self._limit

    def set_limit(self, limit: int) -> None:
        """Compare with another limit from now on."""
        self._limit = limit
        self._low = limit * 95 // 100
        self._alarms.set(MEMORY, "limit", short=limit == 0 or limit < self._floor)
        self.check_account(self._account)

    def check_account(self, octets: int) -> None:
        """Compare the broker's account; called at the end of every turn."""
        self._account = octets
        short = octets > (self._low if self._account_short else self._limit)
        short = short and self._limit > 0
        if short is not self._account_short:
            self._account_short = short
            self._alarms.set(MEMORY, "account", short)

    def check_resident(self, octets: int) -> None:
        """Compare the process's resident size; called every few seconds."""
        if octets <= self._limit or self._account < self._limit // 2:
            self._resident_short = False
        elif self._account >= self._limit // 2:
            self._resident_short = True
        self._alarms.set(MEMORY, "resident", self._resident_short)
