"""One vhost of an embedded broker, as a test of its own sees it."""

from __future__ import annotations

import attrs

from amqpd.testing.broker import EmbeddedBroker
from amqpd.testing.snapshots import BindingSnapshot, MessageSnapshot, QueueSnapshot


@attrs.frozen
class EmbeddedVHost:
    """Where to connect, and what is inside."""

    broker: EmbeddedBroker
    name: str

    @property
    def url(self) -> str:
        """The AMQP URL of the default user for this vhost."""
        return self.broker.url_of(self.name)

    def queues(self) -> list[QueueSnapshot]:
        """All queues."""
        return self.broker.queues(self.name)

    def queue(self, name: str) -> QueueSnapshot:
        """One queue. Raises KeyError if there is no such queue."""
        return self.broker.queue(name, self.name)

    def messages(self, queue: str, limit: int = 1000) -> list[MessageSnapshot]:
        """Ready messages of a queue in delivery order, without consuming any."""
        return self.broker.messages(queue, self.name, limit)

    def bindings(self) -> list[BindingSnapshot]:
        """All bindings."""
        return self.broker.bindings(self.name)
