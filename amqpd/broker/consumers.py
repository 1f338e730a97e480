"""Who gets the next message of a queue: consumers in rotation, higher priorities first.

`Consumer` is the port through which the model delivers; the protocol implements it. A consumer that can't take more
(prefetch window full, its connection's outbox over the mark) is dropped from the rotation when its turn comes and
rejoins at the end once it can, so that a choice costs the same however many are blocked. The choice is made at each
dispatch and never kept: a consumer of higher priority may have arrived meanwhile. While deliveries are paused there is
nobody to choose from, so that the choice itself needn't ask.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from typing import TYPE_CHECKING

from amqpd.broker.message import Message
from amqpd.fields import Table

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue


class Consumer:
    """One basic.consume on one queue."""

    __slots__ = ("able", "arguments", "exclusive", "in_rotation", "no_ack", "passed_over", "priority", "queue", "tag")

    def __init__(
        self, queue: Queue, tag: str, *, no_ack: bool, exclusive: bool, priority: int, arguments: Table
    ) -> None:
        self.queue = queue
        self.tag = tag
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.priority = priority
        self.arguments = arguments
        self.able = True
        """Whether it can take a message now; the implementation keeps it current and calls `queue.resume` on the
        rise.
        """
        self.in_rotation = False
        self.passed_over = 0
        """Which time among its like it was that it left the rotation; those of one channel come back in this order."""

    def deliver(self, message: Message) -> None:
        """Take one message. It must not raise: what goes wrong with a peer is that peer's own matter."""

    @property
    def channel_pid(self) -> str:
        """What events call the channel that it belongs to."""
        return ""

    @property
    def prefetch_count(self) -> int:
        """Its own window; 0: none."""
        return 0

    @property
    def holds(self) -> bool:
        """Whether it has deliveries that nobody has settled yet."""
        return False

    def timeout_changed(self) -> None:
        """Its queue lets deliveries stay unacknowledged for another time."""

    @abstractmethod
    def cancelled(self) -> None:
        """The queue is gone: the server cancels this consumer."""


class _Level:
    """The consumers of one priority: those in rotation, next one first, and how many there are in all."""

    __slots__ = ("members", "passes", "rotation", "sole")

    def __init__(self) -> None:
        self.rotation: OrderedDict[Consumer, None] = OrderedDict()
        self.sole: Consumer | None = None
        """The one in rotation, if it is the only one."""
        self.members = 0
        self.passes = 0
        """How many times one of them left the rotation because it could take nothing."""

    def join(self, consumer: Consumer) -> None:
        consumer.in_rotation = True
        self.rotation[consumer] = None
        self.sole = consumer if len(self.rotation) == 1 else None

    def leave(self, consumer: Consumer) -> None:
        consumer.in_rotation = False
        del self.rotation[consumer]
        self.sole = next(iter(self.rotation)) if len(self.rotation) == 1 else None


class Consumers:
    """The consumers of one queue."""

    __slots__ = ("_active", "_levels", "_members", "_order", "_paused", "single")

    def __init__(self) -> None:
        self.single = False
        """Only one is active (x-single-active-consumer): the first one, then the next of the highest priority."""
        self._members: dict[Consumer, None] = {}
        self._levels: dict[int, _Level] = {}
        self._order: tuple[_Level, ...] = ()
        """Levels, highest priority first; none while paused."""
        self._paused = False
        self._active: Consumer | None = None

    def __len__(self) -> int:
        return len(self._members)

    @property
    def paused(self) -> bool:
        """Whether nobody is chosen for now, however able."""
        return self._paused

    @paused.setter
    def paused(self, paused: bool) -> None:
        self._paused = paused
        self._sort()

    def members(self) -> list[Consumer]:
        """All of them, in the order of their arrival."""
        return list(self._members)

    @property
    def active(self) -> Consumer | None:
        """With `single`, the one that gets the messages, blocked or not."""
        if self._active is None and self._members:
            self._active = max(self._members, key=lambda each: each.priority)
        return self._active

    def add(self, consumer: Consumer) -> None:
        """Register a consumer, last in its rotation."""
        if self.single:
            self._active = self.active or consumer  # one that waits goes before a newcomer
        self._members[consumer] = None
        level = self._levels.get(consumer.priority)
        if level is None:
            level = self._levels[consumer.priority] = _Level()
            self._sort()
        level.members += 1
        self.rejoin(consumer)

    def remove(self, consumer: Consumer) -> None:
        """Harmless if it isn't one of them."""
        if consumer not in self._members:
            return
        del self._members[consumer]
        if self._active is consumer:
            self._active = None
        level = self._levels[consumer.priority]
        level.members -= 1
        if consumer.in_rotation:
            level.leave(consumer)
        if not level.members:
            del self._levels[consumer.priority]
            self._sort()

    def rejoin(self, consumer: Consumer) -> None:
        """Put one that can take messages (again) at the end of the rotation of its priority."""
        if not consumer.in_rotation and consumer in self._members:
            self._levels[consumer.priority].join(consumer)

    def rest(self, consumer: Consumer) -> None:
        """Take one out of the rotation that there is nothing for; it has to rejoin."""
        if consumer.in_rotation:
            self._levels[consumer.priority].leave(consumer)

    def next_able(self) -> Consumer | None:
        """Choose who gets the next message, or None while nobody can take it."""
        if self.single:
            active = self.active
            return active if active is not None and active.able and not self._paused else None
        for level in self._order:
            consumer = level.sole
            if consumer is not None and consumer.able:
                return consumer
            rotation = level.rotation
            while rotation:
                consumer = next(iter(rotation))
                if not consumer.able:
                    level.leave(consumer)
                    level.passes = consumer.passed_over = level.passes + 1
                    continue
                if len(rotation) > 1:
                    rotation.move_to_end(consumer)
                return consumer
        return None

    def _sort(self) -> None:
        levels = () if self._paused else sorted(self._levels, reverse=True)
        self._order = tuple([self._levels[each] for each in levels])
