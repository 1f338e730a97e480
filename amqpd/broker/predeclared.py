"""The exchanges that every virtual host has from the beginning: nobody declares, deletes or stores them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Final

from amqpd.broker.exchange import Exchange, ExchangeType

if TYPE_CHECKING:
    from amqpd.broker.bindings import Binding
    from amqpd.broker.exchange_context import ExchangeContext
    from amqpd.broker.queue import Queue
    from amqpd.properties import Properties

PREDECLARED: Final = (
    ("amq.direct", "direct", False),
    ("amq.topic", "topic", False),
    ("amq.match", "headers", False),
    ("amq.headers", "headers", False),
    ("amq.fanout", "fanout", False),
    ("amq.rabbitmq.trace", "topic", True),
)
"""Name, type, internal; in RabbitMQ's order."""
RESERVED: Final = "amq."
"""How all their names begin, that of the default exchange excepted."""


def is_predeclared(exchange: str) -> bool:
    """Whether an exchange of this name is the broker's own."""
    return not exchange or exchange.startswith(RESERVED)


class DefaultExchange(ExchangeType):
    """The exchange without a name: the routing key is the queue's name. It has no bindings of its own."""

    name: ClassVar[str] = "direct"

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        self.queues: dict[str, Queue] = {}

    def add(self, binding: Binding) -> None:
        raise TypeError("nothing is bound to the default exchange")

    remove = add

    def route(self, routing_key: str, properties: Properties) -> Collection[Queue | Exchange]:
        queue = self.queues.get(routing_key)
        return () if queue is None else (queue,)
