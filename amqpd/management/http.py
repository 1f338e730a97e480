"""Bytes to requests and back, over HTTP/1.1: one trio task a connection, each wait under a timeout.

h11 knows the protocol; here is decided how long a client may take, how much it may send and how many there are.
A slow client costs its own task and nobody else.
"""

from __future__ import annotations

import socket
from typing import Final

import h11
import trio

from amqpd.log import get_logger
from amqpd.management.message import BodyIncomplete, BodyTooLarge, Handle, Request, Response
from amqpd.protocol.endpoint import Endpoint

log = get_logger(__name__)

MAX_BODY: Final = 20_000_000
"""Octets; RabbitMQ's management.http.max_body_size."""
MAX_HEAD: Final = 64 * 1024
MAX_CONNECTIONS: Final = 512
"""More than any number of dashboards. When there are so many, the one that has waited longest for a request goes."""
RECEIVE: Final = 64 * 1024
SEND: Final = 256 * 1024
IDLE: Final = 75.0
"""Seconds that a connection may take for its next request's head."""
PATIENCE: Final = 30.0
"""Seconds without progress that a request's body, or the sending of a response, may take."""
LEFTOVER: Final = 1024 * 1024
"""Octets of an unread body that are read and dropped, so that its sender gets to read the answer."""


class HttpServer:
    """The HTTP connections of one broker."""

    def __init__(self, handle: Handle, nursery: trio.Nursery) -> None:
        self._handle = handle
        self._nursery = nursery
        self._open = 0
        self._idle: dict[trio.CancelScope, None] = {}
        """Connections that wait for a request, the longest waiting one first."""

    def admit(self, sock: socket.socket, peer: tuple[str, int], own: tuple[str, int]) -> None:
        """Take an accepted socket. Where too many are open, one that asks for nothing gives way."""
        if self._open >= MAX_CONNECTIONS:
            if not self._idle:
                log.warning("HTTP connection refused: too many are open", peer=peer[0], limit=MAX_CONNECTIONS)
                sock.close()
                return
            longest = next(iter(self._idle))
            del self._idle[longest]
            longest.cancel()
        self._open += 1
        self._nursery.start_soon(self._serve, sock, Endpoint(*peer, *own))

    async def _serve(self, sock: socket.socket, endpoint: Endpoint) -> None:
        try:
            async with trio.SocketStream(trio.socket.from_stdlib_socket(sock)) as stream:
                await _Conversation(stream, self._handle, endpoint, self._idle).run()
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client is gone
        except h11.ProtocolError as error:
            log.debug("HTTP connection closed", peer=endpoint.peer_host, reason=str(error))
        except Exception as error:  # a defect must cost this connection, not the broker
            log.error("internal error in an HTTP connection", exc_info=error)
        finally:
            self._open -= 1


class _Conversation:
    """Requests and responses on one connection, one after the other."""

    def __init__(
        self, stream: trio.SocketStream, handle: Handle, endpoint: Endpoint, idle: dict[trio.CancelScope, None]
    ) -> None:
        self._stream = stream
        self._handle = handle
        self._endpoint = endpoint
        self._idle = idle
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    async def run(self) -> None:
        """Go on until either side is done."""
        while True:
            try:
                request = await self._request()
            except h11.RemoteProtocolError as error:
                await self._refuse(error)
                return
            if request is None:
                return
            response = await self._handle(request)
            await self._send(response, with_body=request.method != "HEAD")
            await self._drop_rest()
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def _request(self) -> Request | None:
        event = None
        with trio.move_on_after(IDLE) as scope:
            self._idle[scope] = None
            try:
                event = await self._event()
            finally:
                self._idle.pop(scope, None)
        if not isinstance(event, h11.Request):
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        method, target = event.method.decode("latin-1"), event.target.decode("latin-1")
        return Request(method, target, headers, self._endpoint, self._body)

    async def _event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._stream.send_all(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            self._http.receive_data(await self._stream.receive_some(RECEIVE))

    async def _body(self) -> bytes:
        """The whole body. Raises BodyTooLarge, BodyIncomplete."""
        parts, size = [], 0
        while self._http.their_state is h11.SEND_BODY:
            part = await self._body_part()
            parts.append(part)
            size += len(part)
            if size > MAX_BODY:
                raise BodyTooLarge
        return b"".join(parts)

    async def _body_part(self) -> bytes:
        event: object = None
        with trio.move_on_after(PATIENCE):
            try:
                event = await self._event()
            except h11.RemoteProtocolError as error:
                raise BodyIncomplete from error
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if isinstance(event, h11.EndOfMessage):
            return b""
        raise BodyIncomplete

    async def _drop_rest(self) -> None:
        """Read what is left of a body, if it isn't much."""
        left = LEFTOVER
        try:
            while self._http.their_state is h11.SEND_BODY and left > 0:
                left -= len(await self._body_part()) or 1
        except BodyIncomplete:
            pass

    async def _send(self, response: Response, *, with_body: bool = True) -> None:
        headers = [*response.headers]
        if response.status != 204:
            headers.append(("content-length", str(response.length)))
        waiting = [self._http.send(h11.Response(status_code=response.status, headers=headers)) or b""]
        size = 0
        for part in response.body if with_body else ():
            waiting.append(self._http.send(h11.Data(data=part)) or b"")
            size += len(part)
            if size >= SEND:
                await self._send_all(b"".join(waiting))
                waiting, size = [], 0
        waiting.append(self._http.send(h11.EndOfMessage()) or b"")
        await self._send_all(b"".join(waiting))

    async def _send_all(self, data: bytes) -> None:
        with trio.move_on_after(PATIENCE) as scope:
            await self._stream.send_all(data)
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("the client does not read its response")

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """What came is no HTTP: say so, if anything can be said."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            text = f"{error}\n".encode("utf-8", "replace")
            headers = (("content-type", "text/plain; charset=utf-8"), ("connection", "close"))
            await self._send(Response(error.error_status_hint, (text,), headers))
