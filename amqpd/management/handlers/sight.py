"""Which connections and channels a caller is shown: all for monitoring and administrators, else its own."""

from __future__ import annotations

from amqpd.management.api import Call
from amqpd.management.errors import not_authorised, not_found
from amqpd.management.views.consumers import channel_name
from amqpd.protocol.channel import Channel
from amqpd.protocol.connection import Connection


def visible_connections(call: Call) -> list[Connection]:
    """Those whose client has logged in, at least for who sees all."""
    caller, found = call.caller, [*call.api.node.connections]
    if caller.sees_all:
        return found
    return [each for each in found if each.user is not None and each.user.name == caller.name]


def visible_channels(call: Call) -> list[Channel]:
    """Those of these connections."""
    return [channel for each in visible_connections(call) for channel in each.channels.values()]


def find_connection(call: Call, *, change: bool = False) -> Connection:
    """The connection of the path. Raises ApiError where there is none, or it is somebody else's."""
    name = call.params["connection"]
    found = next((each for each in call.api.node.connections if each.name == name), None)
    if found is None:
        raise not_found()
    require_own(call, found, change=change)
    return found


def find_channel(call: Call) -> Channel:
    """The same for a channel."""
    name = call.params["channel"]
    connection = name.rpartition(" (")[0]
    for each in call.api.node.connections:
        if each.name == connection:
            for channel in each.channels.values():
                if channel_name(channel) == name:
                    require_own(call, each)
                    return channel
    raise not_found()


def require_own(call: Call, connection: Connection, *, change: bool = False) -> None:
    """Raise ApiError unless it is the caller's own, or the caller sees (administrators: changes) all."""
    caller = call.caller
    own = connection.user is not None and connection.user.name == caller.name
    if not (own or caller.is_administrator or (caller.sees_all and not change)):
        raise not_authorised("User not authorised to access object")
