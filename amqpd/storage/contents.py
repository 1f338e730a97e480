"""A message of the broker as the content of a batch, and back.

The header goes in as it was published: what a queue shows consumers beyond that is made anew. What the broker knows
beyond the content goes with it (`broker.trails`).
"""

from __future__ import annotations

from amqpd.broker import trails
from amqpd.broker.interning import Interned
from amqpd.broker.message import Message
from amqpd.storage.batch import Content
from amqpd.storage.columns import text


def content_of(message: Message) -> Content:
    """What is kept of a message."""
    trail = message.trail
    properties = message.properties
    if trail is not None and trail.published is not None:
        properties = trail.published
    octets = b"" if trail is None else trails.encoded(trail)
    # What the class itself ends in, without the way there: this is made for every persistent message.
    return tuple.__new__(Content, (message.exchange, message.routing_key, properties.raw, message.body, octets))


class Texts:
    """Names and headers as they come back: equal ones are one object, and decoded once for each row."""

    def __init__(self) -> None:
        self._texts: Interned[str] = Interned()
        self._octets: Interned[bytes] = Interned()

    def text(self, octets: bytes) -> str:
        return self._texts.one(text(octets))

    def octets(self, octets: bytes) -> bytes:
        return self._octets.one(octets)
