"""A whole broker in memory: a Node on a manual clock, and clients that speak frames to it without a socket.

Everything goes through the doors that the server uses: `Connection.receive_data`, `process`, `Node.end_turn` and the
Transport port. Clients encode and decode with pamqp, or with octets put together by hand where pamqp refuses them.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar, cast

import attrs
from pamqp import base, commands, frame, header
from pamqp.body import ContentBody

from amqpd.broker.broker import Broker
from amqpd.broker.compat import Compat
from amqpd.broker.ports import Journal, Offload, Randomness
from amqpd.broker.users import User
from amqpd.clock import ManualClock
from amqpd.plugins import sasl_mechanisms
from amqpd.protocol.connection import Connection
from amqpd.protocol.endpoint import Endpoint
from amqpd.protocol.node import Node, Settings
from amqpd.protocol.outbox import Transport

F = TypeVar("F", bound=base.Frame)

LOOPBACK: Final = Endpoint("127.0.0.1", 50000, "127.0.0.1", 5672)
FOREIGN: Final = Endpoint("192.0.2.7", 50000, "192.0.2.1", 5672)
HEADER: Final = b"AMQP\x00\x00\x09\x01"
HEARTBEAT: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"
CAPABILITIES: Final = (
    "authentication_failure_close",
    "basic.nack",
    "connection.blocked",
    "consumer_cancel_notify",
    "publisher_confirms",
)
ENDLESS: Final = 100_000
"""Turns after which a broker that still has work is taken to loop."""

Close = tuple[int, str, int, int]
"""Code, text, class id and method id of a close."""


def raw(kind: int, channel: int, payload: bytes, end: int = 0xCE) -> bytes:
    """Put a frame together by hand."""
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes((end,))


def raw_method(channel: int, class_id: int, method_id: int, arguments: bytes = b"") -> bytes:
    """Put a method frame together by hand."""
    return raw(1, channel, struct.pack(">HH", class_id, method_id) + arguments)


def shortstr(text: str | bytes) -> bytes:
    """A short string."""
    octets = text.encode() if isinstance(text, str) else text
    return bytes((len(octets),)) + octets


def longstr(octets: bytes) -> bytes:
    """A long string, or a table around its entries."""
    return struct.pack(">I", len(octets)) + octets


def content_header(
    channel: int, size: int, properties: bytes = b"\x00\x00", class_id: int = 60, weight: int = 0
) -> bytes:
    """A content header frame; `properties` are the flags and what follows them."""
    return raw(2, channel, struct.pack(">HHQ", class_id, weight, size) + properties)


def publish_method(
    routing_key: str, exchange: str = "", *, channel: int = 1, mandatory: bool = False, immediate: bool = False
) -> bytes:
    """The method frame of a publish."""
    bits = bytes((mandatory | immediate << 1,))
    return raw_method(channel, 60, 40, b"\x00\x00" + shortstr(exchange) + shortstr(routing_key) + bits)


def publish(
    routing_key: str,
    body: bytes = b"",
    exchange: str = "",
    *,
    channel: int = 1,
    mandatory: bool = False,
    immediate: bool = False,
    properties: bytes | commands.Basic.Properties = b"\x00\x00",
    chunk: int = 131_064,
) -> bytes:
    """All frames of a publish, the body in frames of at most `chunk` octets."""
    frames = publish_method(routing_key, exchange, channel=channel, mandatory=mandatory, immediate=immediate)
    if isinstance(properties, commands.Basic.Properties):
        properties = frame.marshal(header.ContentHeader(0, 0, properties), channel)[19:-1]
    frames += content_header(channel, len(body), properties)
    return frames + b"".join(raw(3, channel, body[at : at + chunk]) for at in range(0, len(body), chunk))


@attrs.frozen
class Reply:
    """One method from the server, with its content if it has any."""

    channel: int
    method: base.Frame
    properties: commands.Basic.Properties | None = None
    body: bytes = b""

    @property
    def name(self) -> str:
        return self.method.name


class Seeded(Randomness):
    """The same names in each run."""

    def __init__(self) -> None:
        self._random = random.Random(1)

    def octets(self, count: int) -> bytes:
        return self._random.randbytes(count)


class Wire(Transport):
    """A network that takes every octet at once, or none while `full`."""

    def __init__(self, connection: Connection) -> None:
        self.received = bytearray()
        self.full = False
        self.aborted = False
        self._closing = False
        self._connection = connection

    @property
    def ended(self) -> bool:
        """Whether the broker has ended the TCP connection."""
        return self.aborted or (self._closing and not self._connection.outbox.size)

    def flush(self) -> None:
        outbox = self._connection.outbox
        while outbox.parts and not self.full and not self.aborted:
            octets = outbox.take()
            self.received += octets
            outbox.was_sent(len(octets))
        if self.aborted:
            outbox.discard()
        outbox.flushed()
        self._connection.flushed()

    def close(self, *, abort: bool) -> None:
        self.aborted = self.aborted or abort
        self._closing = True

    def reading_changed(self) -> None:
        pass


class World:
    """One broker with its time; `settle` runs turns until nothing is left to do."""

    def __init__(
        self,
        *,
        profile: str = "4.2",
        strict: bool = False,
        journal: Journal | None = None,
        offload: Offload | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.clock = ManualClock()
        compat = Compat.of(profile, strict=strict)
        self.broker = Broker(self.clock, Seeded(), compat=compat, journal=journal, offload=offload)
        self.node = Node(self.broker, settings or Settings(), sasl_mechanisms())
        self.clients: list[Client] = []
        self.broker.add_vhost("/")
        self.add_user("guest")

    def add_user(self, name: str, configure: str = ".*", write: str = ".*", read: str = ".*", vhost: str = "/") -> User:
        """A user whose password is its name."""
        user = User.with_password(name, name)
        self.broker.add_user(user)
        self.broker.access.grant(name, vhost, configure, write, read)
        return user

    def connect(self, endpoint: Endpoint = LOOPBACK) -> Client:
        """Accept a client that has sent nothing yet."""
        client = Client(self, endpoint)
        self.clients.append(client)
        return client

    def open(
        self,
        user: str = "guest",
        *,
        vhost: str = "/",
        channels: Iterable[int] = (1,),
        capabilities: Sequence[str] = CAPABILITIES,
        frame_max: int = 131_072,
        channel_max: int = 2047,
        heartbeat: int = 0,
    ) -> Client:
        """Log a client in and open its channels."""
        client = self.connect()
        client.send(HEADER)
        client.start_ok(user=user, capabilities=capabilities)
        client.tune_ok(channel_max, frame_max, heartbeat)
        client.open(vhost)
        client.read()
        assert client.connection.state == "running"
        for number in channels:
            client.open_channel(number)
        return client

    def settle(self) -> None:
        """Run turns until nothing is left, and tell the connections whose TCP connection ended."""
        for _ in range(ENDLESS):
            more = self.node.end_turn()
            for client in self.clients:
                if client.wire.ended and not client.gone:
                    client.gone = True
                    client.connection.eof()
                    more = True
            if not more:
                return
        raise AssertionError(f"expected the broker to come to rest within {ENDLESS} turns")

    def advance(self, seconds: float) -> None:
        """Move time forward, stopping at each timer on the way."""
        target = self.clock.monotonic() + seconds
        timers = self.broker.timers
        while (deadline := timers.next_deadline()) is not None and deadline <= target:
            self.clock.advance(max(0.0, deadline - self.clock.monotonic()))
            timers.run_due()
            self.settle()
        self.clock.advance(max(0.0, target - self.clock.monotonic()))


class Client:
    """One client: sends octets, reads what the broker answered."""

    def __init__(self, world: World, endpoint: Endpoint) -> None:
        self.world = world
        self.connection = Connection(world.node, endpoint)
        self.wire = Wire(self.connection)
        self.connection.outbox.transport = self.wire
        self.gone = False

    # -- octets ----------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Give octets to the broker and handle them, without ending the turn."""
        self.connection.receive_data(data)
        for _ in range(ENDLESS):
            if not self.connection.process(512):
                return
        raise AssertionError("expected process() to come to an end")

    def send(self, *data: bytes) -> None:
        """Give octets to the broker and let everything settle."""
        if not self.gone:
            self.feed(b"".join(data))
        self.world.settle()

    def vanish(self) -> None:
        """Drop the TCP connection."""
        self.gone = True
        self.connection.eof()
        self.world.settle()

    def has_ended(self) -> bool:
        """Whether the broker has ended the TCP connection."""
        return self.wire.ended

    def is_read(self) -> bool:
        """Whether the broker takes octets from this client."""
        return self.connection.reading

    def take(self) -> bytes:
        """All octets that arrived since the last look."""
        octets = bytes(self.wire.received)
        self.wire.received.clear()
        return octets

    def frames(self) -> list[tuple[int, frame.FrameTypes]]:
        """All frames that arrived since the last look, decoded by pamqp."""
        octets = self.take().removeprefix(HEADER)
        found = []
        at = 0
        while at < len(octets):
            stop = at + 8 + int.from_bytes(octets[at + 3 : at + 7], "big")
            consumed, channel, value = frame.unmarshal(octets[at:stop])
            assert consumed == stop - at
            found.append((channel, value))
            at = stop
        return found

    def read(self) -> list[Reply]:
        """The same as methods with their content; heartbeats are left out."""
        replies: list[Reply] = []
        remaining = 0
        for channel, value in self.frames():
            if isinstance(value, base.Frame):
                assert not remaining
                replies.append(Reply(channel, value))
            elif isinstance(value, header.ContentHeader):
                remaining = value.body_size
                replies[-1] = attrs.evolve(replies[-1], properties=value.properties)
            elif isinstance(value, ContentBody):
                remaining -= len(value.value)
                replies[-1] = attrs.evolve(replies[-1], body=replies[-1].body + value.value)
        assert not remaining
        return replies

    # -- methods ---------------------------------------------------------------------------------------------------

    def call(self, method: base.Frame, channel: int = 1) -> list[Reply]:
        """Send a method and read everything that arrives."""
        self.send(frame.marshal(method, channel))
        return self.read()

    def ask(self, method: base.Frame, expected: type[F], channel: int = 1) -> F:
        """Send a method and return its reply, which must be all that arrives."""
        return self.only(expected, self.call(method, channel), channel)

    def only(self, expected: type[F], replies: list[Reply] | None = None, channel: int = 1) -> F:
        """What arrived must be one method of this type on this channel."""
        replies = self.read() if replies is None else replies
        assert [(each.channel, each.name) for each in replies] == [(channel, expected.name)], replies
        return cast("F", replies[0].method)

    def bodies(self, expected: type[base.Frame]) -> list[bytes]:
        """The bodies of what arrived, which must all be contents of one method."""
        replies = self.read()
        assert {each.name for each in replies} <= {expected.name}, replies
        return [each.body for each in replies]

    def start_ok(
        self,
        mechanism: str = "PLAIN",
        response: bytes | None = None,
        *,
        user: str = "guest",
        capabilities: Sequence[str] = CAPABILITIES,
    ) -> None:
        """Answer connection.start."""
        response = f"\0{user}\0{user}".encode() if response is None else response
        table = b"".join(shortstr(name) + b"t\x01" for name in capabilities)
        properties = shortstr("capabilities") + b"F" + longstr(table)
        arguments = longstr(properties) + shortstr(mechanism) + longstr(response) + shortstr("en_US")
        self.send(raw_method(0, 10, 11, arguments))

    def tune_ok(self, channel_max: int = 2047, frame_max: int = 131_072, heartbeat: int = 0) -> None:
        """Answer connection.tune."""
        self.send(raw_method(0, 10, 31, struct.pack(">HIH", channel_max, frame_max, heartbeat)))

    def open(self, vhost: str = "/") -> None:
        """Send connection.open."""
        self.send(raw_method(0, 10, 40, shortstr(vhost) + b"\x00\x00"))

    def open_channel(self, number: int = 1) -> None:
        """Open a channel."""
        self.ask(commands.Channel.Open(), commands.Channel.OpenOk, number)

    def declare(
        self,
        queue: str,
        channel: int = 1,
        *,
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
    ) -> commands.Queue.DeclareOk:
        """Declare a queue."""
        method = commands.Queue.Declare(
            queue=queue, passive=passive, durable=durable, exclusive=exclusive, auto_delete=auto_delete
        )
        return self.ask(method, commands.Queue.DeclareOk, channel)

    def count(self, queue: str, channel: int = 1) -> int:
        """The ready messages of a queue."""
        return self.declare(queue, channel, passive=True).message_count or 0

    def fill(self, queue: str, *bodies: bytes, channel: int = 1) -> None:
        """Publish to a queue."""
        self.send(*(publish(queue, body, channel=channel) for body in bodies))

    def get(self, queue: str, channel: int = 1, *, no_ack: bool = False) -> Reply:
        """basic.get of a queue that has a message."""
        replies = self.call(commands.Basic.Get(queue=queue, no_ack=no_ack), channel)
        assert [(each.channel, each.name) for each in replies] == [(channel, "Basic.GetOk")], replies
        return replies[0]

    def consume(self, queue: str, tag: str = "c", channel: int = 1, *, no_ack: bool = False) -> list[Reply]:
        """Start a consumer; return what arrived after consume-ok."""
        replies = self.call(commands.Basic.Consume(queue=queue, consumer_tag=tag, no_ack=no_ack), channel)
        assert replies[0].method.name == "Basic.ConsumeOk", replies
        return replies[1:]

    def channel_close(self, replies: list[Reply] | None = None, channel: int = 1) -> Close:
        """The channel.close that must be all that arrived."""
        return _close(self.only(commands.Channel.Close, replies, channel))

    def connection_close(self, replies: list[Reply] | None = None) -> Close:
        """The connection.close that must be all that arrived."""
        return _close(self.only(commands.Connection.Close, replies, 0))

    def reopen(self, channel: int = 1) -> None:
        """Accept a channel.close and open the same number again."""
        self.send(frame.marshal(commands.Channel.CloseOk(), channel))
        self.open_channel(channel)


def _close(method: commands.Channel.Close | commands.Connection.Close) -> Close:
    return method.reply_code or 0, method.reply_text, method.class_id or 0, method.method_id or 0


MakeWorld = Callable[..., World]
