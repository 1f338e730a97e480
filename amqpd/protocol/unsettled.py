"""How much the messages are that are out, delivered and not settled for good, and which of a queue's is the oldest.
Channels have them, by tag.

A step comes after a few hundred deliveries at most, counted and not timed: whoever looks lets others have their turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from amqpd.broker.message import Message
from amqpd.broker.queue import Queue
from amqpd.broker.unacked import Delivery
from amqpd.broker.weights import NOTHING, Weight, of_messages
from amqpd.protocol.channel import Channel
from amqpd.protocol.node import Node
from amqpd.protocol.outstanding import queues_held

PART: Final = 256
"""Deliveries that are looked at in one go."""
CHANNELS: Final = 64
"""Channels without any that are passed in one go."""
NUMBER: Final = attrgetter("number")
"""Messages came into their queue in this order."""


class Unsettled:
    """Of all queues, or of one."""

    def __init__(self, node: Node, only: Queue | None = None) -> None:
        self._node = node
        self._only = only
        self._by_queue: dict[Queue, Weight] = {}
        self._oldest: dict[Queue, Message] = {}

    def of(self, queue: Queue) -> Weight:
        """What is out of a queue, once it is collected."""
        return self._by_queue.get(queue, NOTHING)

    def first_sent(self, queue: Queue) -> int | None:
        """When the first message of a queue was sent, as its publisher says: seconds since the Unix epoch. Of the one
        that is ready and the one that is out it is the earlier, as RabbitMQ has it.
        """
        first = queue.head(), self._oldest.get(queue)
        sent = [each.properties.timestamp for each in first if each is not None]
        return min([each for each in sent if each is not None], default=None)

    def collect(self) -> Iterator[None]:
        """Look at every channel; between two steps deliveries may come and go."""
        channels = [each for connection in self._node.connections for each in connection.channels.values()]
        for count, channel in enumerate(channels):
            held = self._held(channel)
            for start in range(0, len(held), PART):
                self._add(held[start : start + PART])
                yield
            if count % CHANNELS == 0:
                yield

    def _held(self, channel: Channel) -> list[Delivery]:
        """What is out there, and what an open transaction has settled."""
        transaction = channel.transaction
        settled = [] if transaction is None else [each.delivery for each in transaction.settlements]
        if not settled and not self._concerns(channel):
            return []
        return channel.unacked.deliveries() + settled

    def _concerns(self, channel: Channel) -> bool:
        if not len(channel.unacked):
            return False
        return self._only is None or self._only in queues_held(channel)

    def _add(self, deliveries: list[Delivery]) -> None:
        by_queue: dict[Queue, list[Delivery]] = {}
        for delivery in deliveries:
            by_queue.setdefault(delivery[1], []).append(delivery)
        for queue, found in by_queue.items():
            messages = [message for message, *_ in found]
            self._by_queue[queue] = self.of(queue) + of_messages(messages)
            known = self._oldest.get(queue)
            self._oldest[queue] = min(messages if known is None else [known, *messages], key=NUMBER)
