"""Heartbeats in both directions, by counting octets: no timer is touched per frame.

Sending: every half interval a heartbeat goes out if nothing else was sent meanwhile; the first tick always sends.
Receiving: every interval the octets received are compared; two silent intervals in a row end the connection, so a
peer is dropped between two and three intervals after its last octet. Any traffic counts. While the broker itself
doesn't read, it can't see the peer's heartbeats, and nothing is held against it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from amqpd.broker.timers import Timer, Timers

if TYPE_CHECKING:
    from amqpd.protocol.connection import Connection

FRAME: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"
SILENT_CHECKS: Final = 2


class Heartbeat:
    """Both monitors of one connection."""

    __slots__ = (
        "_connection",
        "_interval",
        "_on_timeout",
        "_receiving",
        "_seen",
        "_sending",
        "_silent",
        "_timers",
        "_written",
    )

    def __init__(self, connection: Connection, timers: Timers, interval: int, on_timeout: Callable[[], None]) -> None:
        """`interval` in seconds, above 0."""
        self._connection = connection
        self._timers = timers
        self._interval = interval
        self._on_timeout = on_timeout
        self._written = -1
        self._seen = connection.received
        self._silent = 0
        self._sending: Timer | None = timers.after(interval / 2, self._send)
        self._receiving: Timer | None = timers.after(interval, self._check)

    def stop(self) -> None:
        self._timers.cancel(self._sending)
        self._timers.cancel(self._receiving)

    def _send(self) -> None:
        outbox = self._connection.outbox
        if outbox.sent == self._written or self._written < 0:
            outbox.append(FRAME)
        self._written = outbox.sent + outbox.size
        self._sending = self._timers.after(self._interval / 2, self._send)

    def _check(self) -> None:
        received = self._connection.received
        if received != self._seen or not self._connection.listens:
            self._seen = received
            self._silent = 0
        else:
            self._silent += 1
        if self._silent >= SILENT_CHECKS:
            self._on_timeout()
        else:
            self._receiving = self._timers.after(self._interval, self._check)
