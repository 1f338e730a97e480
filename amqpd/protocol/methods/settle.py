"""basic.ack, reject and nack: once a message, so parsed by hand and kept short.

A settlement of a tag that isn't outstanding is an error of the channel and settles nothing. Inside a transaction it
takes effect at the commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.broker.queue import SLICE
from amqpd.broker.transaction import Settlement
from amqpd.errors import PreconditionFailed
from amqpd.protocol.outstanding import queues_held
from amqpd.protocol.settling import Settle, acknowledge, refuse, requeue_all, require_refusable, settle_in_slices
from amqpd.protocol.settling import reject as drop
from amqpd.protocol.settling import requeue as give_back

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel


def ack(channel: Channel, tag: int, bits: int) -> None:
    """Done with: one delivery, or all up to it."""
    _settle(channel, tag, bool(bits & 1), acknowledge)


def reject(channel: Channel, tag: int, bits: int) -> None:
    """Refused: one delivery, back to its queue or gone."""
    _settle(channel, tag, False, refuse if bits & 1 else drop)


def nack(channel: Channel, tag: int, bits: int) -> None:
    """Refused: one delivery, or all up to it, back to their queues or gone."""
    _settle(channel, tag, bool(bits & 1), give_back if bits & 2 else drop)


def _settle(channel: Channel, tag: int, multiple: bool, settle: Settle) -> None:
    unacked = channel.unacked
    if channel.transaction is not None:
        _in_transaction(channel, tag, multiple, settle)
    elif multiple and unacked.covers_many(tag, SLICE) and (tag == 0 or tag in unacked):
        if settle is not acknowledge:
            require_refusable(channel, queues_held(channel))
        if settle is give_back and unacked.is_newest(tag):
            requeue_all(channel)
        else:
            settle_in_slices(channel, tag, settle)
    else:
        deliveries = unacked.take(tag, multiple)
        if deliveries is None:
            raise _unknown(tag)
        settle(channel, deliveries)


def _in_transaction(channel: Channel, tag: int, multiple: bool, settle: Settle) -> None:
    assert channel.transaction is not None
    tags = channel.unacked.tags(tag, multiple)
    if tags is None:
        raise _unknown(tag)
    for each in tags:
        channel.transaction.settlements.append(Settlement(each, channel.unacked.pop(each), settle))


def _unknown(tag: int) -> PreconditionFailed:
    return PreconditionFailed(f"unknown delivery tag {tag}")
