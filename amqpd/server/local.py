"""A door for this machine's operator: a Unix socket that its user alone may open, or a port with a token in a file.

Windows has no Unix sockets in Python; there a file that the user alone can read says where to knock, and with what.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from amqpd.server.listeners import listen
from amqpd.server.unix_sockets import listen_unix

LONGEST: Final = 103
"""Octets of a Unix socket's path that all platforms take."""
TOKEN_OCTETS: Final = 32


@contextmanager
def unix_socket(path: Path) -> Iterator[socket.socket]:
    """Listen at a path (mode 0600) while the block runs. What a killed process left there is replaced.

    Raises OSError with the path in its text, also where another process listens.
    """
    if len(os.fsencode(path)) > LONGEST:
        raise OSError(f"cannot listen on {path}: the path of a Unix socket has at most {LONGEST} bytes")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sock = listen_unix(path, 0o600)
    own = path.stat()
    try:
        yield sock
    finally:
        sock.close()
        with suppress(OSError):
            if path.stat().st_ino == own.st_ino:  # and not the one of a broker that was started since
                path.unlink()


@contextmanager
def guarded_port(path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Listen on a free port of this machine while the block runs; the file (mode 0600) says which, and the token.

    Raises OSError.
    """
    token = secrets.token_urlsafe(TOKEN_OCTETS)
    sock = listen("127.0.0.1", 0)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123  # with its mode from the start
            json.dump({"host": "127.0.0.1", "port": sock.getsockname()[1], "token": token}, file)
        yield sock, token
    finally:
        sock.close()
        path.unlink(missing_ok=True)
