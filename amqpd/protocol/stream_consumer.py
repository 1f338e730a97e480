"""A consumer of a stream: its deliveries carry the offset of the message in the header x-stream-offset."""

from __future__ import annotations

from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Final

from amqpd import fields
from amqpd.broker.rewriting import rewritten
from amqpd.broker.stream.offsets import OFFSET
from amqpd.fields import EMPTY, Table
from amqpd.properties import HEADERS, Properties
from amqpd.protocol.consumer import ChannelConsumer
from amqpd.wire.offset_deliver import OffsetDeliverEncoder

if TYPE_CHECKING:
    from amqpd.broker.message import Message
    from amqpd.wire.hot import Encoder

_KEY: Final = OFFSET.encode()
_ENTRY: Final = Table.of({OFFSET: fields.long(0)}).raw
_LENGTH: Final = Struct(">I")
_FLAGS: Final = Struct(">H")
_ODD: Final = b"LtFA"
"""Types of which some values are encoded anew in another way."""


def split(properties: Properties) -> tuple[bytes, bytes]:
    """The octets of the properties with the header x-stream-offset: those before the offset and those behind it.

    As RabbitMQ does, it replaces a header of this name, and sorts the headers. It goes by octets, since a log may hold
    different headers for every message.
    """
    raw, at = properties.raw, properties.headers_at
    end, lower, upper = at, b"", b""
    if properties.flags & HEADERS:
        start = at + _LENGTH.size
        end = start + _LENGTH.unpack_from(raw, at)[0]
        table = raw[start:end]
        entries = fields.spans(table)
        if any(table[value] in _ODD for _, _, value, _ in entries):
            table = rewritten(Table(table)).raw
            entries = fields.spans(table)
        entries.sort(key=_key)
        lower = b"".join([table[first:last] for key, first, _, last in entries if key < _KEY])
        upper = b"".join([table[first:last] for key, first, _, last in entries if key > _KEY])
    length = _LENGTH.pack(len(lower) + len(_ENTRY) + len(upper))
    flags = _FLAGS.pack(properties.flags | HEADERS)
    return flags + raw[2:at] + length + lower + _ENTRY[:-8], upper + raw[end:]


_key = itemgetter(0)


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
