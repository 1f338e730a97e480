"""What a settlement does to deliveries: a few at once, a million in slices.

Acknowledging, rejecting or requeueing everything up to a tag may cover any number of deliveries. Above a slice it
becomes work: the channel's later frames wait, other channels go on. If the channel ends meanwhile, the rest is
settled first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final

from amqpd.broker.pending import Pending
from amqpd.broker.queue import SLICE
from amqpd.broker.returns import REFUSED, RETURNED, ReturnWork
from amqpd.protocol.consumer import ChannelConsumer
from amqpd.protocol.outstanding import queues_held, return_all

if TYPE_CHECKING:
    from amqpd.broker.message import Message
    from amqpd.broker.queue import Queue
    from amqpd.broker.unacked import Delivery
    from amqpd.protocol.channel import Channel

Settle = Callable[["Channel", "list[Delivery]"], None]

LAST: Final = 2**63
"""Behind all places in a list."""


def acknowledge(channel: Channel, deliveries: list[Delivery]) -> None:
    """The messages are done with."""
    channel.acked += len(deliveries)
    if not deliveries:
        channel.settled(deliveries)
        return
    if len(deliveries) == 1:
        delivery = deliveries[0]
        channel.settle(delivery)
        queue = delivery[1]
        queue.acked += 1
        queue.settle(delivery[0])
        channel.settled(deliveries)
        return
    for portion in _portions(channel, deliveries):
        queue, count = portion[0][1], 0
        for delivery in portion:
            channel.settle(delivery)
            if delivery[1] is not queue:
                queue.acked += count
                queue, count = delivery[1], 0
            count += 1
            queue.settle(delivery[0])
        queue.acked += count
        channel.settled(portion)


def requeue(
    channel: Channel, deliveries: list[Delivery], cause: int = RETURNED, refused: Collection[Message] = ()
) -> None:
    """The messages go back to their queues, some of them as refused; a window that this opens is open when they are
    handed out again.
    """
    require_refusable(channel, dict.fromkeys(delivery[1] for delivery in deliveries))
    channel.turned_back += len(deliveries)
    for portion in _portions(channel, deliveries):
        for delivery in portion:
            channel.settle(delivery)
            delivery[1].put_back(delivery[0], REFUSED if delivery[0] in refused else cause)
        channel.settled(portion)
        for queue in dict.fromkeys(delivery[1] for delivery in portion):
            queue.resume()


def refuse(channel: Channel, deliveries: list[Delivery]) -> None:
    """The same, and processing them counts as failed."""
    requeue(channel, deliveries, REFUSED)


def reject(channel: Channel, deliveries: list[Delivery]) -> None:
    """The messages are dead-lettered, or dropped; what waits goes out before one comes back to its own queue."""
    require_refusable(channel, dict.fromkeys(delivery[1] for delivery in deliveries))
    channel.turned_back += len(deliveries)
    for portion in _portions(channel, deliveries):
        for delivery in portion:
            channel.settle(delivery)
        channel.settled(portion)
        for delivery in portion:
            delivery[1].reject(delivery[0])


def require_refusable(channel: Channel, queues: Iterable[Queue]) -> None:
    """Raise an AmqpError if one of the queues doesn't know basic.nack and basic.reject."""
    compat = channel.connection.node.broker.compat
    for queue in queues:
        queue.type.check_refusal(f"queue '{queue.name}' in vhost '{channel.session.vhost.name}'", compat)


def _portions(channel: Channel, deliveries: list[Delivery]) -> list[list[Delivery]]:
    """Split what is settled together as RabbitMQ does: by queue and consumer tag, in their order; before that what
    basic.get took, one by one.

    A queue hands out messages after each portion, so a message may go round before another one is back in its place.
    While the channel's own window is full nobody gets anything in between, and all are one portion.
    """
    if not deliveries or (channel.window and channel.window_used >= channel.window):
        return [deliveries]
    _, queue, consumer = deliveries[0]
    for delivery in deliveries:
        if delivery[2] is not consumer or delivery[1] is not queue or consumer is None:
            break
    else:
        return [deliveries]
    portions: dict[tuple[str, int, str], list[Delivery]] = {}
    for at, delivery in enumerate(deliveries):
        holder = delivery[2]
        place = (LAST, holder.tag) if isinstance(holder, ChannelConsumer) else (at, "")
        portions.setdefault((delivery[1].name, *place), []).append(delivery)
    return [portions[key] for key in sorted(portions)]


def requeue_all(channel: Channel) -> None:
    """Every outstanding delivery goes back to its queue; the windows are open again."""
    if len(channel.unacked) <= SLICE:
        requeue(channel, channel.unacked.take_all())
        return
    channel.turned_back += len(channel.unacked)
    return_all(channel, cause=RETURNED)
    channel.window_changed()


class Settling(ReturnWork):
    """One settlement of many deliveries; queues that get messages back hand out nothing before all are there."""

    __slots__ = ("_channel", "_queues", "_settle", "_tag", "done", "outlives_channel")

    def __init__(self, channel: Channel, tag: int, settle: Settle) -> None:
        self._channel = channel
        self._tag = tag or channel.delivery_tag
        self._settle = settle
        self._queues = queues_held(channel) if settle is requeue else ()
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
            return_all(self._channel)
        self.done.settle(None)
        return False

    def finish(self) -> None:
        while self.step(len(self._channel.unacked) + 1):
            pass


def settle_in_slices(channel: Channel, tag: int, settle: Settle) -> None:
    """Settle everything up to a tag under the turn's budget; what follows on the channel waits."""
    settling = channel.settling = Settling(channel, tag, settle)
    channel.connection.node.broker.work.add(settling)

    def settled(_: Pending[None]) -> None:
        channel.settling = None

    channel.wait_for(settling.done, settled)
