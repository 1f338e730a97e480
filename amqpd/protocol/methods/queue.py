"""Class queue (50). An empty queue name means the one that this channel declared last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.broker.operations import bindings, queues
from amqpd.broker.pending import Recorded
from amqpd.broker.session import QUEUE
from amqpd.errors import NotFound
from amqpd.fields import Table
from amqpd.wire import hot, server_methods

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel


def expanded(channel: Channel, queue: str) -> str:
    """The queue's name, or that of the channel's last declare for an empty one. Raises NotFound if there was none."""
    name = queue or channel.last_queue
    if not name:
        raise NotFound("no previously declared queue")
    return name


def declare(
    channel: Channel,
    queue: str,
    passive: bool,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
    nowait: bool,
    arguments: Table,
) -> None:
    """Create a queue, or check that one is there (passive) or is the same."""
    broker = channel.connection.node.broker
    if passive:
        result = queues.declare_passive(broker, channel.session, queue)
    else:
        result = queues.declare(
            broker,
            channel.session,
            queue,
            durable=durable,
            exclusive=exclusive,
            auto_delete=auto_delete,
            arguments=arguments,
        )

    if isinstance(result, Recorded):
        channel.last_queue = result.known.name

    def declared(queue: queues.Declared) -> None:
        channel.last_queue = queue.name
        if not nowait:
            channel.send_frame(hot.declare_ok(channel.number, queue.name, queue.messages, queue.consumers))

    channel.reply(result, declared)


def bind(
    channel: Channel, queue: str, exchange: str, routing_key: str, nowait: bool, arguments: Table
) -> None:
    """Bind a queue to an exchange."""
    name, key = _binding(channel, queue, routing_key)
    result = bindings.bind(channel.connection.node.broker, channel.session, QUEUE, name, exchange, key, arguments)
    channel.reply(result, lambda _: None if nowait else channel.send(server_methods.QUEUE_BIND_OK))


def unbind(channel: Channel, queue: str, exchange: str, routing_key: str, arguments: Table) -> None:
    """Remove such a binding."""
    name, key = _binding(channel, queue, routing_key)
    result = bindings.unbind(channel.connection.node.broker, channel.session, QUEUE, name, exchange, key, arguments)
    channel.reply(result, lambda _: channel.send(server_methods.QUEUE_UNBIND_OK))


def purge(channel: Channel, queue: str, nowait: bool) -> None:
    """Drop the ready messages."""
    result = queues.purge(channel.connection.node.broker, channel.session, expanded(channel, queue))
    channel.reply(result, lambda count: None if nowait else channel.send_frame(hot.counted(channel.number, 31, count)))


def delete(channel: Channel, queue: str, if_unused: bool, if_empty: bool, nowait: bool) -> None:
    """Delete a queue."""
    broker = channel.connection.node.broker
    name = expanded(channel, queue)
    result = queues.delete(broker, channel.session, name, if_unused=if_unused, if_empty=if_empty)
    channel.reply(result, lambda count: None if nowait else channel.send_frame(hot.counted(channel.number, 41, count)))


def _binding(channel: Channel, queue: str, routing_key: str) -> tuple[str, str]:
    """Both shortcuts: without a queue and a key, the key is the last declared queue's name too."""
    name = expanded(channel, queue)
    return name, name if not queue and not routing_key else routing_key
