"""Class basic (60): qos, consume, cancel, get, recover. Publishing and settling have files of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.broker import announce
from amqpd.broker.operations import consuming
from amqpd.broker.queue_types.port import Request
from amqpd.broker.reply_to import PREFIX, PSEUDO_QUEUE
from amqpd.errors import NotAllowed, NotImplementedHere, PreconditionFailed
from amqpd.fields import Table
from amqpd.protocol import tracing
from amqpd.protocol.consumer import ChannelConsumer, ReplyPort
from amqpd.protocol.methods.queue import expanded
from amqpd.protocol.outstanding import queues_held
from amqpd.protocol.settling import requeue_all
from amqpd.protocol.stream_consumer import StreamConsumer
from amqpd.wire import hot, server_methods

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel

SERVER_TAG: Final = "amq.ctag-"


def qos(channel: Channel, prefetch_size: int, prefetch_count: int, is_global: bool) -> None:
    """Set the window: of consumers started from now on, or (global) of the whole channel, as RabbitMQ reads it."""
    if prefetch_size:
        raise NotImplementedHere(f"prefetch_size!=0 ({prefetch_size})")
    profile = channel.connection.node.broker.compat.profile
    if is_global and profile.honours_global_qos:
        channel.window = prefetch_count
        channel.window_used = len(channel.unacked) if prefetch_count else 0
        gets = (message for message, _, consumer in channel.unacked.deliveries() if consumer is None)
        channel.counted_gets = dict.fromkeys(gets) if channel.unacked.gotten and profile.window_frees_gets else {}
    else:
        channel.prefetch = prefetch_count
        channel.window = channel.window_used = 0
    channel.send(server_methods.QOS_OK)
    channel.window_changed()


def consume(
    channel: Channel,
    queue: str,
    tag: str,
    no_local: bool,
    no_ack: bool,
    exclusive: bool,
    nowait: bool,
    arguments: Table,
) -> None:
    """Start a consumer; consume-ok comes before its first delivery."""
    broker = channel.connection.node.broker
    limit = channel.connection.node.settings.max_consumers_per_channel
    if limit is not None and len(channel.consumers) >= limit:
        raise NotAllowed(f"reached maximum ({limit}) of consumers per channel")
    name = queue if queue == PSEUDO_QUEUE else expanded(channel, queue)
    if tag in channel.consumers:  # the tag of a reply consumer may be used again
        raise NotAllowed(f"attempt to reuse consumer tag '{tag}'")
    tag = tag or broker.unique_name(SERVER_TAG)
    if name == PSEUDO_QUEUE:
        _wait_for_replies(channel, tag, no_ack)
        _consume_ok(channel, tag, nowait)
        return
    found = consuming.readable_queue(channel.session, name)
    request = Request(
        no_ack=no_ack,
        exclusive=exclusive,
        prefetch=channel.prefetch,
        windowed=bool(channel.window),
        arguments=arguments,
    )
    priority = consuming.check_consume(broker, channel.session, found, request)
    make = StreamConsumer if found.type.tells_offsets else ChannelConsumer
    consumer = make(
        channel,
        found,
        tag,
        no_ack=no_ack,
        exclusive=exclusive,
        priority=priority,
        prefetch=channel.prefetch or found.type.default_prefetch,
        arguments=arguments,
    )
    channel.consumers[tag] = consumer
    found.add_consumer(consumer)
    consumer.timeout_changed()
    _consume_ok(channel, tag, nowait)
    vhost = channel.session.vhost
    if vhost.events.heard:
        announce.consumer_created(vhost, consumer, channel.session.user.name)
    found.resume()


def cancel(channel: Channel, tag: str, nowait: bool) -> None:
    """Stop a consumer; what it holds stays unsettled on the channel. An unknown tag is fine."""
    if channel.reply_port is not None and channel.reply_port.tag == tag:
        channel.drop_reply_port()
    elif (consumer := channel.consumers.pop(tag, None)) is not None:
        consumer.able = False
        channel.retire(consumer)
        if consumer.queue.remove_consumer(consumer):
            # cancel-ok goes out first: the queue is deleted at the end of this turn.
            vhost, queue = channel.session.vhost, consumer.queue
            channel.connection.node.broker.at_turn_end(lambda: vhost.delete_unused(queue))
        channel.consumer_over(consumer, channel.session.user.name)
    if not nowait:
        channel.send_frame(hot.cancel_ok(channel.number, tag))


def get(channel: Channel, queue: str, no_ack: bool) -> None:
    """Take the head of a queue; windows don't apply."""
    name = expanded(channel, queue)
    broker = channel.connection.node.broker
    if name in broker.reply_consumers and broker.compat.profile.volatile_get_is_refused:
        vhost = channel.session.vhost.name
        raise NotImplementedHere(f"basic.get not supported by volatile queue '{name}' in vhost '{vhost}'")
    found = consuming.readable_queue(channel.session, name)
    consuming.check_get(channel.session, found)
    pending = found.in_place()
    if pending is not None:
        # Very many messages are on their way back, and its head may be among them.
        channel.wait_for(pending, lambda _: get(channel, name, no_ack))
        return
    message = found.get()
    if message is None:
        channel.get_empty += 1
        channel.send(server_methods.GET_EMPTY)
        return
    channel.delivery_tag += 1
    tag = channel.delivery_tag
    parts = [
        hot.get_ok(
            channel.number, tag, message.redelivered, message.exchange, message.routing_key, found.message_count
        )
    ]
    node = channel.connection.node
    properties = node.settings.interceptors.sent(message.properties, node.broker.clock)
    parts += hot.content(channel.number, properties, message.body, channel.connection.frame_max)
    channel.send_frame(b"".join(parts))
    if channel.session.vhost.tracing:
        tracing.delivered(channel, message, found, message.properties)
    if no_ack:
        channel.gets_no_ack += 1
        found.counting().gets_no_ack += 1
        found.settle(message)
    else:
        channel.gets += 1
        found.counting().gets += 1
        channel.unacked.add(tag, (message, found, None))


def recover(channel: Channel, requeue: bool) -> None:
    """Return everything unsettled to the queues, and say so."""
    _recover(channel, requeue)
    channel.send(server_methods.RECOVER_OK)


def recover_async(channel: Channel, requeue: bool) -> None:
    """The same without an answer."""
    _recover(channel, requeue)


def _recover(channel: Channel, requeue: bool) -> None:
    if not requeue:
        raise NotImplementedHere("requeue=false")
    for queue in queues_held(channel):
        queue.type.check_recover(channel.connection.node.broker.compat)
    requeue_all(channel)


def _consume_ok(channel: Channel, tag: str, nowait: bool) -> None:
    if not nowait:
        channel.send_frame(hot.consume_ok(channel.number, tag))


def _wait_for_replies(channel: Channel, tag: str, no_ack: bool) -> None:
    """Direct reply-to."""
    if not no_ack:
        raise PreconditionFailed("reply consumer cannot acknowledge")
    if channel.reply_port is not None:
        raise PreconditionFailed("reply consumer already set")
    broker = channel.connection.node.broker
    # RabbitMQ's shape: a process in base64, a dot, a key; what they hold means nothing to clients.
    process = broker.unique_name("g").replace("-", "+").replace("_", "/")
    name = broker.unique_name(f"{PREFIX}{process}.")
    port = ReplyPort(name, channel, tag)
    channel.reply_port = port
    broker.reply_consumers[port.name] = port
    channel.session.vhost.reply_consumer_changed()
