"""A consumer as JSON. https://www.rabbitmq.com/docs/http-api-reference#get-apiconsumers"""

from __future__ import annotations

from amqpd.broker.consumer_timeouts import own_timeout
from amqpd.broker.consumers import Consumer
from amqpd.broker.json_tables import json_of
from amqpd.broker.vhost import VHost
from amqpd.protocol.channel import Channel
from amqpd.protocol.consumer import ChannelConsumer


def consumer_view(vhost: VHost, consumer: Consumer, node: str) -> dict[str, object]:
    """One consumer of a queue."""
    consumers = consumer.queue.consumers
    active = not consumers.single or consumers.active is consumer
    status = "single_active" if consumers.single and active else "up" if active else "waiting"
    channel = consumer.channel if isinstance(consumer, ChannelConsumer) else None
    return {
        "consumer_tag": consumer.tag,
        "exclusive": consumer.exclusive,
        "ack_required": not consumer.no_ack,
        "prefetch_count": consumer.prefetch_count,
        "active": active,
        "activity_status": status,
        "arguments": json_of(consumer.arguments),
        "consumer_timeout": 0 if channel is None else round(_timeout(consumer, channel) * 1000),
        "queue": {"name": consumer.queue.name, "vhost": vhost.name},
        "channel_details": {} if channel is None else channel_details(channel, node),
    }


def user_of(consumer: Consumer) -> str | None:
    """Whose it is; None: nobody's, as it has no connection."""
    return consumer.channel.session.user.name if isinstance(consumer, ChannelConsumer) else None


def _timeout(consumer: Consumer, channel: Channel) -> float:
    """Seconds that its deliveries may stay unacknowledged; 0: for ever, as tools want a number there."""
    node = channel.connection.node
    own = own_timeout(consumer, node.broker.compat, node.settings.ack_timeout)
    return node.ack_timeout if own is None else own


def channel_details(channel: Channel, node: str) -> dict[str, object]:
    """How a consumer names its channel."""
    connection = channel.connection
    return {
        "connection_name": connection.name,
        "name": channel_name(channel),
        "node": node,
        "number": channel.number,
        "peer_host": connection.endpoint.peer_host,
        "peer_port": connection.endpoint.peer_port,
        "user": channel.session.user.name,
    }


def channel_name(channel: Channel) -> str:
    """The connection's name and the channel's number."""
    return f"{channel.connection.name} ({channel.number})"
