"""Counts and their rates as RabbitMQ shows them. https://www.rabbitmq.com/docs/management#statistics

Counts are read when somebody asks, from numbers that the model has anyway. Nobody looks in between, so rates are 0.0.
"""

from __future__ import annotations

from typing import Final

from amqpd.broker.queue_counts import QueueCounts
from amqpd.broker.statistics import Statistics
from amqpd.protocol.statistics import ChannelCounts

STATS: Final = (
    "publish",
    "confirm",
    "return_unroutable",
    "drop_unroutable",
    "deliver",
    "deliver_no_ack",
    "get",
    "get_no_ack",
    "get_empty",
    "deliver_get",
    "redeliver",
    "ack",
)
"""Keys of message_stats; counts have an attribute of that name where they know it."""
CHURN: Final = {
    "connection_created": "connections_opened",
    "connection_closed": "connections_closed",
    "channel_created": "channels_opened",
    "channel_closed": "channels_closed",
    "queue_declared": "queues_declared",
    "queue_created": "queues_created",
    "queue_deleted": "queues_deleted",
}
"""Keys of churn_rates, and what the broker calls them."""


def message_stats(counts: QueueCounts | ChannelCounts) -> dict[str, object]:
    """`{"message_stats": {...}}`, with the keys that there was any activity for; empty without any."""
    shown: dict[str, object] = {}
    for name in STATS:
        if value := getattr(counts, name, 0):
            shown |= rated(name, value)
    return {"message_stats": shown} if shown else {}


def churn_rates(statistics: Statistics) -> dict[str, object]:
    """Connections, channels and queues that came and went since the start."""
    view: dict[str, object] = {}
    for key, name in CHURN.items():
        view |= rated(key, getattr(statistics, name))
    return view


def rated(name: str, value: int, rate: float = 0.0) -> dict[str, object]:
    """A count and its rate in one second."""
    return {name: value, f"{name}_details": {"rate": rate}}


def lengths(ready: int, unacknowledged: int) -> dict[str, object]:
    """The three counts of messages in queues."""
    return {
        **rated("messages", ready + unacknowledged),
        **rated("messages_ready", ready),
        **rated("messages_unacknowledged", unacknowledged),
    }
