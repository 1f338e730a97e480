"""How a channel ends: for an error, which its client has to answer, or with everything that it has, for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.broker.events import INTERNAL
from amqpd.broker.queue import SLICE, Queue
from amqpd.broker.returns import give_back
from amqpd.errors import AmqpError
from amqpd.protocol import announce
from amqpd.protocol.outstanding import return_all
from amqpd.wire.methods import MethodId

if TYPE_CHECKING:
    from amqpd.broker.unacked import Delivery
    from amqpd.protocol.channel import Channel


def fail(channel: Channel, error: AmqpError, failed: MethodId) -> None:
    """Close a channel for an error; the client's close-ok frees its number.

    As in RabbitMQ, what is outstanding on queues that this channel consumes from goes back before the close is
    sent, the rest (of basic.get, of cancelled consumers) once the client has answered.
    """
    settling, channel.settling = channel.settling, None
    if settling is not None:
        settling.finish()  # the channel ends, but what its client has settled is settled
    _count_out(channel)
    if channel.connection.ack_timeout is not None:
        channel.connection.ack_timeout.channel_fails(channel)
    queues = {consumer.queue for consumer in channel.consumers.values()}
    early = {each for each in queues if each.type.returns_before_close}
    waits = _roll_back(channel) or bool(channel.unacked.gotten) or any(each.unacked for each in channel.retired)
    waits = waits or len(early) < len(queues)
    _stop_consuming(channel)
    _delete_unused(channel, queues)  # before anything returns: what was outstanding there goes with the queue
    rest: list[Delivery] = []
    if waits and len(channel.unacked) <= SLICE:
        mine, rest = _split(channel.unacked.take_all(), early)
        give_back(mine)
    else:
        return_all(channel)
    for tag, delivery in enumerate(rest):
        channel.unacked.add(tag, delivery)
    _stop(channel)
    channel.closing = True
    channel.send_close(error, failed)


def terminate(channel: Channel, limit: int = SLICE) -> int:
    """Give everything back: consumers, unsettled messages, an open transaction. Harmless the second time.

    Up to `limit` messages go back at once, more of them in slices; return how many went at once.
    """
    settling, channel.settling = channel.settling, None
    _count_out(channel)
    _roll_back(channel)
    queues = {consumer.queue for consumer in channel.consumers.values()}
    _stop_consuming(channel)
    _delete_unused(channel, queues)
    if settling is None:
        given = return_all(channel, limit)
    else:
        # What its client has settled is settled first, in slices too.
        settling.outlives_channel = True
        given = 0
    _stop(channel)
    opened, channel.announced = channel.announced, False
    if opened and channel.connection.node.broker.events.heard:
        announce.channel_closed(channel)
    return given


def _count_out(channel: Channel) -> None:
    """It ends: what it did stays in the node's totals."""
    if channel.is_open:
        channel.connection.node.totals.channel_gone(channel)


def _roll_back(channel: Channel) -> bool:
    """What its transaction has settled is outstanding as before. Return whether it has any."""
    transaction, channel.transaction = channel.transaction, None
    settled = {} if transaction is None else transaction.roll_back()
    if settled:
        channel.unacked.restore(settled)
    return bool(settled)


def _stop(channel: Channel) -> None:
    channel.direct = False
    channel.is_open = False
    channel.retired = {}
    channel.confirms = None
    channel.drop_content()
    channel.line.clear()
    channel.drop_reply_port()


def _stop_consuming(channel: Channel) -> None:
    consumers, channel.consumers = channel.consumers, {}
    for consumer in consumers.values():
        consumer.able = False
        consumer.queue.remove_consumer(consumer)
        channel.retire(consumer)
        channel.consumer_over(consumer, INTERNAL)


def _delete_unused(channel: Channel, queues: set[Queue]) -> None:
    for queue in sorted(queues, key=lambda each: each.name):
        channel.session.vhost.delete_unused(queue)


def _split(deliveries: list[Delivery], queues: set[Queue]) -> tuple[list[Delivery], list[Delivery]]:
    """Those of some queues, and the others."""
    mine = [each for each in deliveries if each[1] in queues]
    return mine, [each for each in deliveries if each[1] not in queues]
