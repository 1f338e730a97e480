"""A binding: from an exchange to a queue or another exchange, under a key and arguments.

It is identified by all four (arguments sorted by key, wire types included): binding the same again changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.fields import Table

if TYPE_CHECKING:
    from amqpd.broker.exchange import Exchange
    from amqpd.broker.queue import Queue

BindingKey = tuple[str, str, str, bytes]
"""Destination kind, destination name, routing key, sorted arguments."""


class Binding:
    """One edge of the routing graph."""

    __slots__ = ("arguments", "destination", "routing_key", "source")

    def __init__(self, source: Exchange, destination: Queue | Exchange, routing_key: str, arguments: Table) -> None:
        self.source = source
        self.destination = destination
        self.routing_key = routing_key
        self.arguments = arguments

    @property
    def key(self) -> BindingKey:
        return binding_key(self.destination, self.routing_key, self.arguments)


def binding_key(destination: Queue | Exchange, routing_key: str, arguments: Table) -> BindingKey:
    """What identifies a binding within its source exchange."""
    return destination.kind, destination.name, routing_key, arguments.sorted().raw if arguments else b""
