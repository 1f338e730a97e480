"""What systemd and a service tell each other: readiness, a watchdog, and sockets that are open already.

Without systemd there is nothing to say and nothing to take. https://www.freedesktop.org/software/systemd/man/
(sd_notify, sd_listen_fds, sd_watchdog_enabled)
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Final

import attrs
import trio

from amqpd.config.errors import ConfigError
from amqpd.log import get_logger
from amqpd.server.listeners import is_internet

log = get_logger(__name__)

FIRST: Final = 3
"""The file descriptor of the first socket that is passed."""
TLS: Final = "tls"
"""What a socket is called (FileDescriptorName=) on which TLS is spoken."""
MICROSECONDS: Final = 1_000_000


@attrs.frozen
class Passed:
    """Listening sockets that somebody else has opened."""

    plain: tuple[socket.socket, ...] = ()
    secure: tuple[socket.socket, ...] = ()


NOTHING: Final = Passed()


class Notifier:
    """Tells the service manager how the service is; does nothing where nobody listens.

    Takes its variables out of the environment, so that children don't speak for the service.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._address = environ.pop("NOTIFY_SOCKET", "")
        owner, interval = environ.pop("WATCHDOG_PID", ""), environ.pop("WATCHDOG_USEC", "")
        mine = not owner or owner == str(os.getpid())
        self.watchdog = int(interval) / MICROSECONDS if mine and interval.isdecimal() else 0.0
        """Seconds within which a sign of life is expected; 0: nobody waits for one."""

    def tell(self, *states: str) -> None:
        """Send states, such as `READY=1`. What can't be sent is logged, once it matters to nobody else."""
        if not self._address:
            return
        # An address that starts with @ is in Linux' abstract namespace.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.sendto("\n".join(states).encode(), address)
        except OSError as error:
            log.warning("the service manager cannot be told", state=states[0], reason=error.strerror or str(error))

    async def keep_alive(self) -> None:
        """Show signs of life as long as tasks have their turns, twice as often as expected."""
        while self.watchdog and self._address:
            self.tell("WATCHDOG=1")
            await trio.sleep(self.watchdog / 2)


def passed(environ: MutableMapping[str, str], take: Callable[[int], socket.socket] | None = None) -> Passed:
    """The listening sockets that were passed to this process, by their names; `take` makes one of a descriptor.

    Raises ConfigError for one that isn't a listening TCP or Unix socket.
    """
    owner, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if owner != str(os.getpid()) or not count.isdecimal():
        return NOTHING
    sockets: dict[bool, list[socket.socket]] = {False: [], True: []}
    for at in range(int(count)):
        name = names[at] if at < len(names) else ""
        sockets[name == TLS].append(_listening((take or _socket)(FIRST + at), FIRST + at, name))
    return Passed(tuple(sockets[False]), tuple(sockets[True]))


def _socket(number: int) -> socket.socket:
    return socket.socket(fileno=number)


def _listening(sock: socket.socket, number: int, name: str) -> socket.socket:
    listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    internet = is_internet(sock)
    local = sock.family == getattr(socket, "AF_UNIX", None) and name != TLS
    if not (internet or local) or sock.type != socket.SOCK_STREAM or not listens:
        text = (
            f"the socket that was passed as file descriptor {number} ({name or 'without a name'}) is no listening "
            "stream socket: expected ListenStream= with a port or (without TLS) a path, and Accept=no"
        )
        raise ConfigError(text, key="port")
    os.set_inheritable(sock.fileno(), False)
    sock.setblocking(False)
    if internet:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
