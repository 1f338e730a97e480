"""Counts and their rates as RabbitMQ shows them. https://www.rabbitmq.com/docs/management#statistics"""

from __future__ import annotations

from typing import Final

from amqpd.broker.statistics import Statistics
from amqpd.management.rates.counted import CHURN, DELIVERING, EXCHANGES, LENGTHS, PUBLISHING, Sample, Sums
from amqpd.management.rates.details import Details, shown

GROUPS: Final = (frozenset(PUBLISHING), frozenset(DELIVERING), frozenset(EXCHANGES))
"""Keys of message_stats that are shown together, once there was any of it."""


def message_stats(names: tuple[str, ...], sample: Sample, details: Details) -> dict[str, object]:
    """`{"message_stats": {...}}`, with the keys of what there was any activity of; empty without any."""
    counts = dict(zip(names, sample, strict=True))
    view: dict[str, object] = {}
    for group in GROUPS:
        of_group = {name: value for name, value in counts.items() if name in group}
        if any(of_group.values()):
            for name, value in of_group.items():
                view |= details.rated(name, value)
    return {"message_stats": view} if view else {}


def churn_rates(statistics: Statistics, details: Details) -> dict[str, object]:
    """Connections, channels and queues that came and went since the start."""
    return shown(tuple([getattr(statistics, name) for name in CHURN.values()]), tuple(CHURN), details)


def lengths(sums: Sums, details: Details) -> dict[str, object]:
    """The three counts of messages in queues."""
    return shown(sums.lengths, LENGTHS, details)
