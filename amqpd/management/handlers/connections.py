"""Connections, their channels, and the consumers of queues."""

from __future__ import annotations

from collections.abc import Iterable

from amqpd.broker.consumers import Consumer
from amqpd.broker.vhost import VHost
from amqpd.http.message import Response
from amqpd.management.api import Call
from amqpd.management.errors import not_authorised
from amqpd.management.handlers.answers import NO_CONTENT
from amqpd.management.handlers.sight import find_channel, find_connection, visible_channels, visible_connections
from amqpd.management.listing import AnyListing, Listing
from amqpd.management.views.connections import channel_details_view, channel_view, connection_view
from amqpd.management.views.consumers import channel_name, consumer_view, user_of
from amqpd.protocol.channel import Channel
from amqpd.protocol.connection import Connection

REASON = "Closed via management plugin"


async def connections(call: Call) -> AnyListing:
    """List connections."""
    return _connections(call, visible_connections(call))


async def connections_of_vhost(call: Call) -> AnyListing:
    """List the connections to a virtual host."""
    vhost = call.vhost()
    found = [each for each in visible_connections(call) if _vhost_of(each) is vhost]
    return _connections(call, found)


async def connections_of_user(call: Call) -> AnyListing:
    """List the connections of a user."""
    _require_user(call)
    return _connections(call, _of_user(call))


async def close_connections_of_user(call: Call) -> Response:
    """Close all connections of a user."""
    _require_user(call, change=True)
    for each in _of_user(call):
        each.force_close(_reason(call))
    call.api.end_turn()
    return NO_CONTENT


async def connection(call: Call) -> object:
    """Show a connection."""
    found = find_connection(call)
    return connection_view(found, call.api.node, call.details(found))


async def close_connection(call: Call) -> Response:
    """Close it with 320 and the text of the header X-Reason."""
    find_connection(call, change=True).force_close(_reason(call))
    call.api.end_turn()
    return NO_CONTENT


async def channels_of_connection(call: Call) -> AnyListing:
    """List the channels of a connection."""
    return _channels(call, [*find_connection(call).channels.values()])


async def channels(call: Call) -> AnyListing:
    """List channels."""
    return _channels(call, visible_channels(call))


async def channels_of_vhost(call: Call) -> AnyListing:
    """List the channels of connections to a virtual host."""
    vhost = call.vhost()
    return _channels(call, [each for each in visible_channels(call) if each.session.vhost is vhost])


async def channel(call: Call) -> object:
    """Show a channel with its consumers."""
    found = find_channel(call)
    return channel_details_view(found, call.details(found))


async def consumers(call: Call) -> AnyListing:
    """List consumers."""
    everywhere = call.broker.compat.profile.old_http_access  # there, its own are shown wherever they are
    return _consumers(call, call.broker.vhosts.values() if everywhere else call.caller.visible(call.broker))


async def consumers_of_vhost(call: Call) -> AnyListing:
    """List the consumers of a virtual host."""
    return _consumers(call, [call.vhost()])


def _connections(call: Call, found: list[Connection]) -> Listing[Connection]:
    return Listing(
        found,
        lambda each: connection_view(each, call.api.node, call.details(each)),
        lambda each: (_vhost_name(each), each.name),
        lambda each: each.name,
    )


def _channels(call: Call, found: list[Channel]) -> Listing[Channel]:
    return Listing(
        found,
        lambda each: channel_view(each, call.details(each)),
        lambda each: (each.session.vhost.name, channel_name(each)),
        channel_name,
    )


def _consumers(call: Call, vhosts: Iterable[VHost]) -> Listing[tuple[VHost, Consumer]]:
    node, caller = call.broker.name, call.caller
    own = call.broker.compat.profile.old_http_access and not caller.sees_all
    found = [
        (vhost, consumer)
        for vhost in vhosts
        for queue in vhost.queues.values()
        for consumer in queue.consumers.members()
        if not own or user_of(consumer) == caller.name
    ]
    return Listing(
        found,
        lambda each: consumer_view(*each, node),
        lambda each: (each[0].name, each[1].queue.name, each[1].tag),
        lambda each: each[1].tag,
    )


def _of_user(call: Call) -> list[Connection]:
    name = call.params["user"]
    return [each for each in call.api.node.connections if each.user is not None and each.user.name == name]


def _require_user(call: Call, *, change: bool = False) -> None:
    allowed = call.caller.is_administrator if change else call.caller.sees_all
    if not (allowed or call.params["user"] == call.caller.name):
        raise not_authorised("User not authorised to access object")


def _reason(call: Call) -> str:
    """It becomes part of a reply text, which has room for 255 octets; what is longer is cut there."""
    return call.request.headers.get("x-reason", REASON)


def _vhost_of(each: Connection) -> VHost | None:
    return None if each.session is None else each.session.vhost


def _vhost_name(each: Connection) -> str:
    return "" if each.session is None else each.session.vhost.name
