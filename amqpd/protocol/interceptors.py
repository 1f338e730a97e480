"""What a node adds to messages by itself: when and where they came in, and when they were handed out.

All of it is off unless a setting asks for it, and free while it is off: what comes in is intercepted where each message
is looked at anyhow, and what goes out by another encoder. https://www.rabbitmq.com/docs/message-interceptors
"""

from __future__ import annotations

from typing import Final, Literal

import attrs

from amqpd import fields
from amqpd.broker.message import Message
from amqpd.broker.rewriting import rewritten
from amqpd.clock import Clock
from amqpd.fields import EMPTY, Field, Table
from amqpd.properties import Properties
from amqpd.wire.hot import Delivered, Encoder

Mode = Literal["off", "keep", "overwrite"]
"""`keep` leaves alone what a publisher has set itself."""

RECEIVED: Final = "timestamp_in_ms"
ROUTED_BY: Final = "x-routed-by"
SENT: Final = "x-opt-rabbitmq-sent-time"


@attrs.frozen(kw_only=True)
class Interceptors:
    """Which are on."""

    timestamp: Mode = "off"
    routed_by: Mode = "off"
    sent_time: bool = False

    @property
    def incoming(self) -> bool:
        """Whether anything is added to what clients publish."""
        return self.timestamp != "off" or self.routed_by != "off"

    def received(self, properties: Properties, clock: Clock, node: str) -> Properties:
        """The properties of a message that comes in: its time in a header (ms) and a property (s), and the node."""
        headers = rewritten(properties.headers or EMPTY)
        timestamp = properties.timestamp
        if self.timestamp != "off":
            now = int(clock.wall() * 1000)
            headers = _with(headers, RECEIVED, fields.long(now), self.timestamp)
            if timestamp is None or self.timestamp == "overwrite":
                timestamp = now // 1000
        if self.routed_by != "off":
            headers = _with(headers, ROUTED_BY, fields.longstr(node), self.routed_by)
        return properties.replace(headers=headers, timestamp=timestamp)

    def sent(self, properties: Properties, clock: Clock) -> Properties:
        """The properties of a message that goes out: the time (ms) in a header, whatever was there."""
        if not self.sent_time:
            return properties
        headers = rewritten(properties.headers or EMPTY)
        return properties.replace(headers=headers.with_field(SENT, fields.long(int(clock.wall() * 1000))))

    def encoder(self, inner: Encoder, clock: Clock) -> Encoder:
        """What packs deliveries: the encoder itself, or one that adds the time to each."""
        return _Stamping(inner, self, clock) if self.sent_time else inner


class _Stamping(Encoder):
    """Packs deliveries with the time at which they go out."""

    __slots__ = ("_clock", "_inner", "_interceptors")

    def __init__(self, inner: Encoder, interceptors: Interceptors, clock: Clock) -> None:
        self._inner = inner
        self._interceptors = interceptors
        self._clock = clock

    def encode(self, tag: int, message: Delivered, parts: list[bytes]) -> int:
        properties = self._interceptors.sent(message.properties, self._clock)
        stamped = Message(message.exchange, message.routing_key, properties, message.body)
        stamped.redelivered = message.redelivered
        stamped.number = message.number
        return self._inner.encode(tag, stamped, parts)


def _with(headers: Table, name: str, field: Field, mode: Mode) -> Table:
    return headers if mode == "keep" and name in headers else headers.with_field(name, field)
