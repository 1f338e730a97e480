"""Connections and channels as JSON. https://www.rabbitmq.com/docs/http-api-reference#get-apiconnections"""

from __future__ import annotations

from amqpd.broker.json_tables import json_of
from amqpd.management.rates.counted import CHANNEL, OCTETS, of_channel, of_connection
from amqpd.management.rates.details import Details, shown
from amqpd.management.views.consumers import channel_name, consumer_view
from amqpd.management.views.counts import message_stats
from amqpd.protocol import states
from amqpd.protocol.channel import Channel
from amqpd.protocol.connection import Connection
from amqpd.protocol.node import Node

PROTOCOL = "AMQP 0-9-1"
NAMES = {states.HEADER: "starting", states.SECURING: "starting", states.CLOSED: "closing", states.SILENT: "closing"}
"""States that RabbitMQ has no name for."""


def connection_view(connection: Connection, node: Node, details: Details | None) -> dict[str, object]:
    """One client's connection. Without `details`: nothing that is counted."""
    endpoint, session = connection.endpoint, connection.session
    user = None if connection.user is None else connection.user.name
    view: dict[str, object] = {
        **_provided_name(connection),
        "name": connection.name,
        "vhost": None if session is None else session.vhost.name,
        "user": user,
        "user_who_performed_action": user,
        "node": node.broker.name,
        "type": "network",
        "protocol": PROTOCOL,
        "state": state_of(connection),
        "channels": len(connection.channels),
        "channel_max": connection.channel_max,
        "frame_max": connection.frame_max,
        "timeout": connection.heartbeat_interval,
        "connected_at": connection.connected_at,
        "host": endpoint.host,
        "port": endpoint.port,
        "peer_host": endpoint.peer_host,
        "peer_port": endpoint.peer_port,
        "ssl": endpoint.tls,
        "ssl_protocol": None,
        "ssl_key_exchange": None,
        "ssl_cipher": None,
        "ssl_hash": None,
        "peer_cert_subject": None,
        "peer_cert_issuer": None,
        "peer_cert_validity": None,
        "auth_mechanism": None if connection.mechanism is None else connection.mechanism.name,
        "client_properties": json_of(connection.client_properties),
    }
    if details is not None:
        view |= shown(of_connection(connection), OCTETS, details)
        view |= {"recv_cnt": connection.reads, "send_cnt": connection.outbox.sends}
        view["send_pend"] = connection.outbox.size
    return view


def state_of(connection: Connection) -> str:
    """RabbitMQ's word for what a connection is doing."""
    if connection.state != states.RUNNING:
        return NAMES.get(connection.state, connection.state)
    if connection.blocked:
        return "blocked"
    return "blocking" if connection.alarmed else "running"


def connection_details(connection: Connection) -> dict[str, object]:
    """How other objects name a connection."""
    endpoint = connection.endpoint
    return {"name": connection.name, "peer_host": endpoint.peer_host, "peer_port": endpoint.peer_port}


def channel_view(channel: Channel, details: Details | None) -> dict[str, object]:
    """One channel, as lists show it. Without `details`: nothing that is counted."""
    session, transaction = channel.session, channel.transaction
    view: dict[str, object] = {
        "name": channel_name(channel),
        "number": channel.number,
        "node": channel.connection.node.broker.name,
        "vhost": session.vhost.name,
        "user": session.user.name,
        "user_who_performed_action": session.user.name,
        "connection_details": connection_details(channel.connection),
        "state": "running",
        "transactional": transaction is not None,
        "confirm": channel.confirms is not None,
        "prefetch_count": channel.prefetch,
        "global_prefetch_count": channel.window,
    }
    if details is not None:
        view |= {
            "consumer_count": len(channel.consumers),
            "messages_unacknowledged": len(channel.unacked),
            "messages_unconfirmed": 0 if channel.confirms is None else channel.confirms.unsettled,
            "messages_uncommitted": 0 if transaction is None else len(transaction.publishes),
            "acks_uncommitted": 0 if transaction is None else len(transaction.settlements),
            **details.idle,
            **message_stats(CHANNEL, of_channel(channel), details),
        }
    return view


def channel_details_view(channel: Channel, details: Details | None) -> dict[str, object]:
    """A single channel, with its consumers."""
    view, vhost = channel_view(channel, details), channel.session.vhost
    if details is not None:
        node = channel.connection.node.broker.name
        view["consumer_details"] = [consumer_view(vhost, each, node) for each in channel.consumers.values()]
        view |= {"publishes": [], "deliveries": []}
    return view


def _provided_name(connection: Connection) -> dict[str, object]:
    given = connection.client_properties.get("connection_name")
    return {"user_provided_name": given.text()} if given is not None and given.tag == "S" else {}
