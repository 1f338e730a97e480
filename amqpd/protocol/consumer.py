"""A consumer of one channel: prefetch windows in, basic.deliver out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.broker.consumers import Consumer
from amqpd.broker.message import Message
from amqpd.broker.queue import ACCEPTED, Queue
from amqpd.broker.reply_to import ReplyConsumer
from amqpd.fields import Table
from amqpd.properties import Properties
from amqpd.protocol import closing, consumer_timeouts
from amqpd.protocol.tracing import encoder_for
from amqpd.wire import hot
from amqpd.wire.hot import Encoder

if TYPE_CHECKING:
    from amqpd.protocol.channel import Channel


class ChannelConsumer(Consumer):
    """Implements the model's port on one channel. `able` is false while a window is full or the outbox over its mark.
    """

    __slots__ = ("_encoder", "_limit", "_outbox", "channel", "timed_out", "unacked")

    def __init__(
        self,
        channel: Channel,
        queue: Queue,
        tag: str,
        *,
        no_ack: bool,
        exclusive: bool,
        priority: int,
        prefetch: int,
        arguments: Table,
    ) -> None:
        super().__init__(queue, tag, no_ack=no_ack, exclusive=exclusive, priority=priority, arguments=arguments)
        self.channel = channel
        self.unacked = 0
        self.timed_out = False
        """Whether it held something for too long, which its queue has back."""
        self._limit = prefetch
        self._outbox = channel.connection.outbox
        self._encoder = encoder_for(self)
        self.able = self._has_room()

    def deliver(self, message: Message) -> None:
        channel = self.channel
        tag = channel.delivery_tag = channel.delivery_tag + 1
        if not self.no_ack:
            channel.unacked.add(tag, (message, self.queue, self))
            unacked = self.unacked = self.unacked + 1
            if unacked == self._limit:
                self.able = False
            if channel.window and self.queue.type.obeys_channel_window:
                channel.window_used += 1
                if channel.window_used >= channel.window:
                    channel.window_changed()
        outbox = self._outbox
        try:
            outbox.grown(self._encoder.encode(tag, message, outbox.parts))
        except Exception as error:  # noqa: BLE001  # a defect must cost this connection, not who published
            self._failed(error)

    def plain_encoder(self) -> Encoder:
        """What packs its deliveries while the firehose is off."""
        return hot.DeliverEncoder(self.channel.number, self.tag, self.channel.connection.frame_max)

    def shown(self, message: Message) -> Properties:
        """The properties that its client sees of a message."""
        return message.properties

    def tracing_changed(self) -> None:
        """The firehose of the vhost was switched on or off."""
        self._encoder = encoder_for(self)

    @property
    def channel_pid(self) -> str:
        return self.channel.pid

    @property
    def prefetch_count(self) -> int:
        return self._limit

    @property
    def holds(self) -> bool:
        return bool(self.unacked)

    def cancelled(self) -> None:
        self.channel.consumer_cancelled(self)

    def timeout_changed(self) -> None:
        consumer_timeouts.watch(self.channel.connection, self)

    def refresh(self) -> None:
        """Find out anew whether it can take messages, and take what waits if that has come true."""
        if self.find_out():
            self.queue.consumers.rejoin(self)
            self.queue.resume()

    def find_out(self) -> bool:
        """Find out anew whether it can take messages; return whether it can and could not before."""
        before = self.able
        self.able = self.channel.consumers.get(self.tag) is self and self._has_room()
        return self.able and not before

    def _failed(self, defect: Exception) -> None:
        """A delivery could not be encoded."""
        channel, connection = self.channel, self.channel.connection
        connection.node.broker.at_turn_end(lambda: closing.unforeseen(connection, channel.number, defect))

    def _has_room(self) -> bool:
        if self._outbox.over:
            return False
        if not self.no_ack and self._limit and self.unacked >= self._limit:
            return False
        channel = self.channel  # a full window of the channel stops those without acknowledgements as well
        if not channel.window or channel.window_used < channel.window:
            return True
        return not self.queue.type.obeys_channel_window


class ReplyPort(ReplyConsumer):
    """A channel that consumes from amq.rabbitmq.reply-to: replies go straight out on it."""

    __slots__ = ("_channel", "_encoder", "tag")

    def __init__(self, name: str, channel: Channel, tag: str) -> None:
        super().__init__(name)
        self.tag = tag
        self._channel = channel
        node = channel.connection.node
        encoder = hot.DeliverEncoder(channel.number, tag, channel.connection.frame_max)
        self._encoder = node.settings.interceptors.encoder(encoder, node.broker.clock)

    def publish(self, message: Message) -> int:
        channel = self._channel
        if channel.reply_port is not self:
            return ACCEPTED  # gone since a transaction chose it
        channel.delivery_tag += 1
        outbox = channel.connection.outbox
        outbox.grown(self._encoder.encode(channel.delivery_tag, message, outbox.parts))
        return ACCEPTED
