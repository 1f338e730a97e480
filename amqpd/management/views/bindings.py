"""Bindings as JSON, and the key by which a path names one of several between the same two.

The key is the routing key, percent-encoded as RabbitMQ does it, `~` where it is empty; with arguments, a tilde and
RabbitMQ's digest of them follow: Erlang's hash of the sorted table. Clients take it from a list, but what was written
down beside one broker holds beside the other. https://www.rabbitmq.com/docs/http-api-reference#get-apibindings
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import cast
from urllib.parse import quote, quote_plus

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange
from amqpd.broker.json_tables import json_of
from amqpd.broker.queue import Queue
from amqpd.broker.vhost import VHost
from amqpd.fields import EMPTY, Field, Table
from amqpd.management.phash2 import Atom, Term, phash2


def binding_view(
    vhost: VHost, source: str, destination: Queue | Exchange, key: str, arguments: Table
) -> dict[str, object]:
    """One binding."""
    return {
        "source": source,
        "vhost": vhost.name,
        "destination": destination.name,
        "destination_type": destination.kind,
        "routing_key": key,
        "arguments": json_of(arguments),
        "properties_key": properties_key(key, arguments),
    }


def view_of(vhost: VHost, binding: Binding) -> dict[str, object]:
    """One that somebody made."""
    return binding_view(vhost, binding.source.name, binding.destination, binding.routing_key, binding.arguments)


def implicit_view(vhost: VHost, queue: Queue) -> dict[str, object]:
    """The one that every queue has: to the default exchange, by its name."""
    return binding_view(vhost, "", queue, queue.name, EMPTY)


def properties_key(routing_key: str, arguments: Table) -> str:
    """What names a binding between two ends."""
    octets = routing_key.encode("utf-8", "surrogateescape")
    key = quote_plus(octets, safe="").replace("~", "%7E")
    if not arguments:
        return key or "~"
    digest = phash2(_term(arguments.sorted())).to_bytes(4, "big")
    return f"{key}~{base64.urlsafe_b64encode(digest).rstrip(b'=').decode('ascii')}"


def _term(table: Table) -> list[Term]:
    """A table as RabbitMQ holds it: `[{Key, Type, Value}]`."""
    return [
        (key.encode("utf-8", "surrogateescape"), Atom(field.type_name), _value(field)) for key, field in table.items()
    ]


def _value(field: Field) -> Term:
    value = field.value
    if isinstance(value, Table):
        return _term(value)
    if isinstance(value, bool):
        return Atom("true" if value else "false")
    if field.tag == "A":
        return [(Atom(each.type_name), _value(each)) for each in cast("tuple[Field, ...]", value)]
    return Atom("undefined") if value is None else cast("Term", value)


def location(destination: str, routing_key: str, arguments: Table) -> str:
    """A new binding's path, relative to where it was posted to."""
    octets = destination.encode("utf-8", "surrogateescape")
    return f"{quote(octets, safe='')}/{quote(properties_key(routing_key, arguments), safe='')}"


def between(source: Exchange, destination: Queue | Exchange) -> Iterator[Binding]:
    """All bindings from one to the other."""
    incoming = destination.bindings if isinstance(destination, Queue) else destination.incoming
    return (each for each in [*incoming] if each.source is source)
