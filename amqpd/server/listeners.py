"""Listening sockets and the accept loop.

Out of file descriptors or memory, accepting pauses for a moment and goes on: open connections are worth more than new
ones.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
import sys
from collections.abc import Callable
from typing import Final

import trio

from amqpd.log import get_logger
from amqpd.protocol.endpoint import UNIX

log = get_logger(__name__)

BACKLOG: Final = 1024
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
GONE: Final = (errno.ECONNABORTED, errno.EPROTO)
"""The peer has given up before it was accepted."""
PAUSE: Final = 0.1

Address = tuple[str, int]
Admit = Callable[[socket.socket, Address, Address], None]
"""Takes an accepted socket, the peer's address and the one that it connected to."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, not blocking. Raises OSError with the address in its text."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR would allow two servers on one port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {shown(host)}:{port}: {error.strerror}") from error
    sock.setblocking(False)
    return sock


def listen_all(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    """Listen on every host, with one port for all if it is 0. An IPv6 loopback that this machine lacks is left out."""
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            wanted = port or (sockets[0].getsockname()[1] if sockets else 0)
            try:
                sockets.append(listen(host, wanted))
            except OSError as error:
                lacks_ipv6 = error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
                if not (host == "::1" and lacks_ipv6 and len(hosts) > 1):
                    raise
                log.info("no IPv6 loopback on this machine", host=host)
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


async def accept_loop(
    listener: socket.socket,
    admit: Admit,
    may_accept: Callable[[], bool] = lambda: True,
    give_way: Callable[[], bool] = lambda: False,
) -> None:
    """Accept for ever, one connection each time the others had their turn; `admit` takes it and must not raise.

    While `may_accept` says no, clients wait. Where the system has no descriptor for one, `give_way` may let go of one.
    """
    exhausted = False
    is_unix = not is_internet(listener)
    own: Address = address_of(listener)
    numbers = itertools.count(1)
    is_wildcard = own[0] in ("0.0.0.0", "::")  # noqa: S104  # it is compared, nothing listens there for it
    while True:
        await trio.lowlevel.wait_readable(listener)
        if not may_accept():
            await trio.sleep(PAUSE)
            continue
        try:
            sock, peer = listener.accept()
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno in EXHAUSTED:
                if not exhausted:
                    exhausted = True
                    log.error("cannot accept a connection", reason=error.strerror, hint="raise the limit of open files")
                await trio.sleep(0 if give_way() else PAUSE)
            elif error.errno not in GONE:
                raise
            continue
        exhausted = False
        sock.setblocking(False)
        if sys.platform == "win32":  # elsewhere it is inherited from the listener
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            admit(sock, (UNIX, next(numbers)) if is_unix else peer[:2], sock.getsockname()[:2] if is_wildcard else own)
        except OSError as error:
            log.debug("connection ended before it began", reason=str(error))
            sock.close()


def is_internet(listener: socket.socket) -> bool:
    """Whether it listens on a port; else it is a Unix socket."""
    return listener.family in (socket.AF_INET, socket.AF_INET6)


def address_of(listener: socket.socket) -> Address:
    """Host and port; of a Unix socket its path, and 0."""
    name = listener.getsockname()
    if is_internet(listener):
        host, port = name[:2]
        return host, port
    return os.fsdecode(name), 0


def shown(host: str) -> str:
    """A host as it stands before a port."""
    return f"[{host}]" if ":" in host else host
