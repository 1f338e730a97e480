"""Declare and delete exchanges."""

from __future__ import annotations

from amqpd import erlang
from amqpd.broker import announce
from amqpd.broker.broker import Broker
from amqpd.broker.exchange import Exchange
from amqpd.broker.operations.lookup import (
    cleaned,
    find_exchange,
    once_durable,
    refuse_default,
    require_same,
    require_same_argument,
)
from amqpd.broker.pending import Pending
from amqpd.broker.permissions import CONFIGURE, READ, WRITE
from amqpd.broker.session import EXCHANGE, Session
from amqpd.errors import AccessRefused, PreconditionFailed
from amqpd.fields import Table


def declare(
    broker: Broker,
    session: Session,
    name: str,
    type_name: str,
    *,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    arguments: Table,
) -> Pending[None] | None:
    """Create an exchange, or check that the existing one is the same."""
    vhost = session.vhost
    type_ = vhost.context.type_named(type_name)
    name = cleaned(name)
    refuse_default(name)
    session.require(CONFIGURE, EXCHANGE, name)
    existing = vhost.exchanges.get(name)
    if existing is not None:
        _require_equivalent(vhost.name, existing, type_name, durable, auto_delete, internal, arguments)
        return once_durable(broker.journal, None)
    if name.startswith("amq."):
        raise AccessRefused(f"exchange name '{name}' contains reserved prefix 'amq.*'")
    broker.limits.require_exchange(name, [each.exchanges for each in broker.vhosts.values()])
    _check_alternate(session, name, arguments)
    vhost.add_exchange(
        name,
        type_,
        durable=durable,
        auto_delete=auto_delete,
        internal=internal,
        arguments=arguments,
        by=session.user.name,
    )
    return once_durable(broker.journal, None)


def declare_passive(broker: Broker, session: Session, name: str) -> Pending[None] | None:
    """Check that an exchange exists."""
    name = cleaned(name)
    refuse_default(name)
    if broker.compat.profile.passive_needs_any_permission:
        session.require_any(EXCHANGE, name)
    find_exchange(session.vhost, name)
    return once_durable(broker.journal, None)


def delete(broker: Broker, session: Session, name: str, *, if_unused: bool) -> Pending[None] | None:
    """Delete an exchange with its bindings; one that doesn't exist is fine."""
    vhost = session.vhost
    name = cleaned(name)
    refuse_default(name)
    if name.startswith("amq."):
        raise AccessRefused(f"deletion of system exchange '{name}' in vhost '{vhost.name}' not allowed")
    session.require(CONFIGURE, EXCHANGE, name)
    exchange = vhost.exchanges.get(name)
    by = session.user.name
    if vhost.events.heard:
        announce.deleting_exchange(vhost, name, by, begins=True)
    try:
        if exchange is not None:
            if if_unused and exchange.outgoing:
                raise PreconditionFailed(f"exchange '{name}' in vhost '{vhost.name}' in use")
            vhost.delete_exchange(exchange, by)
    finally:
        if vhost.events.heard:
            announce.deleting_exchange(vhost, name, by, begins=False)
    return once_durable(broker.journal, None)


def _check_alternate(session: Session, name: str, arguments: Table) -> None:
    alternate = arguments.get("alternate-exchange")
    if alternate is None:
        return
    if alternate.tag != "S":
        raise PreconditionFailed(
            f"invalid type '{alternate.type_name}' for arg 'alternate-exchange' "
            f"in exchange '{name}' in vhost '{session.vhost.name}'"
        )
    session.require(READ, EXCHANGE, name)
    session.require(WRITE, EXCHANGE, alternate.text())


def _require_equivalent(
    vhost: str,
    exchange: Exchange,
    type_name: str,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    arguments: Table,
) -> None:
    what = f"exchange '{exchange.name}' in vhost '{vhost}'"
    require_same(what, "type", erlang.atom(type_name), erlang.atom(exchange.type_name))
    require_same(what, "durable", durable, exchange.durable)
    require_same(what, "auto_delete", auto_delete, exchange.auto_delete)
    require_same(what, "internal", internal, exchange.internal)
    for name in ("alternate-exchange", *exchange.router.compared):
        require_same_argument(what, name, arguments.get(name), exchange.arguments.get(name))
