"""basic.ack, reject and nack: once a message, so parsed by hand and kept short.

A settlement of a tag that isn't outstanding is an error of the channel and settles nothing. Inside a transaction it takes
effect at the commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.broker.message import Message
from amqpd.broker.queue import Queue
from amqpd.broker.transaction import Settlement
from amqpd.broker.unacked import Delivery
from amqpd.errors import PreconditionFailed

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel


def ack(channel: Channel, tag: int, bits: int) -> None:
    """Done with: one delivery, or all up to it."""
    multiple = bool(bits & 1)
    if channel.transaction is not None:
        _in_transaction(channel, tag, multiple, accepted=True, requeue=False)
        return
    deliveries = channel.unacked.take(tag, multiple)
    if deliveries is None:
        raise _unknown(tag)
    for delivery in deliveries:
        channel.settle(delivery)
        delivery[1].settle(delivery[0])
    channel.settled(deliveries)


def reject(channel: Channel, tag: int, bits: int) -> None:
    """Refused: one delivery, back to its queue or gone."""
    _refuse(channel, tag, multiple=False, requeue=bool(bits & 1))


def nack(channel: Channel, tag: int, bits: int) -> None:
    """Refused: one delivery, or all up to it, back to their queues or gone."""
    _refuse(channel, tag, multiple=bool(bits & 1), requeue=bool(bits & 2))


def _refuse(channel: Channel, tag: int, *, multiple: bool, requeue: bool) -> None:
    if channel.transaction is not None:
        _in_transaction(channel, tag, multiple, accepted=False, requeue=requeue)
        return
    deliveries = channel.unacked.take(tag, multiple)
    if deliveries is None:
        raise _unknown(tag)
    refuse(channel, deliveries, requeue)


def refuse(channel: Channel, deliveries: list[Delivery], requeue: bool) -> None:
    """Return deliveries to their queues, or drop them."""
    returned: dict[Queue, list[Message]] = {}
    for delivery in deliveries:
        channel.settle(delivery)
        message, queue, _ = delivery
        if requeue:
            returned.setdefault(queue, []).append(message)
        else:
            queue.reject(message)
    for queue, messages in returned.items():
        queue.put_back_all(messages)
    channel.settled(deliveries)


def _in_transaction(channel: Channel, tag: int, multiple: bool, *, accepted: bool, requeue: bool) -> None:
    assert channel.transaction is not None
    tags = channel.unacked.tags(tag, multiple)
    if tags is None:
        raise _unknown(tag)
    for each in tags:
        channel.transaction.settlements.append(Settlement(each, channel.unacked.pop(each), accepted, requeue))


def _unknown(tag: int) -> PreconditionFailed:
    return PreconditionFailed(f"unknown delivery tag {tag}")
