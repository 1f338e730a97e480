"""Direct reply-to: the pseudo queue through which a reply goes straight to the channel that asked.

A requester consumes from `amq.rabbitmq.reply-to`; its requests carry a made-up name instead, and whoever publishes to
the default exchange under that name reaches the requester's channel. Nothing is stored: without the requester the
name leads nowhere. https://www.rabbitmq.com/docs/direct-reply-to
"""

from __future__ import annotations

from typing import ClassVar, Final

from amqpd.broker.destination import Destination
from amqpd.broker.message import Message

PSEUDO_QUEUE: Final = "amq.rabbitmq.reply-to"
PREFIX: Final = PSEUDO_QUEUE + "."


class ReplyConsumer(Destination):
    """Port: the channel that waits for replies. A destination like a queue, for one message at a time."""

    __slots__ = ("name",)

    kind: ClassVar[str] = "reply"

    def __init__(self, name: str) -> None:
        self.name = name
        """What stands in the requests' reply-to."""

    def publish(self, message: Message) -> int:
        """Deliver a reply; nothing is refused and nothing is kept."""
        raise NotImplementedError
