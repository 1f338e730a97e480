"""Checks of logins that wait for a thread: a few run at a time, and origins take turns.

So a storm of logins from one address makes that address wait, and costs the broker's own thread a bounded share of the
machine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from amqpd.broker.pending import Pending
from amqpd.broker.ports import Offload
from amqpd.errors import LoginRefused

T = TypeVar("T")

OF_ONE: Final = 256
"""Checks of one origin that may wait."""
OF_ALL: Final = 4096
"""Those of all origins together."""


class WaitingChecks(Generic[T]):
    """At most `at_once` of them run."""

    def __init__(self, offload: Offload, at_once: int) -> None:
        self._offload = offload
        self._free = at_once
        self._lines: dict[str, deque[tuple[Callable[[], T], Pending[T]]]] = {}
        """What waits, by origin; the next one's turn is first."""
        self._waiting = 0

    def run(self, origin: str, check: Callable[[], T]) -> Pending[T]:
        """Run a check when it is its turn. Raises LoginRefused where too many wait."""
        pending: Pending[T] = Pending()
        if self._free:
            self._start(check, pending)
            return pending
        line = self._lines.get(origin)
        if self._waiting >= OF_ALL or (line is not None and len(line) >= OF_ONE):
            raise LoginRefused("too many logins wait for their check")
        if line is None:
            line = self._lines[origin] = deque()
        line.append((check, pending))
        self._waiting += 1
        return pending

    def _start(self, check: Callable[[], T], pending: Pending[T]) -> None:
        self._free -= 1
        running = self._offload.run(check)
        running.when_done(self._finished)
        running.pass_on(pending)

    def _finished(self, _: Pending[T]) -> None:
        self._free += 1
        if not self._lines:
            return
        origin, line = next(iter(self._lines.items()))
        del self._lines[origin]
        check, pending = line.popleft()
        self._waiting -= 1
        if line:
            self._lines[origin] = line
        self._start(check, pending)
