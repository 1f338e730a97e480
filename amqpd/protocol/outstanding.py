"""What a channel has been given and has not settled: whose it is, and how all of it goes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING

from amqpd.broker.ports import Holding
from amqpd.broker.queue import SLICE
from amqpd.broker.returns import LOST, Return, give_back

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue
    from amqpd.protocol.channel import Channel


def queues_held(channel: Channel) -> tuple[Queue, ...]:
    """The queues that have something outstanding on a channel."""
    consumers = (*channel.consumers.values(), *channel.retired)
    return tuple(dict.fromkeys([*(each.queue for each in consumers if each.unacked), *channel.unacked.gotten]))


def holdings(channel: Channel, queue: Queue) -> Iterator[Holding]:
    """What a channel has of a queue and has not settled, oldest first; an open transaction's settlements come last."""
    transaction = channel.transaction
    settled = () if transaction is None else [(each.tag, each.delivery) for each in transaction.settlements]
    if not settled and queue not in queues_held(channel):
        return
    for tag, (message, origin, consumer) in chain(channel.unacked.items(), settled):
        if origin is queue:
            yield Holding(queue.complete(message), channel.number, tag, None if consumer is None else consumer.tag)


def return_all(channel: Channel, limit: int = SLICE, *, cause: int = LOST) -> int:
    """Return everything outstanding to the queues, in slices above `limit`; return how many went at once."""
    unacked = channel.unacked
    count = len(unacked)
    if count <= limit:
        deliveries = unacked.take_all()
        for delivery in deliveries:
            channel.settle(delivery)
        give_back(deliveries, cause)
        return count
    counts = _counted(channel)
    channel.connection.node.broker.work.add(Return(unacked.take_all(), counts, cause))
    return 0


def _counted(channel: Channel) -> dict[Queue, int]:
    """How many messages of each queue are outstanding, while all windows are freed of them."""
    unacked = channel.unacked
    in_transaction = channel.transaction is not None and bool(channel.transaction.settlements)
    consumers = (*channel.consumers.values(), *channel.retired)
    if in_transaction or any(each.timed_out for each in consumers):
        # Consumers count what the transaction holds and what timed out, so what is outstanding is counted here.
        counts = dict(Counter(map(itemgetter(1), unacked.deliveries())))
        for delivery in unacked.deliveries():
            channel.settle(delivery)
        return counts
    counts = dict(unacked.gotten)
    for consumer in consumers:
        if consumer.unacked:
            counts[consumer.queue] = counts.get(consumer.queue, 0) + consumer.unacked
            consumer.unacked = 0
    channel.retired = {}
    channel.window_used = 0
    return counts
