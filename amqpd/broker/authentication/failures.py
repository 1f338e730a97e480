"""Failed logins, and how long the next one of the same user from the same place has to wait."""

from __future__ import annotations

import ipaddress
from typing import Final

from amqpd.clock import Clock

FREE: Final = 3
"""Failures without a consequence: people mistype."""
FIRST: Final = 0.25
"""Seconds after one more; each further one doubles them."""
FORGOTTEN: Final = 60.0
"""Seconds without a failure after which all are forgotten."""
KEPT: Final = 4096
"""Pairs of user and place that are remembered, the latest ones."""
DOUBLINGS: Final = 32


class FailedLogins:
    """Counts them. `longest` is the longest delay, in seconds; 0: none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[tuple[str, str], tuple[int, float]] = {}
        self.longest = 0.0

    def delay(self, origin: str, name: str) -> float:
        """Seconds that a login has to wait before it is looked at."""
        count, last = self._counts.get((origin, name), (0, 0.0))
        if count < FREE or self._clock.monotonic() - last > FORGOTTEN:
            return 0.0
        return min(self.longest, FIRST * 2.0 ** min(count - FREE, DOUBLINGS))

    def failed(self, origin: str, name: str) -> None:
        """One more."""
        now = self._clock.monotonic()
        count, last = self._counts.pop((origin, name), (0, now))
        if len(self._counts) >= KEPT:
            del self._counts[next(iter(self._counts))]
        self._counts[origin, name] = (1 if now - last > FORGOTTEN else count + 1), now

    def succeeded(self, origin: str, name: str) -> None:
        """The user is known to come from there."""
        self._counts.pop((origin, name), None)


def place(origin: str) -> str:
    """What stands for an address: itself, or the network of 64 bits that a holder of IPv6 addresses chooses from."""
    try:
        address = ipaddress.ip_address(origin.partition("%")[0])
    except ValueError:
        return origin
    if address.version == 4:
        return str(address)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or ipaddress.ip_network((int(address) >> 64 << 64, 64)))
