"""Who is the single active consumer of a quorum queue: the answers of different versions.

https://www.rabbitmq.com/docs/consumers#single-active-consumer
"""

from __future__ import annotations

from amqpd.broker.consumers import Consumer, Consumers


class InOrderOfArrival(Consumers):
    """The one that waited longest, whatever its priority."""

    __slots__ = ()

    @property
    def active(self) -> Consumer | None:
        if self._active is None and self._members:
            self._active = next(iter(self._members))
        return self._active


class GivesWay(Consumers):
    """One of the highest priority. A newcomer of a higher priority takes over once the active one has settled all that
    it holds; until then nobody gets anything.
    """

    __slots__ = ("heir",)

    def __init__(self) -> None:
        super().__init__()
        self.heir: Consumer | None = None
        """Who takes over."""

    def add(self, consumer: Consumer) -> None:
        super().add(consumer)
        active = self.active
        if self.single and active is not None and consumer.priority > (self.heir or active).priority:
            self.heir = consumer

    def remove(self, consumer: Consumer) -> None:
        super().remove(consumer)
        if self.heir is None or not self._members:
            self.heir = None
        elif self._active is None:
            self.heir = None  # the next active one is the same
        elif self.heir is consumer:
            best = max(self._members, key=lambda each: each.priority)
            self.heir = best if best.priority > self._active.priority else None

    def next_able(self) -> Consumer | None:
        if self.heir is not None:
            if self._active is not None and self._active.holds:
                return None
            self._active, self.heir = self.heir, None
        return super().next_able()
