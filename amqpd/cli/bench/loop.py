"""Many connections in one client process: each moves what it can whenever its socket is ready, and none ever waits.

A process for each connection would measure the scheduler of a machine with fewer cores than connections.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Sequence
from typing import Protocol

_READ = selectors.EVENT_READ
_READ_WRITE = selectors.EVENT_READ | selectors.EVENT_WRITE


class Lane(Protocol):
    """One connection under load; both methods return without waiting and raise BenchError."""

    @property
    def blocked(self) -> bool:
        """Whether octets wait for room in the socket."""

    def fileno(self) -> int:
        """Return the socket's number."""

    def receive(self) -> None:
        """Take in what has come."""

    def push(self) -> None:
        """Send what may be sent now."""


def drive(lanes: Sequence[Lane], finished: Callable[[], bool], patience: float, *, timed: bool = False) -> None:
    """Serve all lanes until `finished`, which is asked at least every `patience` seconds.

    `timed` lanes may have something to send although nothing came: they are pushed every time.
    """
    with selectors.DefaultSelector() as selector:
        writing = set()
        for lane in lanes:
            lane.push()
            selector.register(lane, _READ_WRITE if lane.blocked else _READ, lane)
            if lane.blocked:
                writing.add(lane)
        while not finished():
            ready = selector.select(patience)
            for key, events in ready:
                if events & _READ:
                    key.data.receive()
            for lane in lanes if timed else [key.data for key, _ in ready]:
                lane.push()
                if lane.blocked != (lane in writing):
                    selector.modify(lane, _READ_WRITE if lane.blocked else _READ, lane)
                    writing.symmetric_difference_update((lane,))


def deal(count: int, processes: int) -> list[range]:
    """Spread `count` connections over at most `processes` client processes, as evenly as can be."""
    used = min(count, processes)
    return [range(first, count, used) for first in range(used)]
