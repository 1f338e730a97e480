"""The routing keys that a message goes by, as its content and its trail tell them."""

from __future__ import annotations

from amqpd.broker.message import Message
from amqpd.fields import Field


def routing_keys(message: Message) -> tuple[str, ...]:
    """The routing key and the keys in CC, unless a dead-letter routing key took the place of all of them."""
    keys = [message.routing_key]
    if message.trail is not None and message.trail.rekeyed:
        return tuple(keys)
    copies = None if message.properties.headers is None else message.properties.headers.get("CC")
    if copies is not None and copies.tag == "A" and isinstance(copies.value, tuple):
        keys += [each.text() for each in copies.value if isinstance(each, Field) and each.tag == "S"]
    return tuple(keys)


def all_keys(message: Message) -> tuple[str, ...]:
    """The same and those of a BCC header, which receivers don't see; a key may come twice."""
    return (*routing_keys(message), *(() if message.trail is None else message.trail.hidden_keys))
