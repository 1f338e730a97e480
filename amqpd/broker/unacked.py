"""The deliveries of one channel that the client has yet to settle, by delivery tag.

Tags rise, so "all up to this tag" is a walk from the oldest. A queue of tags beside the dictionary keeps that walk
short: asking a dictionary for its first key takes ever longer once many were removed from its front.
"""

from __future__ import annotations

from collections import deque
from collections.abc import ItemsView, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING

from amqpd.broker.message import Message

if TYPE_CHECKING:
    from amqpd.broker.consumers import Consumer
    from amqpd.broker.queue import Queue

Delivery = tuple[Message, "Queue", "Consumer | None"]
"""What is out under a tag: the message, its queue, and the consumer (None: basic.get)."""


class Unacked:
    """Outstanding deliveries in the order of their tags."""

    __slots__ = ("_by_tag", "_tags", "gotten")

    def __init__(self) -> None:
        self.gotten: dict[Queue, int] = {}
        """How many of the outstanding deliveries are of basic.get, by queue; consumers count their own."""
        self._by_tag: dict[int, Delivery] = {}
        self._tags: deque[int] | None = None

    def __len__(self) -> int:
        return len(self._by_tag)

    def add(self, tag: int, delivery: Delivery) -> None:
        """Record a delivery; its tag is above all others'."""
        self._by_tag[tag] = delivery
        if delivery[2] is None:
            self._count_get(delivery[1], 1)
        if self._tags is None:
            self._tags = deque()
        self._tags.append(tag)

    def oldest(self) -> int:
        """The lowest tag that is outstanding; 0: nothing is."""
        if not self._by_tag:
            return 0
        self._tidy()
        assert self._tags is not None
        return self._tags[0]

    def covers_many(self, tag: int, limit: int) -> bool:
        """Whether a settlement of all up to `tag` (0: everything) may cover more than `limit` deliveries."""
        tags = self._tags
        return tags is not None and len(self._by_tag) > limit and (tag == 0 or tag - tags[0] > limit)

    def is_newest(self, tag: int) -> bool:
        """Whether everything outstanding lies at or below `tag` (0: everything)."""
        return tag == 0 or (self._tags is not None and tag >= self._tags[-1])

    def take_oldest(self, tag: int, limit: int) -> list[Delivery]:
        """Remove and return at most `limit` of the deliveries up to `tag` (0: all), oldest first."""
        by_tag, tags = self._by_tag, self._tags
        taken: list[Delivery] = []
        while tags and len(taken) < limit and (tag == 0 or tags[0] <= tag):
            delivery = by_tag.pop(tags.popleft(), None)
            if delivery is not None:
                taken.append(delivery)
                if delivery[2] is None:
                    self._count_get(delivery[1], -1)
        return taken

    def __contains__(self, tag: int) -> bool:
        return tag in self._by_tag

    def take(self, tag: int, multiple: bool) -> list[Delivery] | None:
        """Remove and return what a settlement covers, oldest first, or None if its tag isn't outstanding.

        Tag 0 with `multiple` covers everything, also nothing.
        """
        if not multiple:
            delivery = self._by_tag.pop(tag, None)
            if delivery is None:
                return None
            if delivery[2] is None:
                self._count_get(delivery[1], -1)
            self._tidy()
            return [delivery]
        if tag == 0:
            return self.take_all()
        if tag not in self._by_tag:
            return None
        return self.take_oldest(tag, len(self._by_tag))

    def take_all(self) -> list[Delivery]:
        """Remove and return everything, oldest first."""
        taken = list(self._by_tag.values())
        self._by_tag = {}
        self._tags = None
        self.gotten = {}
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
        for delivery in deliveries.values():
            if delivery[2] is None:
                self._count_get(delivery[1], 1)
        self._by_tag = dict(sorted({**self._by_tag, **deliveries}.items()))
        self._tags = deque(self._by_tag)

    def up_to(self, tag: int) -> Iterator[tuple[int, Delivery]]:
        """Those with tags up to this one, oldest first; none may be added or settled meanwhile."""
        return takewhile(lambda each: each[0] <= tag, self._by_tag.items())

    def at(self, tag: int) -> Delivery:
        """One that is known to be outstanding, left in place."""
        return self._by_tag[tag]

    def replace(self, tag: int, delivery: Delivery) -> None:
        """Let the tag of a consumer's delivery stand for something else."""
        self._by_tag[tag] = delivery

    def pop(self, tag: int) -> Delivery:
        """Remove one that is known to be outstanding."""
        delivery = self._by_tag.pop(tag)
        if delivery[2] is None:
            self._count_get(delivery[1], -1)
        self._tidy()
        return delivery

    def items(self) -> ItemsView[int, Delivery]:
        """All tags and what is out under them, oldest first, left in place."""
        return self._by_tag.items()

    def deliveries(self) -> list[Delivery]:
        """All of them, oldest first, left in place."""
        return list(self._by_tag.values())

    def _count_get(self, queue: Queue, change: int) -> None:
        count = self.gotten.get(queue, 0) + change
        if count:
            self.gotten[queue] = count
        else:
            del self.gotten[queue]

    def _tidy(self) -> None:
        """Drop settled tags from the front, and all of them once they are the majority."""
        tags, by_tag = self._tags, self._by_tag
        assert tags is not None
        while tags and tags[0] not in by_tag:
            tags.popleft()
        if len(tags) > 64 and len(tags) > 2 * len(by_tag):
            self._tags = deque(by_tag)
