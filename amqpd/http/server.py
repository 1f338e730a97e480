"""Accepted sockets become conversations, at most so many at once; a defect costs the one where it happens."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from amqpd.http.conversation import Conversation, ProtocolError
from amqpd.http.handshaking import Handshaking
from amqpd.http.limits import Limits
from amqpd.http.message import Handle
from amqpd.log import get_logger
from amqpd.protocol.endpoint import Endpoint

log = get_logger(__name__)

USUAL: Final = Limits()


Arrive = Callable[[socket.socket, Endpoint, float], Awaitable[Endpoint | None]]
"""Takes what a proxy says in front of the first octet, in so many seconds: the two ends as they are behind it; None:
it said nothing that is understood. May raise OSError.
"""


class HttpServer:
    """The HTTP connections of one purpose: all that `handle` answers."""

    def __init__(
        self,
        handle: Handle,
        nursery: trio.Nursery,
        limits: Limits = USUAL,
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
        turn: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint,
        arrive: Arrive | None = None,
    ) -> None:
        self._handle = handle
        self._nursery = nursery
        self._limits = limits
        self._tls = tls
        """What new connections of `admit_tls` are served with."""
        self._turn = turn
        """Waited for before each step of a TLS handshake."""
        self._arrive = arrive
        self._open = 0
        self._idle: dict[trio.CancelScope, None] = {}
        """Connections that wait for a request, the longest waiting one first."""

    def admit(self, sock: socket.socket, peer: tuple[str, int], own: tuple[str, int]) -> None:
        """Take an accepted socket. Where too many are open, one that asks for nothing gives way."""
        self._take(sock, Endpoint(*peer, *own))

    def admit_tls(self, sock: socket.socket, peer: tuple[str, int], own: tuple[str, int]) -> None:
        """Take an accepted socket that starts with a TLS handshake."""
        self._take(sock, Endpoint(*peer, *own, tls=True))

    def _take(self, sock: socket.socket, endpoint: Endpoint) -> None:
        if self._open >= self._limits.connections:
            if not self._idle:
                log.warning("HTTP connection refused: too many are open", peer=endpoint.peer_host, limit=self._open)
                sock.close()
                return
            longest = next(iter(self._idle))
            del self._idle[longest]
            longest.cancel()
        self._open += 1
        self._nursery.start_soon(self._serve, sock, endpoint)

    async def _serve(self, sock: socket.socket, accepted: Endpoint) -> None:
        endpoint = accepted
        try:
            async with trio.SocketStream(trio.socket.from_stdlib_socket(sock)) as plain:
                if self._arrive is not None:
                    arrived = await self._arrival(self._arrive, sock, accepted)
                    if arrived is None:
                        return
                    endpoint = arrived
                if not endpoint.tls:
                    await self._converse(plain, endpoint)
                    return
                secured = await self._handshake(plain, endpoint)
                if secured is not None:
                    await self._converse(secured, endpoint)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client is gone
        except ProtocolError as error:
            log.debug("HTTP connection closed", peer=endpoint.peer_host, reason=str(error))
        except Exception as error:  # a defect must cost this connection, not the broker
            log.error("internal error in an HTTP connection", exc_info=error)
        finally:
            self._open -= 1

    async def _arrival(self, arrive: Arrive, sock: socket.socket, accepted: Endpoint) -> Endpoint | None:
        """Who the client is, where a proxy says so. One that says nothing gives way as others do."""
        with trio.CancelScope() as scope:
            self._idle[scope] = None
            try:
                return await arrive(sock, accepted, self._limits.patience)
            finally:
                self._idle.pop(scope, None)
        return None

    async def _converse(self, stream: trio.abc.Stream, endpoint: Endpoint) -> None:
        await Conversation(stream, self._handle, endpoint, self._limits, self._idle).run()

    async def _handshake(self, plain: trio.SocketStream, endpoint: Endpoint) -> trio.SSLStream[Handshaking] | None:
        """The stream within TLS; None: there is none in time."""
        context = self._tls()
        if context is None:
            return None
        below = Handshaking(plain, self._turn)
        stream = trio.SSLStream(below, context, server_side=True, https_compatible=True)
        with trio.move_on_after(self._limits.patience) as scope:
            self._idle[scope] = None
            try:
                await stream.do_handshake()
                below.over = True
            except trio.BrokenResourceError as error:
                log.debug("TLS handshake failed", peer=endpoint.peer_host, reason=str(error.__cause__ or error))
                return None
            finally:
                self._idle.pop(scope, None)
        return None if scope.cancelled_caught else stream
