"""One task a connection: wait for bytes, handle them in turns, and clean up in the end whatever happens.

The only await of a busy publisher is the one for readability. Bytes that one turn's budget doesn't cover stay in the
parser, and the connection goes to the back of the line.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import trio

from amqpd.log import get_logger
from amqpd.protocol.connection import Connection
from amqpd.protocol.endpoint import Endpoint
from amqpd.server.transport import PlainTransport, SocketTransport

if TYPE_CHECKING:
    from amqpd.server.server import Server

log = get_logger(__name__)

Receive = Callable[[], bytes | None]
"""Takes what has arrived: empty at the end of the stream, None if nothing was there after all."""

RECEIVE: Final = 256 * 1024
"""Octets read in one go."""

LINGER: Final = 1.0
"""Seconds in which a closed peer's last bytes are read and dropped, so that no reset eats the close frame."""


class Unwelcome(OSError):
    """A connection ends before it has begun, and the log says already why."""


def greet(server: Server, sock: socket.socket, endpoint: Endpoint) -> tuple[Connection, PlainTransport]:
    """Answer what a client has said by the time it is accepted: clients speak first, and it saves them a turn.

    Raises OSError if the peer is gone already.
    """
    connection = Connection(server.node, endpoint)
    transport = PlainTransport(sock, connection, server.nursery, server.end_turn)
    connection.outbox.transport = transport
    try:
        data = received(server, sock)
    except OSError:
        connection.eof()
        raise
    if data:
        connection.receive_data(data)
        connection.process(server.node.settings.turn_budget)
        server.end_turn()
    return connection, transport


async def run(
    server: Server,
    connection: Connection,
    transport: SocketTransport,
    receive: Receive,
    begin: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Move bytes until the connection is over, then give everything back.

    `begin` comes before the first byte of AMQP and ends with the connection like all the rest; an OSError of its own
    ends the connection.
    """
    connection.outbox.transport = transport
    try:
        ended = await _converse(server, connection, transport, receive, begin)
        if not ended and not transport.aborted:
            with trio.move_on_after(LINGER):
                await _linger(transport)
    finally:
        connection.outbox.transport = None
        transport.close(abort=True)  # a writer that was about to start finds out before the socket is gone


async def _converse(
    server: Server,
    connection: Connection,
    transport: SocketTransport,
    receive: Receive,
    begin: Callable[[], Awaitable[None]] | None,
) -> bool:
    """Serve the connection; return whether the peer has ended its stream."""
    ended = False
    try:
        with transport.scope:
            if begin is not None:
                await begin()
            ended = await _read_loop(server, connection, transport, receive)
    except Unwelcome:
        await server.turnstile.enter()
    except OSError as error:
        log.info("connection lost", connection=connection.name, reason=str(error))
        await server.turnstile.enter()
    finally:
        connection.eof()
        server.end_turn()
    return ended


async def _read_loop(server: Server, connection: Connection, transport: SocketTransport, receive: Receive) -> bool:
    """Return True at the end of the peer's stream; otherwise it is cancelled once the connection is over.

    One function on purpose: each coroutine that waits inside another costs every idle connection some 300 octets.
    """
    budget = server.node.settings.turn_budget
    data = receive()  # the answer to a greeting is often here before this task is
    while True:
        if data:
            connection.receive_data(data)
        while connection.process(budget):
            transport.handling = True
            server.end_turn()
            await trio.lowlevel.checkpoint()
        transport.handling = False
        server.end_turn()
        data = None
        while data is None:
            if connection.finished:
                await trio.sleep_forever()  # the transport cancels it after the last bytes
            if connection.reading:
                await trio.lowlevel.wait_readable(transport.sock)
                if connection.session is None:
                    await server.turnstile.enter()
                data = receive()
            else:
                # While it isn't read, input may wait in the parser; the work list goes on with it when the time comes.
                transport.reading = trio.Event()
                if not connection.reading:
                    await transport.reading.wait()
        if not data:
            await server.turnstile.enter()
            return True


def received(server: Server, sock: socket.socket) -> bytes | None:
    """What has arrived, at most RECEIVE octets; empty at the end, None if nothing was there after all."""
    view = server.receive_buffer
    try:
        count = sock.recv_into(view)
    except BlockingIOError:
        return None
    return bytes(view[:count])


async def _linger(transport: SocketTransport) -> None:
    """Shut down writing, then read and drop until the peer has closed too."""
    sock = transport.sock
    try:
        transport.say_end()
        sock.shutdown(socket.SHUT_WR)
        while True:
            try:
                if not sock.recv(RECEIVE):
                    return
            except BlockingIOError:
                await trio.lowlevel.wait_readable(sock)
    except OSError:
        return
