"""The deliveries of one channel that the client has yet to settle, by delivery tag.

Tags rise, so "all up to this tag" is a walk from the oldest. A queue of tags beside the dictionary keeps that walk short:
asking a dictionary for its first key takes ever longer once many were removed from its front.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from amqpd.broker.message import Message

if TYPE_CHECKING:
    from amqpd.broker.consumers import Consumer
    from amqpd.broker.queue import Queue

Delivery = tuple[Message, "Queue", "Consumer | None"]
"""What is out under a tag: the message, its queue, and the consumer (None: basic.get)."""


class Unacked:
    """Outstanding deliveries in the order of their tags."""

    __slots__ = ("_by_tag", "_tags")

    def __init__(self) -> None:
        self._by_tag: dict[int, Delivery] = {}
        self._tags: deque[int] | None = None

    def __len__(self) -> int:
        return len(self._by_tag)

    def add(self, tag: int, delivery: Delivery) -> None:
        """Record a delivery; its tag is above all others'."""
        self._by_tag[tag] = delivery
        if self._tags is None:
            self._tags = deque()
        self._tags.append(tag)

    def take(self, tag: int, multiple: bool) -> list[Delivery] | None:
        """Remove and return what a settlement covers, oldest first, or None if its tag isn't outstanding.

        Tag 0 with `multiple` covers everything, also nothing.
        """
        if not multiple:
            delivery = self._by_tag.pop(tag, None)
            if delivery is None:
                return None
            self._tidy()
            return [delivery]
        if tag == 0:
            return self.take_all()
        if tag not in self._by_tag:
            return None
        by_tag, tags = self._by_tag, self._tags
        assert tags is not None
        taken: list[Delivery] = []
        while tags and tags[0] <= tag:
            delivery = by_tag.pop(tags.popleft(), None)
            if delivery is not None:
                taken.append(delivery)
        return taken

    def take_all(self) -> list[Delivery]:
        """Remove and return everything, oldest first."""
        taken = list(self._by_tag.values())
        self._by_tag = {}
        self._tags = None
        return taken

    def tags(self, tag: int, multiple: bool) -> list[int] | None:
        """The tags that a settlement would cover, without removing them, or None if its tag isn't outstanding."""
        if not multiple:
            return [tag] if tag in self._by_tag else None
        if tag == 0:
            return list(self._by_tag)
        if tag not in self._by_tag:
            return None
        return [each for each in self._by_tag if each <= tag]

    def restore(self, deliveries: dict[int, Delivery]) -> None:
        """Put back what a transaction took and rolled back."""
        self._by_tag = dict(sorted({**self._by_tag, **deliveries}.items()))
        self._tags = deque(self._by_tag)

    def pop(self, tag: int) -> Delivery:
        """Remove one that is known to be outstanding."""
        delivery = self._by_tag.pop(tag)
        self._tidy()
        return delivery

    def deliveries(self) -> list[Delivery]:
        """All of them, oldest first, left in place."""
        return list(self._by_tag.values())

    def _tidy(self) -> None:
        """Drop settled tags from the front, and all of them once they are the majority."""
        tags, by_tag = self._tags, self._by_tag
        assert tags is not None
        while tags and tags[0] not in by_tag:
            tags.popleft()
        if len(tags) > 64 and len(tags) > 2 * len(by_tag):
            self._tags = deque(by_tag)
