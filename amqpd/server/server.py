"""The running server: its doors, connection tasks, the timer task, and an orderly end.

The doors are closed first, connections then get `shutdown_timeout` seconds to take their close.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio

from amqpd.log import get_logger
from amqpd.protocol.endpoint import Endpoint
from amqpd.protocol.node import Node
from amqpd.server import proxy_protocol
from amqpd.server.connection import RECEIVE, greet, received, run
from amqpd.server.descriptors import Room
from amqpd.server.doors import Accept, Door, accept_all
from amqpd.server.handshakes import Handshakes
from amqpd.server.listeners import Address, is_internet, listen_all, shown
from amqpd.server.systemd import NOTHING as NOTHING_PASSED
from amqpd.server.systemd import Passed
from amqpd.server.timer_task import run_timers
from amqpd.server.transport import SocketTransport
from amqpd.server.turnstile import Turnstile

if TYPE_CHECKING:
    from ssl import SSLContext

log = get_logger(__name__)

SHUTDOWN = "broker forced connection closure with reason 'shutdown'"


class Server:
    """What the tasks of one server share. Make one with `running`."""

    def __init__(self, node: Node, nursery: trio.Nursery, tls: SSLContext | None) -> None:
        self.node = node
        self.nursery = nursery
        self.tls = tls
        self.receive_buffer = memoryview(bytearray(RECEIVE))
        self.wake = trio.Event()
        self.doors: list[Door] = []
        """All ways in, that of operators over the control socket apart."""
        self.https: SSLContext | None = None
        """What new connections to the management API over TLS are served with."""
        self.room = Room(node)
        self.turnstile = Turnstile()
        """For connections that are not logged in, or are over."""
        self.handshakes = Handshakes()
        self.signing = Turnstile(1)
        """For steps of TLS handshakes that are computed on this thread."""
        self.sockets: dict[socket.socket, None] = {}
        self.accepting = True
        """False refuses new connections: a fault on demand."""
        self.timers = (
            (node.broker.timers,) if node.liveness is node.broker.timers else (node.broker.timers, node.liveness)
        )
        for timers in self.timers:
            timers.on_earlier = self.wake_up
        node.broker.work.on_work = self.wake_up

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where plain AMQP is spoken: (host, port)."""
        return [address for address in self.addresses_of("amqp") if address[1]]

    @property
    def unix_paths(self) -> list[str]:
        """Unix sockets on which plain AMQP is spoken."""
        return [path for path, port in self.addresses_of("amqp") if not port]

    @property
    def tls_addresses(self) -> list[tuple[str, int]]:
        return self.addresses_of("amqp/ssl")

    @property
    def http_addresses(self) -> list[tuple[str, int]]:
        """Where the management API is served, if it is."""
        return self.addresses_of("http")

    @property
    def https_addresses(self) -> list[tuple[str, int]]:
        return self.addresses_of("https")

    def addresses_of(self, protocol: str) -> list[tuple[str, int]]:
        """Where a protocol is spoken, by RabbitMQ's name for it; also while its doors are closed."""
        return [address for door in self.doors if door.protocol == protocol for address in door.addresses]

    def open_door(self, protocol: str, listeners: list[socket.socket], accept: Accept, *, passed: bool = False) -> None:
        """Let clients in on these sockets until the server ends; what accepts there is cancelled with it."""
        if listeners:
            self.doors.append(Door(protocol, listeners, accept, self.nursery, passed=passed))

    async def close_doors(self) -> None:
        """Let nobody in any more."""
        for door in self.doors:
            await door.close()

    def wake_up(self) -> None:
        """A timer or work is there that the timer task doesn't know of."""
        self.wake.set()

    def input_waits(self) -> bool:
        """Whether clients have sent something that is not handled yet, on connections that are read."""
        for connection in self.node.connections:
            transport = connection.outbox.transport
            read = connection.reading and not connection.finished
            if read and isinstance(transport, SocketTransport) and transport.has_input():
                return True
        return False

    def end_turn(self) -> bool:
        """Finish a turn: pending model work, then everybody's bytes. Return whether work is left."""
        more = self.node.end_turn()
        if more:
            self.wake.set()
        return more

    def may_accept(self) -> bool:
        """Whether there is a descriptor for one more connection."""
        return self.room.is_there(len(self.sockets))

    def admit(self, sock: socket.socket, peer: Address, own: Address) -> None:
        """Take an accepted plain socket: greet it, and go on in a task of its own."""
        if not self._take(sock):
            return
        try:
            connection, transport = greet(self, sock, Endpoint(*peer, *own))
        except OSError as error:
            log.debug("connection ended before it began", reason=str(error))
            self._let_go(sock)
            return
        receive = partial(received, self, sock)
        self.nursery.start_soon(self._serve, sock, partial(run, self, connection, transport, receive))

    def admit_tls(self, sock: socket.socket, peer: Address, own: Address) -> None:
        """Take an accepted socket that starts with a TLS handshake."""
        from amqpd.server.tls import serve_tls

        if self._take(sock):
            self.nursery.start_soon(self._serve, sock, lambda: serve_tls(self, sock, Endpoint(*peer, *own, tls=True)))

    def admit_proxied(self, tls: bool, sock: socket.socket, peer: Address, own: Address) -> None:
        """Take an accepted socket that starts with a header of the PROXY protocol."""
        if self._take(sock):
            accepted = Endpoint(*peer, *own, tls=tls)
            self.nursery.start_soon(self._serve, sock, lambda: self._serve_proxied(sock, accepted))

    async def _serve_proxied(self, sock: socket.socket, accepted: Endpoint) -> None:
        endpoint = await proxy_protocol.endpoint_of(sock, accepted, self.node.settings.handshake_timeout)
        if endpoint is None:
            return
        if endpoint.tls:
            from amqpd.server.tls import serve_tls

            await serve_tls(self, sock, endpoint)
        else:
            connection, transport = greet(self, sock, endpoint)
            await run(self, connection, transport, partial(received, self, sock))

    def _take(self, sock: socket.socket) -> bool:
        if not self.accepting:
            sock.close()
            return False
        self.sockets[sock] = None
        return True

    def _let_go(self, sock: socket.socket) -> None:
        del self.sockets[sock]
        # Its writer may still wait for it: the number must not go to another socket before that has ended.
        trio.lowlevel.notify_closing(sock)
        sock.close()

    async def _serve(self, sock: socket.socket, serve: Callable[[], Awaitable[None]]) -> None:
        try:
            await serve()
        except OSError as error:
            log.debug("connection ended before it began", reason=str(error))
        except Exception as error:  # a defect must cost this connection, not the broker
            log.error("internal error in a connection's task", exc_info=error)
        finally:
            self._let_go(sock)

    def open_sockets(self) -> list[socket.socket]:
        """All listeners and connections."""
        return [*(each for door in self.doors for each in door.listeners), *self.sockets]

    async def close_connections(self, timeout: float) -> None:  # noqa: ASYNC109  # how long it may take is part of what is asked for
        """Close all connections with 320 and wait at most `timeout` seconds for their ends."""
        for connection in list(self.node.connections):
            connection.force_close(SHUTDOWN)
        self.end_turn()
        with trio.move_on_after(timeout):
            while self.node.connections:
                gone = trio.Event()
                self.node.on_gone = gone.set
                await gone.wait()


@asynccontextmanager
async def running(
    node: Node,
    *,
    hosts: tuple[str, ...],
    port: int | None,
    tls_port: int | None = None,
    tls: SSLContext | None = None,
    unix: socket.socket | None = None,
    proxied: bool = False,
    shutdown_timeout: float = 3.0,
    passed: Passed = NOTHING_PASSED,
) -> AsyncGenerator[Server]:
    """Serve a node while the block runs; its end closes the connections. Sockets that were passed take the place of
    what would be opened. `unix` is a listening Unix socket, which is served beside them; `proxied` says that all others
    are behind a proxy that names its clients. Raises OSError if it can't listen.
    """
    given = bool(passed.plain or passed.secure)
    plain = list(passed.plain) if given or port is None else listen_all(hosts, port)
    try:
        secure = list(passed.secure) if given or tls_port is None else listen_all(hosts, tls_port)
    except OSError:
        for listener in plain:
            listener.close()
        raise
    async with trio.open_nursery() as connections:
        server = Server(node, connections, tls)
        connections.start_soon(run_timers, server)
        connections.start_soon(server.turnstile.run)
        connections.start_soon(server.signing.run)
        local = [each for each in (*plain, unix) if each is not None and not is_internet(each)]
        plain = [each for each in plain if is_internet(each)]
        admit = partial(server.admit_proxied, False) if proxied else server.admit
        admit_tls = partial(server.admit_proxied, True) if proxied else server.admit_tls
        accept = partial(accept_all, may_accept=server.may_accept, give_way=server.room.give_way)
        server.open_door("amqp", plain, partial(accept, admit=admit), passed=given)
        server.open_door("amqp", local, partial(accept, admit=server.admit), passed=given)
        server.open_door("amqp/ssl", secure, partial(accept, admit=admit_tls), passed=given)
        try:
            yield server
        finally:
            with trio.CancelScope(shield=True):
                await server.close_doors()
                for door in server.doors:
                    door.forget()
                await server.close_connections(shutdown_timeout)
            connections.cancel_scope.cancel()


def listening_on(addresses: list[tuple[str, int]]) -> str:
    """Addresses for a log line: `127.0.0.1:5672, [::1]:5672`."""
    return ", ".join(f"{shown(host)}:{port}" for host, port in addresses)
