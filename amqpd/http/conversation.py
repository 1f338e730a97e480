"""Bytes to requests and back: one trio task a connection, each wait under a timeout.

h11 knows the protocol; here is decided how long a client may take and how much it may send. A slow client costs its own
task and nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from typing import Final

import h11
import trio

from amqpd.http.answers import finished
from amqpd.http.compression import compressed
from amqpd.http.limits import Limits
from amqpd.http.message import BodyIncomplete, BodyTooLarge, Handle, Request, Response, Sink
from amqpd.http.turns import Slice
from amqpd.log import get_logger
from amqpd.protocol.endpoint import Endpoint

AMQP: Final = b"AMQP"
"""What AMQP begins with: no method of HTTP."""
RECEIVE: Final = 64 * 1024
SEND: Final = 64 * 1024
"""Octets that are put together before they are sent."""
LEFTOVER: Final = 1024 * 1024
"""Octets of an unread body that are read and dropped, so that its sender gets to read the answer."""
LEAST: Final = 16
LEAST_LEFTOVER: Final = 256
"""Octets that a part of a body counts for, of one that is wanted and of another one: each costs time, however small."""
LINGER: Final = 1.0
"""Seconds in which a refused client's last octets are dropped."""

ABSOLUTE: Final = re.compile(r"https?://([^/?#]*)/?(.*)", re.IGNORECASE)
"""A target as proxies send it, with the host that counts then: RFC 9112, 3.2.2."""
FRAMINGS: Final = frozenset({b"content-length", b"transfer-encoding"})
"""Whoever passes on a request with both may see its end elsewhere, and somebody else's behind it (RFC 9112, 6.3)."""

log = get_logger(__name__)

ProtocolError = h11.ProtocolError


class Conversation:
    """Requests and responses on one connection, one after the other."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        handle: Handle,
        endpoint: Endpoint,
        limits: Limits,
        idle: dict[trio.CancelScope, None],
    ) -> None:
        """`idle`: who gives way when others come, the one that has waited longest first."""
        self._stream = stream
        self._handle = handle
        self._endpoint = endpoint
        self._limits = limits
        self._idle = idle
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head)
        self._scope = trio.CancelScope()

    async def run(self) -> None:
        """Go on until either side is done. Raises ProtocolError, OSError or trio's errors: the client is at fault."""
        with self._scope:
            await self._run()

    async def _run(self) -> None:
        while True:
            try:
                request = await self._request()
            except h11.RemoteProtocolError as error:
                await self._refuse(error)
                return
            if request is None:
                return
            response = await compressed(request, finished(request, await self._handle(request)))
            await self._send(response, with_body=request.method != "HEAD")
            await self._drop_rest()
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                if self._http.their_state is h11.SEND_BODY:  # it goes on: it shall find the answer, not a reset
                    await self._linger()
                return
            self._http.start_next_cycle()

    async def _request(self) -> Request | None:
        event = None
        with self._giving_way(), trio.move_on_after(self._limits.idle):
            event = await self._event()
        if not isinstance(event, h11.Request):
            return None
        if {name for name, _ in event.headers} >= FRAMINGS:
            raise h11.RemoteProtocolError("the request has both content-length and transfer-encoding: expected one")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        method, target = event.method.decode("latin-1"), event.target.decode("latin-1")
        absolute = ABSOLUTE.match(target)
        if absolute is not None:
            headers["host"], target = absolute[1], f"/{absolute[2]}"
        return Request(method, target, headers, self._endpoint, self._body, self._giving_way)

    @contextmanager
    def _giving_way(self) -> Iterator[None]:
        """Within it the client, or somebody on its behalf, is waited for: others may have the place."""
        self._idle[self._scope] = None
        try:
            yield
        finally:
            self._idle.pop(self._scope, None)

    async def _event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._stream.send_all(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            data = bytes(await self._stream.receive_some(RECEIVE))
            if data.startswith(AMQP) and self._http.their_state is h11.IDLE:
                # It has said all that it says before it is answered: both would wait for each other.
                log.warning("AMQP client on a port for HTTP", peer=self._endpoint.peer_host, hint="AMQP is on `port`")
                raise h11.RemoteProtocolError("this port is for HTTP, AMQP is spoken on another one")
            self._http.receive_data(data)

    async def _body(self, most: int | None = None) -> bytes:
        parts, size, turn = [], 0, Slice()
        most = self._limits.body if most is None else min(most, self._limits.body)
        while self._http.their_state is h11.SEND_BODY:
            part = await self._body_part()
            parts.append(part)
            size += len(part)
            if size > most or len(parts) * LEAST > max(most, self._limits.head):
                raise BodyTooLarge
            await turn.rest()
        return b"".join(parts)

    async def _body_part(self) -> bytes:
        event: object = None
        with self._giving_way(), trio.move_on_after(self._limits.patience):
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
        left, turn = LEFTOVER, Slice()
        try:
            while self._http.their_state is h11.SEND_BODY and left > 0:
                left -= max(len(await self._body_part()), LEAST_LEFTOVER)
                await turn.rest()
        except BodyIncomplete:
            pass

    async def _send(self, response: Response, *, with_body: bool = True) -> None:
        headers = [*response.headers]
        if response.written is None and response.status not in (204, 304):
            headers.append(("content-length", str(response.length)))
        sink = _Outgoing(self._http, self._stream, self._limits.patience, self._giving_way)
        sink.take(h11.Response(status_code=response.status, headers=headers, reason=_phrase(response.status)))
        if with_body:
            for part in response.body:
                await sink.write(part)
            if response.written is not None:
                await response.written(sink)
        sink.take(h11.EndOfMessage())
        await sink.flush()

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """What came is no HTTP: say so, if anything can be said."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            text = f"{error}\n".encode("utf-8", "replace")
            headers = (("content-type", "text/plain; charset=utf-8"), ("connection", "close"))
            await self._send(Response(error.error_status_hint, (text,), headers))
            await self._linger()

    async def _linger(self) -> None:
        """Read what comes and drop it for a moment, so that no reset eats the answer."""
        if isinstance(self._stream, trio.SocketStream):
            await self._stream.send_eof()
        with self._giving_way(), trio.move_on_after(LINGER):
            while await self._stream.receive_some(RECEIVE):
                pass


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


class _Outgoing(Sink):
    """What goes to the client, in portions."""

    def __init__(
        self,
        http: h11.Connection,
        stream: trio.abc.Stream,
        patience: float,
        giving_way: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self._http = http
        self._stream = stream
        self._patience = patience
        self._giving_way = giving_way
        self._waiting: list[bytes] = []
        self._size = 0

    def take(self, event: h11.Event) -> None:
        """Have an event's octets go out with the next portion."""
        octets = self._http.send(event) or b""
        self._waiting.append(octets)
        self._size += len(octets)

    async def write(self, data: bytes) -> None:
        if data:
            self.take(h11.Data(data=data))
        if self._size >= SEND:
            await self.flush()
        else:
            await trio.lowlevel.checkpoint()

    async def flush(self) -> None:
        octets = b"".join(self._waiting)
        self._waiting, self._size = [], 0
        with self._giving_way(), trio.move_on_after(self._patience) as scope:
            await self._stream.send_all(octets)
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("the client does not read its response")
