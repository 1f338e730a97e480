"""Bind and unbind: queues and exchanges to exchanges, with the same checks for both."""

from __future__ import annotations

from amqpd.broker.bindings import binding_key
from amqpd.broker.broker import Broker
from amqpd.broker.exchange import Exchange
from amqpd.broker.operations.lookup import (
    cleaned,
    find_exchange,
    find_queue,
    once_durable,
    refuse_default,
    require_access,
)
from amqpd.broker.pending import Pending
from amqpd.broker.permissions import READ, WRITE
from amqpd.broker.queue import Queue
from amqpd.broker.reply_to import PREFIX
from amqpd.broker.session import EXCHANGE, QUEUE, Session
from amqpd.errors import AccessRefused
from amqpd.fields import Table


def bind(
    broker: Broker, session: Session, kind: str, destination: str, source: str, routing_key: str, arguments: Table
) -> Pending[None] | None:
    """Bind a queue or an exchange (`kind`) to a source exchange; the same again changes nothing."""
    destination, source = cleaned(destination), cleaned(source)
    _check_access(broker, session, kind, destination, source, routing_key)
    exchange = find_exchange(session.vhost, source)
    target: Queue | Exchange
    if kind == QUEUE:
        target = _visible_queue(session, destination)
        exchange.router.check(routing_key, arguments, target)
        require_access(session, target)
    else:
        target = find_exchange(session.vhost, destination)
        exchange.router.check(routing_key, arguments, target)
    session.vhost.bind(exchange, target, routing_key, arguments, session.user.name)
    return once_durable(broker.journal, None)


def unbind(
    broker: Broker, session: Session, kind: str, destination: str, source: str, routing_key: str, arguments: Table
) -> Pending[None] | None:
    """Remove a binding; one that doesn't exist is fine."""
    vhost = session.vhost
    destination, source = cleaned(destination), cleaned(source)
    _check_access(broker, session, kind, destination, source, routing_key)
    exchange = vhost.exchanges.get(source)
    target: Queue | Exchange | None = (vhost.queues if kind == QUEUE else vhost.exchanges).get(destination)
    if exchange is not None and target is not None:
        binding = exchange.outgoing.get(binding_key(target, routing_key, arguments))
        if binding is not None:
            if isinstance(target, Queue):
                require_access(session, target)
            vhost.unbind(binding, session.user.name)
    return once_durable(broker.journal, None)


def _check_access(
    broker: Broker, session: Session, kind: str, destination: str, source: str, routing_key: str
) -> None:
    if kind == QUEUE and destination.startswith(PREFIX) and broker.compat.profile.refuses_reply_to_binding:
        raise AccessRefused("cannot bind or unbind to a volatile (direct reply-to) queue")
    session.require(WRITE, kind, destination)
    if kind == EXCHANGE:
        refuse_default(destination)
    refuse_default(source)
    session.require(READ, EXCHANGE, source)
    exchange = session.vhost.exchanges.get(source)
    if exchange is not None and exchange.type_name == "topic":
        session.require_topic(READ, source, routing_key)


def _visible_queue(session: Session, name: str) -> Queue:
    """The queue, even if it is another connection's exclusive one: that is refused after the binding's own checks."""
    queue = session.vhost.queues.get(name)
    return find_queue(session, name) if queue is None else queue
