"""Class exchange (40)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.broker.operations import bindings, exchanges
from amqpd.broker.session import EXCHANGE
from amqpd.fields import Table
from amqpd.wire import server_methods

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel


def declare(
    channel: Channel,
    exchange: str,
    type: str,
    passive: bool,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    nowait: bool,
    arguments: Table,
) -> None:
    """Create an exchange, or check that one is there (passive) or is the same."""
    broker = channel.connection.node.broker
    if passive:
        result = exchanges.declare_passive(broker, channel.session, exchange)
    else:
        result = exchanges.declare(
            broker,
            channel.session,
            exchange,
            type,
            durable=durable,
            auto_delete=auto_delete,
            internal=internal,
            arguments=arguments,
        )
    channel.reply(result, lambda _: None if nowait else channel.send(server_methods.EXCHANGE_DECLARE_OK))


def delete(channel: Channel, exchange: str, if_unused: bool, nowait: bool) -> None:
    """Delete an exchange and its bindings."""
    result = exchanges.delete(channel.connection.node.broker, channel.session, exchange, if_unused=if_unused)
    channel.reply(result, lambda _: None if nowait else channel.send(server_methods.EXCHANGE_DELETE_OK))


def bind(
    channel: Channel, destination: str, source: str, routing_key: str, nowait: bool, arguments: Table
) -> None:
    """Bind an exchange to another one."""
    broker = channel.connection.node.broker
    result = bindings.bind(broker, channel.session, EXCHANGE, destination, source, routing_key, arguments)
    channel.reply(result, lambda _: None if nowait else channel.send(server_methods.EXCHANGE_BIND_OK))


def unbind(
    channel: Channel, destination: str, source: str, routing_key: str, nowait: bool, arguments: Table
) -> None:
    """Remove such a binding."""
    broker = channel.connection.node.broker
    result = bindings.unbind(broker, channel.session, EXCHANGE, destination, source, routing_key, arguments)
    channel.reply(result, lambda _: None if nowait else channel.send(server_methods.EXCHANGE_UNBIND_OK))
