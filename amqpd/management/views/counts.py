"""Counts and their rates as RabbitMQ shows them, and the one place where counters of traffic come in.

There are no such counters yet: `message_stats` of every object is left out, as RabbitMQ does without activity, and
rates are 0.0.
"""

from __future__ import annotations


def message_stats(of: object) -> dict[str, object]:
    """`{"message_stats": {...}}` of a queue, exchange, channel, vhost or the broker; empty where nothing is counted."""
    return {}


def churn_rates() -> dict[str, object]:
    """Connections, channels and queues that came and went; empty where nobody counts them."""
    return {}


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
