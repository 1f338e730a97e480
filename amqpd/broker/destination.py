"""Where a message can be published to: a queue, or the channel of a requester."""

from __future__ import annotations

from amqpd.broker.message import Message


class Destination:
    """One place of a route."""

    __slots__ = ()

    def publish(self, message: Message) -> int:
        """Take a new message; return ACCEPTED or REJECTED."""
        raise NotImplementedError
