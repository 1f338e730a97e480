"""What every answer has, whoever made it: headers that keep browsers from guessing and framing, and short answers to
whoever has the body already.
"""

from __future__ import annotations

from typing import Final

import attrs

from amqpd.http.message import Request, Response

ALWAYS: Final = (
    ("server", "amqpd"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
)
"""A handler's own header of the same name stands in place of one of these."""
TLS_ONLY: Final = ("strict-transport-security", "max-age=31536000")
"""A browser that has come over TLS once does not ask without it for a year."""


def finished(request: Request, response: Response) -> Response:
    """The answer with all that such a server says, and without a body that the client has."""
    own = {name for name, _ in response.headers}
    further = [each for each in ALWAYS if each[0] not in own]
    if request.peer.tls:
        further.append(TLS_ONLY)
    response = attrs.evolve(response, headers=(*further, *response.headers))
    return _unmodified(response) if _has_it(request, response) else response


def _has_it(request: Request, response: Response) -> bool:
    """Whether the client names the ETag of this body; weak ones are as good as strong ones (RFC 9110, 13.1.2)."""
    known, etag = request.headers.get("if-none-match"), response.header("etag")
    if known is None or etag is None or response.status != 200 or request.method not in ("GET", "HEAD"):
        return False
    named = [each.strip().removeprefix("W/") for each in known.split(",")]
    return named == ["*"] or etag.removeprefix("W/") in named


def _unmodified(response: Response) -> Response:
    headers = [each for each in response.headers if not each[0].startswith("content-") or "policy" in each[0]]
    return Response(304, (), tuple(headers))
