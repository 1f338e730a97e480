"""Everything that ends a measurement early, as exceptions whose text is the one line the user reads.

They travel between processes by pickle, so each keeps its constructor's arguments in ``args``.
"""

from __future__ import annotations


class BenchError(Exception):
    """A measurement that could not be made; ``str()`` is a complete sentence for the user."""


class ConnectionLostError(BenchError):
    """The socket could not be opened, or ended without a close method."""


class BrokerClosedError(BenchError):
    """The broker closed the connection or the channel with a reply code and text."""

    def __init__(self, closed: str, code: int, text: str) -> None:
        super().__init__(closed, code, text)
        self.closed = closed
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return f"the broker closed the {self.closed}: {self.code} {self.text}"
