"""Where the task `hold` waits: the driver sees each one arrive and lets it go on."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from interop.matrix.driver import PATIENCE

if TYPE_CHECKING:
    from typing import Self


class Gate:
    """A port of this machine that tasks connect to; the oldest one that holds is let go first."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(PATIENCE)
        self.port: int = self._server.getsockname()[1]
        self._held: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release(len(self._held))
        self._server.close()

    def admit(self, count: int) -> None:
        """Wait until that many more tasks run and hold."""
        for _ in range(count):
            connection, _address = self._server.accept()
            self._held.append(connection)

    def release(self, count: int) -> None:
        """Let that many tasks go on."""
        for connection in self._held[:count]:
            connection.close()
        del self._held[:count]
