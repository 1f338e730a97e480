"""A consumer of a stream: its deliveries carry the offset of the message in the header x-stream-offset."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from amqpd import fields
from amqpd.broker.rewriting import rewritten
from amqpd.broker.stream.offsets import OFFSET
from amqpd.fields import EMPTY, Field, Table
from amqpd.properties import Properties
from amqpd.protocol.consumer import ChannelConsumer
from amqpd.wire.offset_deliver import OffsetDeliverEncoder

if TYPE_CHECKING:
    from amqpd.broker.message import Message
    from amqpd.protocol.tracing import Encoder

_ENTRY: Final = Table.of({OFFSET: fields.long(0)})


def split(properties: Properties) -> tuple[bytes, bytes]:
    """The octets of the properties with the header x-stream-offset: those before the offset and those behind it.

    As RabbitMQ does, it replaces a header of this name, and sorts the headers.
    """
    pairs = rewritten(properties.headers or EMPTY).without(OFFSET).sorted().items()
    at = bisect_left(pairs, OFFSET.encode(), key=_key)
    table = Table.of([*pairs[:at], *_ENTRY.items(), *pairs[at:]])
    complete = properties.replace(headers=table)
    end = complete.headers_start + len(Table.of(pairs[:at]).raw) + len(_ENTRY.raw)
    return complete.raw[: end - 8], complete.raw[end:]


def _key(pair: tuple[str, Field]) -> bytes:
    return pair[0].encode("utf-8", "surrogateescape")


class StreamConsumer(ChannelConsumer):
    """Implements the model's port for streams. There is no window of the channel here, and no delivery without
    acknowledgement.
    """

    __slots__ = ()

    def plain_encoder(self) -> Encoder:
        return OffsetDeliverEncoder(self.channel.number, self.tag, self.channel.connection.frame_max, split)

    def shown(self, message: Message) -> Properties:
        headers = message.properties.headers or EMPTY
        return message.properties.replace(headers=headers.with_field(OFFSET, fields.long(message.number)).sorted())

    def deliver(self, message: Message) -> None:
        channel = self.channel
        tag = channel.delivery_tag = channel.delivery_tag + 1
        channel.unacked.add(tag, (message, self.queue, self))
        unacked = self.unacked = self.unacked + 1
        if unacked == self._limit:
            self.able = False
        outbox = self._outbox
        try:
            outbox.grown(self._encoder.encode(tag, message, outbox.parts))
        except Exception as error:  # noqa: BLE001  # a defect must cost this connection, not who published
            self._failed(error)
        message.body = b""  # nobody else has this message, and its consumer will only settle it
