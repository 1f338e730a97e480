"""Where the firehose taps a channel: after the route of a publish, after a delivery, after a get.

See `amqpd.broker.firehose` for what is copied, and for why this costs nothing while it is off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.broker import firehose
from amqpd.broker.message import Message
from amqpd.wire.hot import Delivered, Encoder

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue
    from amqpd.broker.vhost import Route
    from amqpd.properties import Properties
    from amqpd.protocol.channel import Channel
    from amqpd.protocol.consumer import ChannelConsumer


def encoder_for(consumer: ChannelConsumer) -> Encoder:
    """What packs the deliveries of a consumer as its node is set, and its vhost is now."""
    node = consumer.channel.connection.node
    encoder = node.settings.interceptors.encoder(consumer.plain_encoder(), node.broker.clock)
    return TracingEncoder(encoder, consumer) if consumer.channel.session.vhost.tracing else encoder


class TracingEncoder(Encoder):
    """Packs deliveries, and copies each to the firehose once it is on its way."""

    __slots__ = ("_consumer", "_inner")

    def __init__(self, inner: Encoder, consumer: ChannelConsumer) -> None:
        self._inner = inner
        self._consumer = consumer

    def encode(self, tag: int, message: Delivered, parts: list[bytes]) -> int:
        assert isinstance(message, Message)
        size = self._inner.encode(tag, message, parts)
        consumer = self._consumer
        delivered(consumer.channel, message, consumer.queue, consumer.shown(message))
        return size


def published(channel: Channel, message: Message, route: Route) -> None:
    """A message of this channel found its route."""
    firehose.published(channel.session.vhost, message, route, _client(channel))


def delivered(channel: Channel, message: Message, queue: Queue, shown: Properties) -> None:
    """A message of a queue was sent on this channel, with these properties."""
    firehose.delivered(channel.session.vhost, message, shown, queue, _client(channel))


def _client(channel: Channel) -> firehose.Client:
    connection = channel.connection
    return firehose.Client(connection.node.broker.name, connection.name, channel.number, channel.session.user.name)
