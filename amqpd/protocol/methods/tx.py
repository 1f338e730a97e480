"""Class tx (90). A commit runs in one turn, so that nobody sees half of it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from amqpd.broker.pending import Pending
from amqpd.broker.queue import Queue
from amqpd.broker.transaction import Publish, Settlement, Transaction
from amqpd.errors import PreconditionFailed
from amqpd.protocol.settling import refuse, requeue
from amqpd.wire import server_methods

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel

COMMIT: Final = (90, 20)


def select(channel: Channel) -> None:
    """Begin the first transaction; a second select changes nothing."""
    if channel.confirms is not None:
        raise PreconditionFailed("cannot switch from confirm to tx mode")
    if channel.transaction is None:
        channel.transaction = Transaction(channel.connection.node.broker.account)
    channel.send(server_methods.TX_SELECT_OK)


def commit(channel: Channel) -> None:
    """Publish in order (returning what is unroutable), then settle; a new transaction begins."""
    publishes, settlements = _transaction(channel).take()
    with channel.connection.node.broker.dead_letters_held():  # what this drives out of queues comes after all of it
        complete = _publish(channel, publishes)
        _settle(channel, settlements)
    if not complete:
        raise PreconditionFailed("partial tx completion")
    durable = channel.connection.node.broker.journal.messages_durable()
    if durable is None:
        channel.send(server_methods.TX_COMMIT_OK)
    else:
        channel.wait_for(durable, lambda done: _committed(channel, done))


def _publish(channel: Channel, publishes: list[Publish]) -> bool:
    """Publish in order; return whether no queue refused anything that matters."""
    vhost = channel.session.vhost
    complete = True
    for message, addresses, mandatory in publishes:
        route = vhost.found(addresses)
        if route:
            if not vhost.publish(message, route) and any(
                isinstance(each, Queue) and each.type.fails_transactions for each in route
            ):
                complete = False
        elif mandatory:
            channel.return_unroutable(message)
    return complete


def _settle(channel: Channel, settlements: list[Settlement]) -> None:
    """Settle in order; settlements of one kind in a row are one, as in RabbitMQ: the oldest delivery comes first."""
    for kind, group in groupby(settlements, lambda each: requeue if each.settle is refuse else each.settle):
        row = sorted(group, key=lambda each: each.tag)
        deliveries = [each.delivery for each in row]
        if kind is requeue:
            requeue(channel, deliveries, refused={each.delivery[0] for each in row if each.settle is refuse})
        else:
            kind(channel, deliveries)


def _committed(channel: Channel, done: Pending[None]) -> None:
    try:
        done.result()
    except Exception as error:  # the journal has logged why
        raise PreconditionFailed("partial tx completion", method=COMMIT) from error
    channel.send(server_methods.TX_COMMIT_OK)


def rollback(channel: Channel) -> None:
    """Forget the publishes; what was settled is outstanding again."""
    channel.unacked.restore(_transaction(channel).roll_back())
    channel.send(server_methods.TX_ROLLBACK_OK)


def _transaction(channel: Channel) -> Transaction:
    if channel.transaction is None:
        raise PreconditionFailed("channel is not transactional")
    return channel.transaction
