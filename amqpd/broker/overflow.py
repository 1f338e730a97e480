"""What a queue does when it is full: drop its head, or refuse what is published (x-max-length, x-max-length-bytes).

Limits count ready messages only. Dropping comes after the enqueue, so a message larger than the limit is itself
dropped; refusing comes before it, even where a consumer waits. https://www.rabbitmq.com/docs/maxlength
"""

from __future__ import annotations

from typing import Final

from amqpd.broker.message import Message

DROP_HEAD: Final = "drop-head"
REJECT_PUBLISH: Final = "reject-publish"
REJECT_PUBLISH_DLX: Final = "reject-publish-dlx"


class Limits:
    """The length limits of one queue; None is no limit."""

    __slots__ = ("max_length", "max_octets", "mode", "octets")

    def __init__(self, max_length: int | None, max_octets: int | None, mode: str = DROP_HEAD) -> None:
        self.max_length = max_length
        self.max_octets = max_octets
        self.mode = mode
        self.octets = 0
        """Body octets of the ready messages."""

    def refuses(self, message: Message, count: int) -> bool:
        """Whether a queue of `count` ready messages refuses a new one."""
        if self.mode == DROP_HEAD:
            return False
        if self.max_length is not None and count + 1 > self.max_length:
            return True
        return self.max_octets is not None and self.octets + len(message.body) > self.max_octets

    def over(self, count: int) -> bool:
        """Whether a queue of `count` ready messages must drop its head."""
        if self.mode != DROP_HEAD or not count:
            return False
        if self.max_length is not None and count > self.max_length:
            return True
        return self.max_octets is not None and self.octets > self.max_octets
