"""amq.rabbitmq.event: a topic exchange that publishes what happens in the broker, as RabbitMQ's plugin does.

It listens only while something is bound to it. An event's name is the routing key and its fields are the headers, in
RabbitMQ's order (the last field first until 3.13, then by name) and wire types, which print much as Erlang terms.
https://www.rabbitmq.com/docs/event-exchange
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from operator import itemgetter
from typing import Final

from amqpd import fields
from amqpd.broker.bindings import Binding
from amqpd.broker.events import Event, Events, Value
from amqpd.broker.exchange import Exchange
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.exchange_types.topic import Topic
from amqpd.broker.message import Message
from amqpd.broker.vhost import VHost
from amqpd.fields import Field, Table
from amqpd.properties import Properties

NAME: Final = "amq.rabbitmq.event"
PERSISTENT: Final = 2
CHARACTERS: Final = frozenset(("error",))
"""Fields whose text RabbitMQ sends as the numbers of its characters."""


class EventTopic(Topic):
    """A topic exchange that says when its first binding comes and its last one goes."""

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        super().__init__(exchange, context)
        self._exchange = exchange
        self.on_use: Callable[[bool], None] | None = None

    def add(self, binding: Binding) -> None:
        super().add(binding)
        if self.on_use is not None and len(self._exchange.outgoing) == 1:
            self.on_use(True)

    def remove(self, binding: Binding) -> None:
        super().remove(binding)
        if self.on_use is not None and not self._exchange.outgoing:
            self.on_use(False)


class EventExchange:
    """Makes the exchange in a vhost, and publishes to it for as long as that exists."""

    def __init__(self, events: Events, vhost: VHost) -> None:
        self._events = events
        self._vhost = vhost
        self._stop: Callable[[], None] | None = None
        self._exchange = vhost.add_exchange(NAME, EventTopic, internal=True)
        assert isinstance(self._exchange.router, EventTopic)
        self._exchange.router.on_use = self._listen

    def _listen(self, used: bool) -> None:
        if used:
            self._stop = self._events.subscribe(self._publish)
        elif self._stop is not None:
            self._stop()

    def _publish(self, event: Event) -> None:
        by_name = self._vhost.context.compat.profile.sorts_headers_of_events
        message = Message(NAME, event.name, properties(event, by_name=by_name), b"")
        route = self._vhost.route(self._exchange, (event.name,), message)
        if route:
            self._vhost.publish(message, route)


def properties(event: Event, *, by_name: bool) -> Properties:
    """An event as the properties of a message without a body, its headers sorted `by_name` or as they come."""
    headers = [(name, _field(name, value)) for name, value in reversed(list(event.fields.items()))]
    headers.append(("timestamp_in_ms", fields.long(event.time)))
    if by_name:
        headers.sort(key=itemgetter(0))
    return Properties.of(headers=Table.of(headers), delivery_mode=PERSISTENT, timestamp=event.time // 1000)


def _field(name: str, value: Value) -> Field:
    if isinstance(value, str):
        if name in CHARACTERS:
            return fields.array([fields.long(ord(character)) for character in value])
        return fields.longstr(value)
    if isinstance(value, Table):
        return fields.array([fields.longstr(term) for term in value.terms()])
    if isinstance(value, tuple):
        return fields.longstr(_erlang_tuple(value))
    if isinstance(value, IPv4Address):
        return fields.longstr(_erlang_tuple(tuple(value.packed)))
    if isinstance(value, IPv6Address):
        words = (int.from_bytes(value.packed[at : at + 2], "big") for at in range(0, 16, 2))
        return fields.longstr(_erlang_tuple(tuple(words)))
    return _plain(value)


def _plain(value: Value) -> Field:
    if isinstance(value, bool):
        return fields.boolean(value)
    if isinstance(value, int):
        return fields.long(value)
    if isinstance(value, float):
        return fields.double(value)
    if isinstance(value, list):
        return fields.array([_field("", each) for each in value])
    assert isinstance(value, Mapping)
    return fields.table(Table.of([(name, _field("", each)) for name, each in value.items()]))


def _erlang_tuple(numbers: tuple[int, ...]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"
