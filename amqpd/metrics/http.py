"""A small HTTP server that answers GET, for scrapes and nothing else.

Few clients come here, each every some seconds, so what is bounded is how many there are at once and how long each
takes; a body is made while it is sent, and everybody else has a turn between two pieces of it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final

import h11
import trio

from amqpd.log import get_logger
from amqpd.metrics.requests import Answer

log = get_logger(__name__)

AT_ONCE: Final = 32
"""Connections; a further one is closed."""
PATIENCE: Final = 60.0
"""Seconds for a request to come, and for its answer to be taken."""
LINGER: Final = 1.0
"""Seconds in which a refused client's last octets are dropped."""
TOGETHER: Final = 64 * 1024
"""Octets that are sent in one go."""
RECEIVE: Final = 16 * 1024

Respond = Callable[[str], Answer]
"""Answers a GET of a target."""


async def serve(listeners: list[socket.socket], respond: Respond) -> None:
    """Serve until cancelled; closes the listeners."""
    limit = trio.CapacityLimiter(AT_ONCE)
    wrapped = [trio.SocketListener(trio.socket.from_stdlib_socket(each)) for each in listeners]
    await trio.serve_listeners(partial(_serve_one, respond, limit), wrapped)


async def _serve_one(respond: Respond, limit: trio.CapacityLimiter, stream: trio.SocketStream) -> None:
    async with stream:
        try:
            limit.acquire_nowait()
        except trio.WouldBlock:
            return
        try:
            await _converse(respond, stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.ProtocolError, OSError) as error:
            log.debug("a scrape ended early", reason=str(error))
        except Exception as error:  # a defect must cost this scrape, not the broker
            log.error("internal error in a scrape", exc_info=error)
        finally:
            limit.release()


async def _converse(respond: Respond, stream: trio.SocketStream) -> None:
    connection = h11.Connection(h11.SERVER)
    while True:
        with trio.move_on_after(PATIENCE) as patience:
            event = await _next_event(connection, stream)
            if isinstance(event, h11.Request):
                await _answer(connection, stream, respond, event)
                while connection.their_state is h11.SEND_BODY:
                    await _next_event(connection, stream)
        if patience.cancelled_caught or not isinstance(event, h11.Request) or connection.our_state is not h11.DONE:
            return
        if connection.their_state is not h11.DONE:
            return
        connection.start_next_cycle()


async def _next_event(connection: h11.Connection, stream: trio.SocketStream) -> object:
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                refusal = Answer.short(error.error_status_hint, str(error))
                await _send(connection, stream, refusal, with_body=True)
                await _linger(stream)
            raise
        if event is not h11.NEED_DATA:
            return event
        connection.receive_data(await stream.receive_some(RECEIVE))


async def _linger(stream: trio.SocketStream) -> None:
    """Read what comes and drop it for a moment, so that no reset eats the answer."""
    await stream.send_eof()
    with trio.move_on_after(LINGER):
        while await stream.receive_some(RECEIVE):
            pass


async def _answer(
    connection: h11.Connection, stream: trio.SocketStream, respond: Respond, request: h11.Request
) -> None:
    if request.method not in (b"GET", b"HEAD"):
        answer = Answer.short(405, f"{request.method.decode('ascii')} is not possible here: expected GET")
    else:
        answer = respond(request.target.decode("ascii"))
    await _send(connection, stream, answer, with_body=request.method != b"HEAD")


async def _send(connection: h11.Connection, stream: trio.SocketStream, answer: Answer, *, with_body: bool) -> None:
    headers = [("content-type", answer.content_type), ("cache-control", "no-cache")]
    if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("allow", "GET, HEAD"))
    response = h11.Response(status_code=answer.status, headers=headers, reason=HTTPStatus(answer.status).phrase)
    waiting = bytearray(connection.send(response) or b"")
    if with_body:
        for piece in answer.pieces:
            if piece:
                waiting += connection.send(h11.Data(data=piece.encode("utf-8", "replace"))) or b""
            if len(waiting) >= TOGETHER:
                await stream.send_all(waiting)
                waiting = bytearray()
            else:
                await trio.lowlevel.checkpoint()
    waiting += connection.send(h11.EndOfMessage()) or b""
    await stream.send_all(waiting)
