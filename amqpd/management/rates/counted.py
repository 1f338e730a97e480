"""Which numbers objects of each kind have a past of, in the order in which samples hold them."""

from __future__ import annotations

from typing import Final, Self

import attrs

from amqpd.broker.queue import Queue
from amqpd.broker.queue_counts import counts_of as queue_counts
from amqpd.broker.queue_counts import held
from amqpd.protocol.channel import Channel
from amqpd.protocol.connection import Connection
from amqpd.protocol.statistics import ChannelCounts, ConnectionCounts, PublishCounts
from amqpd.protocol.statistics import counts_of as channel_counts

LENGTHS: Final = ("messages", "messages_ready", "messages_unacknowledged")
PUBLISHING: Final = ("publish", "confirm", "return_unroutable", "drop_unroutable")
DELIVERING: Final = (
    "deliver", "deliver_no_ack", "get", "get_no_ack", "get_empty", "deliver_get", "redeliver", "ack",
)  # fmt: skip
EXCHANGES: Final = ("publish_in", "publish_out")
OCTETS: Final = ("recv_oct", "send_oct")
CHURN: Final = {
    "connection_created": "connections_opened",
    "connection_closed": "connections_closed",
    "channel_created": "channels_opened",
    "channel_closed": "channels_closed",
    "queue_declared": "queues_declared",
    "queue_created": "queues_created",
    "queue_deleted": "queues_deleted",
}
"""What the broker calls what came and went."""
NODE: Final = ("mem_used", "fd_used", "sockets_used", "proc_used", "disk_free")

Sample = tuple[int, ...]

QUEUE: Final = (*LENGTHS, "publish", *DELIVERING)
CHANNEL: Final = (*PUBLISHING, *DELIVERING)
VHOST: Final = (*LENGTHS, *PUBLISHING, *DELIVERING, *OCTETS)
OVERVIEW: Final = (*LENGTHS, *PUBLISHING, *DELIVERING, *CHURN)

CATEGORIES: Final = {
    **dict.fromkeys(LENGTHS, "lengths"),
    **dict.fromkeys((*PUBLISHING, *DELIVERING, *EXCHANGES, *CHURN), "msg_rates"),
    **dict.fromkeys(OCTETS, "data_rates"),
    **dict.fromkeys(NODE, "node_stats"),
}
"""By which parameters of a query samples of a number are asked for: `lengths_age` and `lengths_incr`."""


def of_queue(queue: Queue) -> Sample:
    """What QUEUE names."""
    counts, ready, out = queue_counts(queue), queue.message_count, queue.unacked - queue.returning
    return (
        held(queue), ready, out, counts.publish, counts.deliver, counts.deliver_no_ack, counts.get, counts.get_no_ack,
        counts.get_empty, counts.deliver_get, counts.redeliver, counts.ack,
    )  # fmt: skip


def of_channel(channel: Channel) -> Sample:
    """What CHANNEL names."""
    return of_traffic(channel_counts(channel), 0)


def of_traffic(counts: ChannelCounts, redelivered: int) -> Sample:
    """What CHANNEL names, of one or several channels; it is the queues that know what is redelivered."""
    return (
        counts.publish, counts.confirm, counts.return_unroutable, counts.drop_unroutable, counts.deliver,
        counts.deliver_no_ack, counts.get, counts.get_no_ack, counts.get_empty, counts.deliver_get, redelivered,
        counts.ack,
    )  # fmt: skip


def of_connection(connection: Connection) -> Sample:
    """What OCTETS names."""
    return connection.received, connection.outbox.sent


def of_exchange(counts: PublishCounts) -> Sample:
    """What EXCHANGES names."""
    return counts.publish, counts.routed


@attrs.define
class Sums:
    """Of everything in one virtual host, or in several."""

    ready: int = 0
    unacknowledged: int = 0
    aside: int = 0
    """Messages that are neither: they wait for their next try, or are dead and stay for now."""
    redelivered: int = 0
    traffic: ChannelCounts = attrs.Factory(ChannelCounts)
    """Of channels, those that have ended included."""
    octets: ConnectionCounts = attrs.Factory(ConnectionCounts)
    """Of connections, those that have ended included."""

    def __iadd__(self, other: Sums) -> Self:
        self.ready += other.ready
        self.unacknowledged += other.unacknowledged
        self.aside += other.aside
        self.redelivered += other.redelivered
        self.traffic += other.traffic
        self.octets += other.octets
        return self

    @property
    def lengths(self) -> Sample:
        """What LENGTHS names."""
        return self.ready + self.unacknowledged + self.aside, self.ready, self.unacknowledged

    @property
    def messages(self) -> Sample:
        """What CHANNEL names."""
        return of_traffic(self.traffic, self.redelivered)

    @property
    def of_vhost(self) -> Sample:
        """What VHOST names."""
        return (*self.lengths, *self.messages, self.octets.recv_oct, self.octets.send_oct)
