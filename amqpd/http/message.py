"""One HTTP request and one response, as handlers see them: no socket, no framing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeAlias

import attrs

from amqpd.protocol.endpoint import Endpoint


class ReadBody(Protocol):
    """Gives the whole body. Raises BodyTooLarge, BodyIncomplete."""

    def __call__(self, most: int | None = None) -> Awaitable[bytes]:
        """`most`: octets that are taken, where fewer will do than the server takes."""
        ...


@attrs.frozen(eq=False)
class Request:
    """What a client asks. The body is read when it is asked for: strangers send none that anybody keeps."""

    method: str
    target: str
    """The path with its query, percent-encoded as it came."""
    headers: Mapping[str, str]
    """By lower-case name; of several, the last one."""
    peer: Endpoint
    read_body: ReadBody
    giving_way: Callable[[], AbstractContextManager[object]] = nullcontext
    """Around a wait that a stranger can make long: where too many connections are open, this one may be ended then."""


class Sink(ABC):
    """Takes the body of an answer while it is made."""

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Take a piece, which may be empty; others have their turn. Raises OSError or a trio error: nobody reads."""

    @abstractmethod
    async def flush(self) -> None:
        """Send what was taken now, as somebody waits for it."""


@attrs.frozen
class Response:
    """What it gets. The parts of the body are sent one after the other."""

    status: int
    body: tuple[bytes, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    """Names in lower case."""
    written: Callable[[Sink], Awaitable[None]] | None = None
    """Writes the body while it is sent, in place of `body`."""

    @property
    def length(self) -> int:
        """Octets of the body, where they are known."""
        return sum(map(len, self.body))

    def header(self, name: str) -> str | None:
        """The value of a header; `name` in lower case."""
        return next((value for known, value in self.headers if known == name), None)


Handle: TypeAlias = Callable[[Request], Awaitable[Response]]
"""Answers a request; what it raises costs the connection."""


class BodyTooLarge(Exception):
    """The body has more octets than any request may have."""


class BodyIncomplete(Exception):
    """The client stopped sending, or what it sends is no HTTP."""
