"""Permissions and topic permissions."""

from __future__ import annotations

from amqpd.broker.operations import access
from amqpd.broker.operations.names import short
from amqpd.http.message import Response
from amqpd.management.api import Call, text_of
from amqpd.management.errors import not_found
from amqpd.management.handlers.answers import NO_CONTENT, put
from amqpd.management.listing import AnyListing, Listing
from amqpd.management.views.users import permission_view, topic_permission_view


async def permissions(call: Call) -> AnyListing:
    """List who may do what."""
    granted = call.broker.access.permissions
    return Listing(
        [*granted], lambda key: permission_view(*key, granted[key]), lambda key: (key[1], key[0]), lambda key: key[0]
    )


async def permission(call: Call) -> object:
    """Show what a user may do in a virtual host."""
    user, vhost = _require_both(call)
    found = call.broker.access.permissions.get((user, vhost))
    if found is None:
        raise not_found()
    return permission_view(user, vhost, found)


async def put_permission(call: Call) -> Response:
    """Set what a user may do in a virtual host: three patterns."""
    user, vhost = await _existing(call)
    body = await call.body("configure", "write", "read")
    patterns = [text_of(body, name) for name in ("configure", "write", "read")]
    new = await call.perform(lambda: access.grant(call.broker, user, vhost, *patterns, by=call.by))
    return put(new)


async def delete_permission(call: Call) -> Response:
    """Let a user do nothing in a virtual host."""
    user, vhost = _require_both(call)
    await call.perform(lambda: access.revoke(call.broker, user, vhost, by=call.by))
    return NO_CONTENT


async def topic_permissions(call: Call) -> AnyListing:
    """List who may use which routing keys."""
    granted = call.broker.access.topic_permissions
    return Listing(
        [*granted],
        lambda key: topic_permission_view(*key, granted[key]),
        lambda key: (key[1], key[0], key[2]),
        lambda key: key[0],
    )


async def topic_permissions_in_vhost(call: Call) -> object:
    """List which routing keys a user may use in a virtual host."""
    user, vhost = _require_both(call)
    granted = call.broker.access.topic_permissions
    found = [topic_permission_view(*key, granted[key]) for key in granted if key[:2] == (user, vhost)]
    if not found:
        raise not_found()
    return found


async def topic_permissions_on(call: Call) -> object:
    """List which routing keys a user may use on one exchange."""
    user, vhost = _require_both(call)
    key = (user, vhost, call.exchange())
    found = call.broker.access.topic_permissions.get(key)
    if found is None:
        raise not_found()
    return [topic_permission_view(*key, found)]


async def put_topic_permission(call: Call) -> Response:
    """Set which routing keys of the body's exchange a user may use: two patterns."""
    user, vhost = await _existing(call)
    body = await call.body("exchange", "write", "read")
    exchange, write, read = [text_of(body, name) for name in ("exchange", "write", "read")]
    name = short("the exchange's name", exchange)
    new = await call.perform(
        lambda: access.grant_topic(call.broker, user, vhost, name, write, read, by=call.by)
    )
    return put(new)


async def delete_topic_permissions(call: Call) -> Response:
    """Let a user use all routing keys in a virtual host, or on one exchange, that its permissions allow."""
    user, vhost = _require_both(call)
    exchange = call.exchange() if "exchange" in call.params else None
    await call.perform(lambda: access.revoke_topic(call.broker, user, vhost, exchange, by=call.by))
    return NO_CONTENT


async def _existing(call: Call) -> tuple[str, str]:
    """The user and the virtual host of the path, once the body is there, which comes after them. Raises Invalid."""
    await call.sized()
    user, vhost = call.params["user"], call.params["vhost"]
    access.require_both(call.broker, user, vhost)
    return user, vhost


def _require_both(call: Call) -> tuple[str, str]:
    return access.require_user(call.broker, call.params["user"]).name, call.vhost().name
