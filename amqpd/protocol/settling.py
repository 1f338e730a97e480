"""What a settlement does to deliveries: a few at once, a million in slices.

Acknowledging, rejecting or requeueing everything up to a tag may cover any number of deliveries. Above a slice it
becomes work: the channel's later frames wait, other channels go on. If the channel ends meanwhile, the rest is
settled first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from amqpd.broker.pending import Pending
from amqpd.broker.returns import ReturnWork, give_back

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


class Settling(ReturnWork):
    """One settlement of many deliveries; queues that get messages back hand out nothing before all are there."""

    __slots__ = ("_channel", "_queues", "_settle", "_tag", "done", "outlives_channel")

    def __init__(self, channel: Channel, tag: int, settle: Settle) -> None:
        self._channel = channel
        self._tag = tag or channel.delivery_tag
        self._settle = settle
        self._queues = channel.queues_held() if settle is requeue else ()
        for queue in self._queues:
            queue.expect_return(self, 0)
        self.outlives_channel = False
        """The channel has ended: when this is done, what it doesn't cover goes back to the queues."""
        self.done: Pending[None] = Pending()

    def step(self, budget: int) -> bool:
        if self.done.done:
            return False
        deliveries = self._channel.unacked.take_oldest(self._tag, budget)
        if deliveries:
            self._settle(self._channel, deliveries)
            return True
        for queue in self._queues:
            queue.returned(self)
        if self.outlives_channel:
            self._channel.give_back_rest()
        self.done.settle(None)
        return False

    def finish(self) -> None:
        while self.step(len(self._channel.unacked) + 1):
            pass
