"""Publish one message for somebody who has no channel, with the checks and the answer of a mandatory, confirmed one.

Channels have a way of their own, which remembers what the same publisher asked before (`protocol.publishing`).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from amqpd.broker import firehose
from amqpd.broker.broker import Broker
from amqpd.broker.message import Message
from amqpd.broker.operations.lookup import find_exchange
from amqpd.broker.operations.publish_checks import check_expiration, check_user_id, copies
from amqpd.broker.pending import Pending, Recorded
from amqpd.broker.permissions import WRITE
from amqpd.broker.reply_to import PSEUDO_QUEUE
from amqpd.broker.session import EXCHANGE, Session
from amqpd.errors import AccessRefused, PreconditionFailed
from amqpd.properties import EXPIRATION, Properties


class Outcome(Enum):
    """What became of a message."""

    ROUTED = "routed"
    UNROUTED = "unrouted"
    """No queue wanted it: it is gone."""
    REJECTED = "rejected"
    """A queue was full."""


def publish(
    broker: Broker,
    session: Session,
    exchange: str,
    routing_key: str,
    properties: Properties,
    body: bytes,
    on_route: Callable[[int], object] = lambda _: None,
) -> Outcome | Pending[Outcome]:
    """Route and enqueue; a message that goes to disk is there when the Pending is settled. Raises an AmqpError.

    `on_route` is told how many queues it goes to.
    """
    vhost = session.vhost
    session.require(WRITE, EXCHANGE, exchange)
    found = find_exchange(vhost, exchange)
    if found.internal:
        raise AccessRefused(f"cannot publish to internal exchange '{exchange}' in vhost '{vhost.name}'")
    if properties.reply_to == PSEUDO_QUEUE:
        raise PreconditionFailed("fast reply consumer does not exist")
    check_user_id(session, properties)
    if properties.flags & EXPIRATION:
        check_expiration(properties.expiration or "")
    keys, properties, trail = copies(routing_key, properties)
    if found.type_name == "topic":
        covered = keys if broker.compat.profile.topic_permission_covers_copies else (routing_key,)
        for key in covered:
            session.require_topic(WRITE, exchange, key)
    message = Message(exchange, routing_key, properties, body)
    message.trail = trail
    delayed = found.router.messages_delayed
    route = vhost.route(found, keys, message)
    on_route(len(route))
    if vhost.tracing:
        client = firehose.Client(broker.name, session.name, 1, session.user.name)
        firehose.published(vhost, message, route, client)
    if not route:
        return Outcome.ROUTED if found.router.messages_delayed > delayed else Outcome.UNROUTED
    if not vhost.publish(message, route):
        return Outcome.REJECTED
    durable = broker.journal.messages_durable()
    return Outcome.ROUTED if durable is None else Recorded(Outcome.ROUTED, durable)
