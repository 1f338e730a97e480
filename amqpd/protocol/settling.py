"""What a settlement does to deliveries: a few at once, a million in slices.

Acknowledging, rejecting or requeueing everything up to a tag may cover any number of deliveries. Above a slice it
becomes work: the channel's later frames wait, other channels go on. If the channel ends meanwhile, the rest is
settled first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from amqpd.broker.pending import Pending
from amqpd.broker.returns import give_back
from amqpd.broker.work import Work

if TYPE_CHECKING:
    from amqpd.broker.unacked import Delivery
    from amqpd.protocol.channel import Channel

Settle = Callable[["Channel", "list[Delivery]"], None]


def acknowledge(channel: Channel, deliveries: list[Delivery]) -> None:
    """The messages are done with."""
    for delivery in deliveries:
        channel.settle(delivery)
        delivery[1].settle(delivery[0])
    channel.settled(deliveries)


def requeue(channel: Channel, deliveries: list[Delivery]) -> None:
    """The messages go back to their queues."""
    for delivery in deliveries:
        channel.settle(delivery)
    give_back(deliveries)
    channel.settled(deliveries)


def reject(channel: Channel, deliveries: list[Delivery]) -> None:
    """The messages are dead-lettered, or dropped."""
    for delivery in deliveries:
        channel.settle(delivery)
        delivery[1].reject(delivery[0])
    channel.settled(deliveries)


class Settling(Work):
    """One settlement of many deliveries."""

    __slots__ = ("_channel", "_settle", "_tag", "done")

    def __init__(self, channel: Channel, tag: int, settle: Settle) -> None:
        self._channel = channel
        self._tag = tag or channel.delivery_tag
        self._settle = settle
        self.done: Pending[None] = Pending()

    def step(self, budget: int) -> bool:
        if self.done.done:
            return False
        deliveries = self._channel.unacked.take_oldest(self._tag, budget)
        if deliveries:
            self._settle(self._channel, deliveries)
            return True
        self.done.settle(None)
        return False

    def finish(self) -> None:
        """Settle the rest now."""
        while self.step(len(self._channel.unacked) + 1):
            pass
