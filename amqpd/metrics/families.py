"""The families of what there are many of: queues, channels, connections, exchanges. Names are RabbitMQ's,
without prefix.

https://www.rabbitmq.com/docs/prometheus. What is missing here would cost the way of a message something: decision 0024.
"""

from __future__ import annotations

from typing import Final

from amqpd.metrics.survey import ChannelSubject, ConnectionSubject, ExchangeSubject, QueueSubject
from amqpd.metrics.text import Family, counter, gauge

QUEUE_COARSE: Final[tuple[Family[QueueSubject], ...]] = (
    gauge("queue_messages_ready", "Messages ready to be delivered", lambda each: each.ready),
    gauge("queue_messages_unacked", "Messages delivered and not yet settled", lambda each: each.unacked),
    gauge(
        "queue_messages",
        "Messages ready, unsettled, delayed, or dead with a dead letter on its way",
        lambda each: each.ready + each.unacked + each.aside,
    ),
)

QUEUE_CONSUMERS: Final[tuple[Family[QueueSubject], ...]] = (
    gauge("queue_consumers", "Consumers of a queue", lambda each: each.consumers),
)

QUEUE: Final[tuple[Family[QueueSubject], ...]] = (
    gauge(
        "queue_consumer_capacity",
        "Share of the last seconds in which consumers took what came at once",
        lambda each: each.capacity,
        summed=False,
    ),
    gauge("queue_consumer_utilisation", "The same, by its older name", lambda each: each.capacity),
    gauge("queue_messages_ram", "Messages in memory", lambda each: each.ready + each.unacked - each.paged),
    gauge("queue_messages_ram_bytes", "Their bodies", lambda each: each.octets - each.waiting.paged),
    gauge("queue_messages_ready_ram", "Messages in memory, ready", lambda each: each.ready - each.paged),
    gauge("queue_messages_unacked_ram", "Messages in memory, not yet settled", lambda each: each.unacked),
    gauge("queue_messages_persistent", "Messages that outlive a restart", lambda each: each.persistent[0]),
    gauge("queue_messages_persistent_bytes", "Their bodies", lambda each: each.persistent[1]),
    gauge("queue_messages_bytes", "Bodies of all messages", lambda each: each.octets),
    gauge("queue_messages_ready_bytes", "Those ready to be delivered", lambda each: each.waiting.octets),
    gauge("queue_messages_unacked_bytes", "Those not yet settled", lambda each: each.out.octets),
    gauge("queue_messages_paged_out", "Messages on disk alone", lambda each: each.paged),
    gauge("queue_messages_paged_out_bytes", "Their bodies", lambda each: each.waiting.paged),
    gauge(
        "queue_head_message_timestamp",
        "When the first message was sent, in seconds since 1970, if its publisher says so",
        lambda each: each.first_sent,
        summed=False,
    ),
)

QUEUE_DELIVERY: Final[tuple[Family[QueueSubject], ...]] = (
    counter("queue_messages_published", "Messages published to a queue", lambda each: each.counts.publish),
    counter("queue_get_ack", "Messages taken by basic.get, to be acknowledged", lambda each: each.counts.get),
    counter("queue_get", "Messages taken by basic.get without acknowledgement", lambda each: each.counts.get_no_ack),
    counter("queue_messages_delivered_ack", "Deliveries to be acknowledged", lambda each: each.counts.deliver),
    counter("queue_messages_delivered", "Deliveries without acknowledgement", lambda each: each.counts.deliver_no_ack),
    counter("queue_messages_redelivered", "Deliveries of messages that came back", lambda each: each.counts.redeliver),
    counter("queue_messages_acked", "Messages that consumers acknowledged", lambda each: each.counts.ack),
    counter("queue_get_empty", "Times that basic.get found a queue empty", lambda each: each.counts.get_empty),
)

CHANNEL: Final[tuple[Family[ChannelSubject], ...]] = (
    gauge("channel_consumers", "Consumers on a channel", lambda each: each.consumers),
    gauge("channel_messages_unacked", "Deliveries not yet settled", lambda each: each.unacked),
    gauge("channel_messages_unconfirmed", "Publishes not yet confirmed", lambda each: each.unconfirmed),
    gauge("channel_messages_uncommitted", "Publishes of an open transaction", lambda each: each.uncommitted[0]),
    gauge("channel_acks_uncommitted", "Settlements of an open transaction", lambda each: each.uncommitted[1]),
    gauge("consumer_prefetch", "Window of consumers to come", lambda each: each.windows[0]),
    gauge("channel_prefetch", "Window of a whole channel", lambda each: each.windows[1]),
)

CHANNEL_EXCHANGE: Final[tuple[Family[ChannelSubject], ...]] = (
    counter("channel_messages_published", "Messages published on a channel", lambda each: each.counts.publish),
    counter("channel_messages_confirmed", "Publishes that were confirmed", lambda each: each.counts.confirm),
    counter(
        "channel_messages_unroutable_returned",
        "Messages returned to their publisher for want of a route",
        lambda each: each.counts.return_unroutable,
    ),
    counter(
        "channel_messages_unroutable_dropped",
        "Messages dropped for want of a route",
        lambda each: each.counts.drop_unroutable,
    ),
)

CHANNEL_QUEUE: Final[tuple[Family[ChannelSubject], ...]] = (
    counter("channel_get_ack", "Messages taken by basic.get, to be acknowledged", lambda each: each.counts.get),
    counter("channel_get", "Messages taken by basic.get without acknowledgement", lambda each: each.counts.get_no_ack),
    counter("channel_messages_delivered_ack", "Deliveries to be acknowledged", lambda each: each.counts.deliver),
    counter(
        "channel_messages_delivered", "Deliveries without acknowledgement", lambda each: each.counts.deliver_no_ack
    ),
    counter("channel_messages_acked", "Deliveries that were acknowledged", lambda each: each.counts.ack),
    counter("channel_get_empty", "Times that basic.get found nothing", lambda each: each.counts.get_empty),
)

CONNECTION_COARSE: Final[tuple[Family[ConnectionSubject], ...]] = (
    counter("connection_incoming_bytes", "Bytes received on a connection", lambda each: each.counts.recv_oct),
    counter("connection_outgoing_bytes", "Bytes sent on a connection", lambda each: each.counts.send_oct),
)

CONNECTION: Final[tuple[Family[ConnectionSubject], ...]] = (
    counter("connection_incoming_packets", "Reads from a connection", lambda each: each.counts.recv_cnt),
    counter("connection_outgoing_packets", "Writes to a connection", lambda each: each.counts.send_cnt),
    gauge("connection_pending_packets", "Pieces that wait to be sent", lambda each: each.pending),
    gauge("connection_channels", "Channels of a connection", lambda each: each.channels),
)

EXCHANGE: Final[tuple[Family[ExchangeSubject], ...]] = (
    counter("exchange_messages_published", "Messages published to an exchange", lambda each: each.counts.publish),
    counter(
        "exchange_messages_unroutable_returned",
        "Messages returned to their publisher for want of a route",
        lambda each: each.counts.return_unroutable,
    ),
    counter(
        "exchange_messages_unroutable_dropped",
        "Messages dropped for want of a route",
        lambda each: each.counts.drop_unroutable,
    ),
)
