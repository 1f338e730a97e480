"""The bytes that a connection has yet to send, and the marks at which its consumers pause and go on.

The model appends during a turn; whoever owns the socket sends at the turn's end. The first append of a turn puts the
outbox on the node's dirty list, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from amqpd.broker.message import Account


class Transport(ABC):
    """Port: who moves the bytes of one connection."""

    __slots__ = ()

    @abstractmethod
    def flush(self) -> None:
        """Send what the outbox holds without blocking; never raise."""

    @abstractmethod
    def close(self, *, abort: bool) -> None:
        """End the connection: at once (`abort`), or after what is in the outbox was sent."""

    @abstractmethod
    def reading_changed(self) -> None:
        """`Connection.reading` changed."""


class Outbox:
    """Unsent bytes of one connection, in order."""

    __slots__ = (
        "_account",
        "_accounted",
        "_dirty",
        "_high",
        "_low",
        "_queued",
        "on_drained",
        "on_over",
        "over",
        "over_at",
        "parts",
        "sends",
        "sent",
        "size",
        "transport",
    )

    def __init__(self, dirty: list[Outbox], account: Account, high: int, low: int) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.sent = 0
        """Octets sent so far, for the heartbeat."""
        self.sends = 0
        """Times that something was sent."""
        self.over = False
        """Above the high mark, and not yet below the low one again: consumers get nothing."""
        self.over_at = 0
        """Its size when it went above the high mark: one large message may have done that alone."""
        self.transport: Transport | None = None
        self.on_over: Callable[[], None] | None = None
        self.on_drained: Callable[[], None] | None = None
        self._dirty = dirty
        self._account = account
        self._accounted = 0
        self._high = high
        self._low = low
        self._queued = False

    def append(self, frame: bytes) -> None:
        """Queue one whole frame."""
        self.parts.append(frame)
        self.grown(len(frame))

    def grown(self, octets: int) -> None:
        """`octets` were appended to `parts` directly."""
        self.size += octets
        if not self._queued:
            self._queued = True
            self._dirty.append(self)
        if self.size > self._high and not self.over:
            self.over = True
            self.over_at = self.size
            if self.on_over is not None:
                self.on_over()

    def take(self, limit: int = 0) -> bytes:
        """Remove and return the oldest octets as one piece: everything, or (with a limit) about so many.

        A part above the limit comes alone and is not copied.
        """
        parts = self.parts
        if not limit or self.size <= limit:
            self.parts = []
            return parts[0] if len(parts) == 1 else b"".join(parts)
        count = octets = 0
        for part in parts:
            octets += len(part)
            if count and octets > limit:
                break
            count += 1
        taken = parts[:count]
        del parts[:count]
        return taken[0] if count == 1 else b"".join(taken)

    def was_sent(self, octets: int) -> None:
        """`octets` left; below the low mark the consumers go on."""
        self.size -= octets
        self.sent += octets
        self.sends += 1
        if self.over and self.size <= self._low:
            self.over = False
            if self.on_drained is not None:
                self.on_drained()

    def flushed(self) -> None:
        """A flush is over: the next append marks the connection dirty again, and what stays is accounted for."""
        self._queued = False
        if self.size != self._accounted:
            self._account.octets += self.size - self._accounted
            self._accounted = self.size

    def discard(self) -> None:
        """The peer is gone: forget what was not sent."""
        self.parts = []
        self.size = 0
        self.over = False
        self.flushed()
