"""What the events of connections, logins and channels say; the rules are those of `amqpd.broker.announce`."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from amqpd.broker.announce import ACTOR
from amqpd.broker.events import Value

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel
    from amqpd.protocol.connection import Connection

PROTOCOL: Final = (0, 9, 1)
NETWORK: Final = "network"


def logged_in(connection: Connection, user: str) -> None:
    """A login was accepted."""
    connection.node.broker.events.emit("user.authentication.success", _login(connection, user))


def login_refused(connection: Connection, user: str | None, reason: str) -> None:
    """A login was refused; `user` is None where the client's answer names nobody."""
    fields = _login(connection, user) | {"error": reason}
    connection.node.broker.events.emit("user.authentication.failure", fields)


def connection_created(connection: Connection) -> None:
    """A connection has entered its vhost."""
    session, endpoint = connection.session, connection.endpoint
    assert session is not None
    fields: dict[str, Value] = {} | _provided_name(connection)
    fields |= {
        "type": NETWORK,
        "pid": connection.pid,
        "name": connection.name,
        "port": endpoint.port,
        "peer_port": endpoint.peer_port,
        "host": _address(endpoint.host),
        "peer_host": _address(endpoint.peer_host),
        "ssl": endpoint.tls,
        "peer_cert_subject": "",
        "peer_cert_issuer": "",
        "peer_cert_validity": "",
        "auth_mechanism": _mechanism(connection),
        "ssl_protocol": "",
        "ssl_key_exchange": "",
        "ssl_cipher": "",
        "ssl_hash": "",
        "protocol": PROTOCOL,
        "user": session.user.name,
        "vhost": session.vhost.name,
        "timeout": connection.heartbeat_interval,
        "frame_max": connection.frame_max,
        "channel_max": connection.channel_max,
        "client_properties": connection.client_properties,
        "connected_at": connection.connected_at,
        "node": connection.node.broker.name,
        ACTOR: session.user.name,
    }
    connection.node.broker.events.emit("connection.created", fields)


def connection_closed(connection: Connection) -> None:
    """A TCP connection has ended, however far its client came."""
    fields: dict[str, Value] = {} | _provided_name(connection)
    fields |= {
        "name": connection.name,
        "pid": connection.pid,
        "node": connection.node.broker.name,
        "client_properties": connection.client_properties,
    }
    connection.node.broker.events.emit("connection.closed", fields)


def channel_created(channel: Channel) -> None:
    """A channel was opened."""
    session, connection = channel.session, channel.connection
    connection.node.broker.events.emit(
        "channel.created",
        {
            "pid": channel.pid,
            "name": f"{connection.name} ({channel.number})",
            "connection": connection.pid,
            "number": channel.number,
            "user": session.user.name,
            "vhost": session.vhost.name,
            ACTOR: session.user.name,
        },
    )


def channel_closed(channel: Channel) -> None:
    """A channel has ended: closed by its client, its error acknowledged, or its connection gone."""
    fields = {"pid": channel.pid, ACTOR: channel.session.user.name}
    channel.connection.node.broker.events.emit("channel.closed", fields)


def _login(connection: Connection, user: str | None) -> dict[str, Value]:
    endpoint = connection.endpoint
    fields: dict[str, Value] = {"connection_type": NETWORK}
    if user is not None:
        fields["name"] = user
    return fields | {
        "host": _address(endpoint.host),
        "connection_name": connection.name,
        "peer_host": _address(endpoint.peer_host),
        "peer_port": endpoint.peer_port,
        "protocol": PROTOCOL,
        "auth_mechanism": _mechanism(connection),
        "ssl": endpoint.tls,
    }


def _mechanism(connection: Connection) -> str:
    return "" if connection.mechanism is None else connection.mechanism.name


def _address(host: str) -> Value:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:  # no address but the name of a socket
        return host


def _provided_name(connection: Connection) -> dict[str, Value]:
    """What the client calls itself, if it does."""
    given = connection.client_properties.get("connection_name")
    return {"user_provided_name": given.text()} if given is not None and given.tag == "S" else {}
