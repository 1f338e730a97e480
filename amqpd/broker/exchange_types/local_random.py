"""x-local-random: x-random among classic queues of this node, bound without a key. https://www.rabbitmq.com/docs/local-random-exchange"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from amqpd.broker.exchange import Exchange
from amqpd.broker.exchange_types.random import Random
from amqpd.errors import PreconditionFailed
from amqpd.fields import Table

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue


class LocalRandom(Random):
    """All queues are on this node, so that only its checks differ from x-random."""

    name: ClassVar[str] = "x-local-random"

    def check(self, routing_key: str, arguments: Table, destination: Queue | Exchange) -> None:
        if routing_key:
            raise PreconditionFailed(f"Non empty binding '{routing_key}' key not permitted")
        if isinstance(destination, Exchange):
            raise PreconditionFailed("Destination not found")
        if destination.type.name != "classic":
            raise PreconditionFailed(f"Queue type {destination.type.module} not valid for this exchange type")
