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

LOW_MARK: Final = (4, 5)
"""The part of its limits to which a queue must fall before it takes messages again."""


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

    def left(self, message: Message, count: int) -> None:
        """A ready message was taken; `count` are left."""
        self.octets -= len(message.body)

    def over(self, count: int) -> bool:
        """Whether a queue of `count` ready messages must drop its head."""
        if self.mode != DROP_HEAD or not count:
            return False
        if self.max_length is not None and count > self.max_length:
            return True
        return self.max_octets is not None and self.octets > self.max_octets


class SoftLimits(Limits):
    """The limits of a quorum queue: a publisher is refused only after the queue went over, then until it has room.

    Going over the limit shuts it, falling to 80 % of it opens it again. https://www.rabbitmq.com/docs/maxlength
    """

    __slots__ = ("_shut",)

    def __init__(self, max_length: int | None, max_octets: int | None, mode: str = DROP_HEAD) -> None:
        super().__init__(max_length, max_octets, mode)
        self._shut = False

    def refuses(self, message: Message, count: int) -> bool:
        return self._shut

    def left(self, message: Message, count: int) -> None:
        super().left(message, count)
        self.over(count)

    def over(self, count: int) -> bool:
        """The same; asked after every change, it also decides whether publishers are refused."""
        if self.mode == DROP_HEAD:
            return super().over(count)
        if self._above(count, 1, 1):
            self._shut = True
        elif self._shut and not self._above(count, *LOW_MARK):
            self._shut = False
        return False

    def _above(self, count: int, numerator: int, denominator: int) -> bool:
        length, octets = self.max_length, self.max_octets
        if length is not None and count > length * numerator // denominator:
            return True
        return octets is not None and self.octets > octets * numerator // denominator
