"""Logging in without sending a password with each request, and who tried."""

from __future__ import annotations

from typing import Final

from amqpd.http.message import Response
from amqpd.management.access import Caller, log_in_with, no_passwords
from amqpd.management.api import Call, query_of, text_of
from amqpd.management.attempts import by_source
from amqpd.management.encoding import JSON, decode, encode
from amqpd.management.handlers.answers import NO_CONTENT
from amqpd.management.handlers.overview import require_node

BEARER = "bearer"
LARGEST: Final = 64 * 1024
"""Octets of a body: it comes from strangers, and has a name and a password in it, or a token in its place."""


async def log_in(call: Call) -> Response:
    """Give a token for a name and a password, of a form or a JSON object; with it requests are made as `Bearer`.

    No cookie is set, so that no other page can make a browser send what it gives.
    """
    if call.api.settings.disable_basic_auth:
        raise no_passwords(call.request)
    body = await _form(call)
    name, password = text_of(body, "username", ""), text_of(body, "password", "")
    octets = password.encode("utf-8", "surrogateescape")
    caller = await log_in_with(name, octets, call.request, call.broker, call.api.loopback_users)
    token = {"type": BEARER, "value": call.api.tokens.issue(caller.user, call.broker.access.users)}
    headers = (JSON, ("cache-control", "no-store"))
    return Response(200, (encode({"token": token, "user": _shown(caller)}),), headers)


async def log_out(call: Call) -> Response:
    """Let the token that the request brings stand for nobody any more."""
    scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == BEARER:
        call.api.tokens.revoke(token.strip())
    return NO_CONTENT


async def attempts(call: Call) -> object:
    """Show how many logins there were, by protocol."""
    require_node(call)
    return call.api.attempts.view(call.broker.statistics)


async def attempts_by_source(call: Call) -> object:
    """The same by address and user, where `auth.track_attempt_source` keeps that."""
    require_node(call)
    return by_source(call.broker.statistics)


async def reset_attempts(call: Call) -> Response:
    """Begin to count logins again."""
    require_node(call)
    call.api.attempts.reset(call.broker.statistics)
    return NO_CONTENT


async def whoami(call: Call) -> object:
    """Show who is logged in."""
    return _shown(call.caller)


def _shown(caller: Caller) -> dict[str, object]:
    return {"name": caller.name, "tags": [*caller.user.tags], "is_internal_user": caller.user.authority is None}


async def _form(call: Call) -> dict[str, object]:
    octets = await call.raw(LARGEST)
    if octets.lstrip().startswith(b"{"):
        return decode(octets)
    return {**query_of(octets.decode("utf-8", "surrogateescape"))}
