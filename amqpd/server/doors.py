"""Doors: listening sockets of one kind with what takes their clients, closed and opened again while the rest runs.

RabbitMQ closes all of them while its application is stopped. What was passed by systemd stays open in the kernel
meanwhile: its clients wait.
"""

from __future__ import annotations

import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from amqpd.server.listeners import Address, Admit, accept_loop, address_of, listen
from amqpd.server.unix_sockets import listen_unix

Accept = Callable[[list[socket.socket]], Awaitable[None]]
"""Serves clients on these sockets until it is cancelled."""


class Door:
    """Starts open; `run` it in a task."""

    def __init__(
        self,
        protocol: str,
        listeners: list[socket.socket],
        accept: Accept,
        nursery: trio.Nursery,
        *,
        passed: bool = False,
    ) -> None:
        self.protocol = protocol
        """As RabbitMQ names it: amqp, amqp/ssl, http."""
        self.addresses: list[Address] = [address_of(each) for each in listeners]
        self.listeners = listeners
        self._accept = accept
        self._nursery = nursery
        self._passed = [each.dup() for each in listeners] if passed else []
        self._scope = trio.CancelScope()
        self._closed = trio.Event()
        nursery.start_soon(self._run)

    @property
    def is_open(self) -> bool:
        """Whether it takes clients."""
        return not self._closed.is_set()

    async def close(self) -> None:
        """Take no more clients: when it returns, the sockets are closed. Harmless the second time."""
        self._scope.cancel()
        await self._closed.wait()

    def open(self) -> None:
        """Listen at the same addresses again. Raises OSError. Harmless where it is open."""
        if self.is_open:
            return
        opened: list[socket.socket] = [each.dup() for each in self._passed]
        try:
            if not self._passed:
                for host, port in self.addresses:
                    opened.append(listen(host, port) if port else _listen_again(Path(host)))
        except OSError:
            for each in opened:
                each.close()
            raise
        self.listeners[:] = opened
        self._scope, self._closed = trio.CancelScope(), trio.Event()
        self._nursery.start_soon(self._run)

    def forget(self) -> None:
        """Let go of what was passed: it is not opened again."""
        while self._passed:
            self._passed.pop().close()

    async def _run(self) -> None:
        closed, listeners = self._closed, [*self.listeners]
        try:
            with self._scope:
                await self._accept(listeners)
        finally:
            for each in listeners:
                each.close()
            closed.set()


def _listen_again(path: Path) -> socket.socket:
    """Listen at a path whose file is still there, with its mode. Raises OSError."""
    return listen_unix(path, stat.S_IMODE(path.stat().st_mode))


async def accept_all(
    listeners: list[socket.socket],
    admit: Admit,
    may_accept: Callable[[], bool] = lambda: True,
    give_way: Callable[[], bool] = lambda: False,
) -> None:
    """Hand every client of these sockets over, until cancelled; what is asked before is what `accept_loop` asks."""
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(accept_loop, listener, admit, may_accept, give_way)
