"""Listening on a Unix socket: the mode of its file says who may connect, and its file goes with the server.

A file that a server left behind when it was killed is replaced; one on which somebody listens, or that is no socket,
is left alone.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from amqpd.server.listeners import BACKLOG


def listen_unix(path: Path, mode: int) -> socket.socket:
    """A listening socket at `path`, not blocking. Raises OSError with the path in its text."""
    try:
        family = socket.AF_UNIX
    except AttributeError:
        raise OSError(errno.EAFNOSUPPORT, f"cannot listen on {path}: this platform has no Unix sockets") from None
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        _clear(path)
        before = os.umask(0o777)  # nobody gets in between bind and chmod
        try:
            sock.bind(os.fspath(path))
        finally:
            os.umask(before)
        path.chmod(mode)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {path}: {error.strerror or error}") from error
    sock.setblocking(False)
    return sock


def remove(listener: socket.socket, path: Path) -> None:
    """Close a listener and take its file away."""
    listener.close()
    with suppress(OSError):
        path.unlink()


def _clear(path: Path) -> None:
    """Remove what a dead server left. Raises OSError if it is somebody else's."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, "there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "another server listens there")
