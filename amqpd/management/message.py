"""One HTTP request and one response, as handlers see them: no socket, no framing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import attrs

from amqpd.protocol.endpoint import Endpoint

ReadBody: TypeAlias = Callable[[], Awaitable[bytes]]


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


@attrs.frozen
class Response:
    """What it gets. The parts of the body are sent one after the other."""

    status: int
    body: tuple[bytes, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def length(self) -> int:
        """Octets of the body."""
        return sum(map(len, self.body))


Handle: TypeAlias = Callable[[Request], Awaitable[Response]]
"""Answers a request; it must not raise."""


class BodyTooLarge(Exception):
    """The body has more octets than any request may have."""


class BodyIncomplete(Exception):
    """The client stopped sending, or what it sends is no HTTP."""
