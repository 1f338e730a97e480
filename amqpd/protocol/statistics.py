"""What has gone through channels and connections, read from numbers that they have anyway; what ends stays in totals.

The last delivery tag is how many deliveries there were, the last publish number how many publishes wanted a confirm;
what a client settled and what is out are those that want an acknowledgement, and the rest are those that don't.

Names and meanings are those of RabbitMQ's message_stats (https://www.rabbitmq.com/docs/management-cli).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from amqpd.broker.vhost import VHost
    from amqpd.protocol.channel import Channel
    from amqpd.protocol.connection import Connection


ROOM: Final = 1000


@attrs.frozen
class PublishCounts:
    """Publishes to one exchange, or to several; all are messages."""

    publish: int = 0
    routed: int = 0
    """Queues that they went to, one by one."""
    return_unroutable: int = 0
    drop_unroutable: int = 0

    def __add__(self, other: PublishCounts) -> PublishCounts:
        return PublishCounts(*_sums(self, other))


@attrs.frozen
class ChannelCounts:
    """Totals of one channel since it was opened, or of several; all are messages, but for `get_empty`."""

    publish: int = 0
    routed: int = 0
    return_unroutable: int = 0
    drop_unroutable: int = 0
    publish_confirm: int = 0
    """Publishes that wanted a confirm."""
    confirm: int = 0
    """Those that were acknowledged."""
    deliver: int = 0
    """Delivered to consumers that acknowledge."""
    deliver_no_ack: int = 0
    """Delivered to others, direct replies included."""
    get: int = 0
    get_no_ack: int = 0
    get_empty: int = 0
    ack: int = 0

    @property
    def deliver_get(self) -> int:
        return self.deliver + self.deliver_no_ack + self.get + self.get_no_ack

    def __add__(self, other: ChannelCounts) -> ChannelCounts:
        return ChannelCounts(*_sums(self, other))


def publish_counts_of(channel: Channel) -> dict[str, PublishCounts]:
    """What it has published, by exchange."""
    if channel.plans is None:
        return {}
    return {
        name: PublishCounts(
            each.published,
            each.published - each.returned - each.dropped + each.copies,
            each.returned,
            each.dropped,
        )
        for name, each in channel.plans.tallies.items()
    }


def counts_of(channel: Channel) -> ChannelCounts:
    """All of them, at one instant. Those of a channel that is not open any more are in the node's totals."""
    published = sum(publish_counts_of(channel).values(), PublishCounts())
    confirms = channel.confirms
    out = len(channel.unacked) + (0 if channel.transaction is None else len(channel.transaction.settlements))
    delivered = channel.acked + channel.turned_back + out - channel.gets
    return ChannelCounts(
        publish=published.publish,
        routed=published.routed,
        return_unroutable=published.return_unroutable,
        drop_unroutable=published.drop_unroutable,
        publish_confirm=0 if confirms is None else confirms.published,
        confirm=0 if confirms is None else confirms.confirmed,
        deliver=delivered,
        deliver_no_ack=channel.delivery_tag - delivered - channel.gets - channel.gets_no_ack,
        get=channel.gets,
        get_no_ack=channel.gets_no_ack,
        get_empty=channel.get_empty,
        ack=channel.acked,
    )


@attrs.frozen
class ConnectionCounts:
    """Octets and reads or writes of one connection, or of several."""

    recv_oct: int = 0
    recv_cnt: int = 0
    send_oct: int = 0
    send_cnt: int = 0

    def __add__(self, other: ConnectionCounts) -> ConnectionCounts:
        # Written out, for it is done twice for each connection that ends.
        return ConnectionCounts(
            self.recv_oct + other.recv_oct,
            self.recv_cnt + other.recv_cnt,
            self.send_oct + other.send_oct,
            self.send_cnt + other.send_cnt,
        )


def traffic_of(connection: Connection) -> ConnectionCounts:
    """What it has received and sent; once it has ended, that is in the node's totals."""
    outbox = connection.outbox
    return ConnectionCounts(connection.received, connection.reads, outbox.sent, outbox.sends)


@attrs.define
class Ended:
    """What channels of one virtual host did, and the connections to it, that have ended."""

    channels: ChannelCounts = attrs.Factory(ChannelCounts)
    connections: ConnectionCounts = attrs.Factory(ConnectionCounts)


class Totals:
    """Of the channels and connections of one node that have ended."""

    def __init__(self) -> None:
        self.channels = ChannelCounts()
        self.connections = ConnectionCounts()
        self.exchanges: dict[tuple[str, str], PublishCounts] = {}
        """By vhost and exchange, where there is such an exchange."""
        self._room = ROOM
        """Of more entries than these, those of exchanges that were deleted since are dropped."""

    def channel_gone(self, channel: Channel) -> None:
        """An open channel is about to end."""
        vhost = channel.session.vhost
        vhost.statistics.channels_closed += 1
        if channel.plans is None and not (channel.delivery_tag or channel.get_empty):
            return  # it has neither published nor received anything, as many that are opened for a declare
        self.add(vhost, counts_of(channel), publish_counts_of(channel), channel.connection.node.broker.vhosts)

    def add(
        self, vhost: VHost, counts: ChannelCounts, by_exchange: Mapping[str, PublishCounts], vhosts: Mapping[str, VHost]
    ) -> None:
        """What was done on a channel that is not there any more, or as if on one. `vhosts`: all that there are."""
        self.channels += counts
        ended_of(vhost).channels += counts
        for name, published in by_exchange.items():
            if name in vhost.exchanges:
                key = vhost.name, name
                self.exchanges[key] = self.exchanges.get(key, PublishCounts()) + published
        if len(self.exchanges) > self._room:
            self._forget_deleted(vhosts)

    def _forget_deleted(self, vhosts: Mapping[str, VHost]) -> None:
        there = {(vhost.name, name) for vhost in vhosts.values() for name in vhost.exchanges}
        self.exchanges = {key: counts for key, counts in self.exchanges.items() if key in there}
        self._room = 2 * len(self.exchanges) + ROOM

    def session_gone(self, connection: Connection) -> None:
        """A connection is about to leave its virtual host; the octets of its good-bye are nobody's."""
        if connection.session is not None:
            ended_of(connection.session.vhost).connections += traffic_of(connection)

    def connection_gone(self, connection: Connection) -> None:
        """A connection has ended."""
        self.connections += traffic_of(connection)


def ended_of(vhost: VHost) -> Ended:
    """What has ended in a virtual host."""
    ended = vhost.ended
    if not isinstance(ended, Ended):
        ended = vhost.ended = Ended()
    return ended


def _sums(one: attrs.AttrsInstance, other: attrs.AttrsInstance) -> Iterable[int]:
    return [getattr(one, name) + getattr(other, name) for name in _names(type(one))]


@cache
def _names(kind: type[attrs.AttrsInstance]) -> tuple[str, ...]:
    return tuple([each.name for each in attrs.fields(kind)])
