"""Totals of a broker that outlive what they were counted on: churn, logins, and what is gone.

What exists is asked when somebody wants to know; what ends adds its totals here. Everything counts from the start of
the broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.broker.login_sources import LoginSources, Source
from amqpd.broker.queue_counts import Death, QueueCounts, counts_of

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue

AMQP: Final = "amqp091"
HTTP: Final = "http"
"""What RabbitMQ calls the protocols of logins."""


class Statistics:
    """One for the broker."""

    def __init__(self) -> None:
        self.connections_opened = 0
        self.connections_closed = 0
        self.channels_opened = 0
        self.channels_closed = 0
        self.queues_declared = 0
        """queue.declare by clients, of new queues or again."""
        self.queues_created = 0
        self.queues_deleted = 0
        self.logins = 0
        self.logins_refused = 0
        self.http_logins = 0
        """At the management API: there each request brings its login."""
        self.http_logins_refused = 0
        self.login_sources: LoginSources | None = None
        """Those of the logins, where somebody wants to know."""
        self.gone_queues: dict[str, QueueCounts] = {}
        """By queue type."""
        self.gone_deaths: dict[tuple[str, Death], int] = {}
        """By queue type and death."""
        self.gone_buried: dict[str, int] = {}
        """Dead letters that had to arrive and did, by queue type."""

    def login(self, source: Source, *, accepted: bool) -> None:
        """Somebody has logged in, or tried to."""
        if source.protocol == HTTP:
            self.http_logins += accepted
            self.http_logins_refused += not accepted
        else:
            self.logins += accepted
            self.logins_refused += not accepted
        if self.login_sources is not None:
            self.login_sources.count(source, accepted=accepted)

    def queue_gone(self, queue: Queue) -> None:
        """A queue is about to be deleted, with everything in it."""
        self.queues_deleted += 1
        name = queue.type.name
        self.gone_queues[name] = self.gone_queues.get(name, QueueCounts()) + counts_of(queue)
        tally = queue.tally
        if tally is not None:
            for death, count in tally.died.items():
                self.gone_deaths[name, death] = self.gone_deaths.get((name, death), 0) + count
            self.gone_buried[name] = self.gone_buried.get(name, 0) + tally.buried
