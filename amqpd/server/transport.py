"""One socket's sending side: as much as fits without blocking at the end of each turn, the rest by a writer task.

The writer task exists only while bytes wait. A send error marks this connection dead and wakes its own task; it never
raises inside another connection's turn.
"""

from __future__ import annotations

import socket
from abc import abstractmethod
from collections.abc import Callable
from typing import Final

import trio

from amqpd.protocol.connection import Connection
from amqpd.protocol.outbox import Transport

JOIN: Final = 256 * 1024
"""Octets that are joined into one send; a larger body goes out alone, without a copy."""


class SocketTransport(Transport):
    """Sends for one connection; subclasses say how bytes reach the socket."""

    __slots__ = (
        "_aborted",
        "_closing",
        "_connection",
        "_nursery",
        "_on_sent",
        "_piece",
        "_scope",
        "_writing",
        "handling",
        "reading",
        "sock",
    )

    def __init__(
        self, sock: socket.socket, connection: Connection, nursery: trio.Nursery, on_sent: Callable[[], object]
    ) -> None:
        self.sock = sock
        self.reading = trio.Event()
        """Set whenever `Connection.reading` may have become true."""
        self.handling = False
        """What was read last is still being handled, turn by turn."""
        self._connection = connection
        self._nursery = nursery
        self._on_sent = on_sent
        self._piece: bytes | memoryview | None = None
        """What was taken from the outbox and is not sent to its end yet."""
        self._writing = False
        self._closing = False
        self._aborted = False
        self._scope = trio.CancelScope()

    # -- Transport, for the protocol -------------------------------------------------------------------------------

    def flush(self) -> None:
        outbox = self._connection.outbox
        if not self._writing and not self._aborted:
            self._send_now()
            if (outbox.size or self.pending) and not self._aborted:
                self._writing = True
                self._nursery.start_soon(self._write)
        if self._aborted:
            outbox.discard()
        outbox.flushed()
        self._connection.flushed()
        if self._closing and not self._writing and not outbox.size:
            self._end()

    def close(self, *, abort: bool) -> None:
        if abort:
            self._aborted = True
            self._end()
        else:
            self._closing = True
            if not self._connection.outbox.size and not self._writing:
                self._end()

    def reading_changed(self) -> None:
        self.reading.set()

    def has_input(self) -> bool:
        """Whether something that the peer sent, its end included, waits to be handled."""
        if self.handling:
            return True
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return False
        return True

    # -- for the connection's own task -----------------------------------------------------------------------------

    @property
    def scope(self) -> trio.CancelScope:
        """Cancelled when the connection is over: by an abort, a send error, or a finished close."""
        return self._scope

    @property
    def aborted(self) -> bool:
        """Whether the socket is to be dropped at once, with what wasn't sent."""
        return self._aborted

    @property
    def pending(self) -> bool:
        """Whether bytes that left the outbox still wait for the socket."""
        return False

    @abstractmethod
    def send_some(self, data: bytes | memoryview) -> int:
        """Send without blocking; return how many octets of `data` were taken. Raises BlockingIOError or OSError."""

    def say_end(self) -> None:
        """Tell the peer that nothing more comes, where there is a way beside the end of the stream. Raises OSError."""

    # -- inside ----------------------------------------------------------------------------------------------------

    def _send_now(self) -> None:
        """Send until everything is out or the socket is full."""
        outbox = self._connection.outbox
        try:
            if self.pending:
                self.send_some(b"")
            while True:
                piece = self._piece
                if piece is None:
                    if not outbox.parts:
                        return
                    piece = outbox.take(JOIN)
                self._piece = piece
                sent = self.send_some(piece)
                outbox.was_sent(sent)
                if sent < len(piece):
                    self._piece = memoryview(piece)[sent:]
                    return
                self._piece = None
        except BlockingIOError:
            return
        except OSError:
            self._aborted = True
            self._end()

    async def _write(self) -> None:
        """Send what did not fit, whenever the socket takes more."""
        outbox = self._connection.outbox
        try:
            while (outbox.size or self.pending) and not self._aborted:
                await trio.lowlevel.wait_writable(self.sock)
                self._send_now()
                # What was drained may let queues and readers go on: that is a turn like any other.
                self._on_sent()
        except (trio.ClosedResourceError, OSError):
            self._aborted = True
        finally:
            self._writing = False
            if self._aborted:
                outbox.discard()
            outbox.flushed()
            if self._closing or self._aborted:
                self._end()

    def _end(self) -> None:
        self._scope.cancel()


class PlainTransport(SocketTransport):
    """Bytes go to the socket as they are."""

    __slots__ = ()

    def send_some(self, data: bytes | memoryview) -> int:
        return self.sock.send(data)
