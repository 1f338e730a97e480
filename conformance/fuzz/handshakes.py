"""Every method, and other octets, in every state of the handshake.

A handshake is a line of octets: the way into a state, then what is tried, then the end of our side of the connection.
Both brokers must say the same until they end theirs. They may take seconds for it (RabbitMQ makes who fails wait), so
many are played at a time.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from conformance.frames import BODY, HEADER, HEARTBEAT, METHOD, PROTOCOL_HEADER, encode_frame
from conformance.fuzz.line import Line
from conformance.fuzz.normal import Names, Observation, observe
from conformance.fuzz.steps import Delivered, ServerNamed, ServerTag
from conformance.fuzz.wire import Wire
from conformance.methods import METHODS, encode_method

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from conformance.fuzz.player import Player
    from conformance.fuzz.sessions import Composer

AT_ONCE = 64


def _method(name: str, **fields: object) -> bytes:
    return encode_frame(METHOD, 0, encode_method(name, **fields))


START_OK = _method("connection.start-ok", mechanism="PLAIN", response=b"\0guest\0guest", locale="en_US")
TUNE_OK = _method("connection.tune-ok", channel_max=2047, frame_max=131072, heartbeat=0)
WAYS: Mapping[str, bytes] = {
    "connected": b"",
    "started": PROTOCOL_HEADER,
    "tuned": PROTOCOL_HEADER + START_OK,
    "unopened-host": PROTOCOL_HEADER + START_OK + TUNE_OK,
}
"""What leads into each state of `coverage.HANDSHAKE_STATES`."""

MENTIONED = ("connection.start-ok", "connection.tune-ok", "connection.open")
"""Methods that a handshake is about: they are tried more often than the others."""


class Handshake(NamedTuple):
    """What is played: the state, a word for what is tried in it, and all octets."""

    state: str
    tried: str
    octets: bytes


class HandshakeDifference(NamedTuple):
    """A handshake in which two brokers said different things."""

    played: Handshake
    first: Observation
    second: Observation

    def __str__(self) -> str:
        return f"{self.played}\n    one   {self.first}\n    other {self.second}"

    def kind(self) -> str:
        """Return a word for what differs."""
        return f"{self.played.state} {self.played.tried} {sorted(self.first)} {sorted(self.second)}"


def made_up(compose: Composer) -> Iterator[Handshake]:
    """Make handshakes up, without end: every method in every state in turn, and other octets between them."""
    while True:
        for method in (*METHODS, *MENTIONED * 3):
            for state, way in WAYS.items():
                send = compose.send(0, 0, method, Line(), state)
                payload = encode_method(method, **{key: _plain(value) for key, value in send.fields.items()})
                frame = encode_frame(METHOD, 0 if compose.chance(85) else 1, payload)
                yield Handshake(state, method, way + frame + compose.random.choice((b"", START_OK, TUNE_OK)))
                if compose.chance(10):
                    yield Handshake(state, "octets", way + _octets(compose))


def _plain(value: object) -> object:
    """Return a value; references have nothing to refer to yet."""
    if isinstance(value, Delivered):
        return 1
    return "amq.none" if isinstance(value, ServerNamed | ServerTag) else value


def _octets(compose: Composer) -> bytes:
    random = compose.random
    return random.choice((
        b"AMQP\0\0\x09\x00", b"AMQP\x01\x01\x00\x09", b"AMQP\x00\x01\x00\x00", b"AMQP\x03\x01\x00\x00",
        b"GET / HTTP/1.1\r\n\r\n", b"AMQ", b"", PROTOCOL_HEADER,
        encode_frame(HEARTBEAT, 0, b""), encode_frame(HEARTBEAT, 1, b""), encode_frame(BODY, 0, b"x"),
        encode_frame(HEADER, 0, b"x" * 14), encode_frame(METHOD, 0, b"\0\x0a\0\x0b"),
        encode_frame(METHOD, 0, b"\0\x63\0\x01"), encode_frame(METHOD, 0, b""),
        encode_frame(METHOD, 0, START_OK[7:-1] + b"\0"), encode_frame(METHOD, 0, START_OK[7:-1], 0),
        encode_frame(7, 0, b"xyz"), encode_frame(METHOD, 0, b"x" * 4089), encode_frame(METHOD, 0, b"x" * 140000),
    ))  # fmt: skip


def _play(player: Player, handshake: Handshake) -> Observation:
    """Return everything one broker says."""
    wire = Wire(player.host, player.port)
    try:
        wire.client.send(handshake.octets)
        wire.half_close()
        wire.read_to_the_end()
        return observe(Names(), {0: wire}, {})
    finally:
        wire.end()


@contextmanager
def compared(
    first: Player, second: Player, handshakes: Iterable[Handshake]
) -> Iterator[list[HandshakeDifference]]:
    """Play handshakes to both brokers while the body goes on; afterwards the list holds what differed."""

    def both(handshake: Handshake) -> HandshakeDifference | None:
        seen = _play(first, handshake), _play(second, handshake)
        return HandshakeDifference(handshake, *seen) if seen[0] != seen[1] else None

    found: list[HandshakeDifference] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        differences = pool.map(both, handshakes)
        yield found
        found += filter(None, differences)
