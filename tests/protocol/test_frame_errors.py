"""F1 to F18: everything that a frame can get wrong, with RabbitMQ's codes, texts and class and method ids."""

from __future__ import annotations

import struct

import pytest
from pamqp import commands

from amqpd.protocol.node import Settings
from tests.protocol.harness import (
    HEARTBEAT,
    Client,
    Close,
    MakeWorld,
    World,
    content_header,
    publish,
    publish_method,
    raw,
    raw_method,
    shortstr,
)

CLOSE_OK = raw_method(0, 10, 51)
LONG = b"abcdefghijklmnopqrst"
SHOWN = 'first 16 octets = <<"abcdefghijklmnop">>'


def too_large(kind: int, size: int, frame_max: int) -> Close:
    text = f"FRAME_ERROR - type {kind}, all octets = <<>>: {{frame_too_large,{size},{frame_max - 8}}}"
    return 501, text, 0, 0


def assert_fatal(world: World, client: Client) -> None:
    """Nothing is read any more, not even a close-ok; the end comes after three seconds."""
    client.send(CLOSE_OK, raw_method(0, 10, 50, struct.pack(">H", 200) + b"\x00" + bytes(4)))
    world.advance(2.99)
    assert client.take() == b""
    assert not client.has_ended()
    world.advance(0.02)
    assert client.has_ended()


# -- F1 and F2: the stream is out of step --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [1, 2, 3, 8, 99])
def test_f1_a_frame_beyond_the_negotiated_size_is_501_and_fatal(world: World, kind: int) -> None:
    client = world.open(frame_max=8192)
    client.send(struct.pack(">BHI", kind, 1, 8193))
    assert client.connection_close() == too_large(kind, 8193, 8192)
    assert_fatal(world, client)


def test_f1_a_frame_may_exceed_frame_max_by_its_own_overhead(world: World) -> None:
    client = world.open(frame_max=8192)
    client.declare("q")
    client.send(publish("q", b"x" * 8192, chunk=8192))
    assert len(client.get("q").body) == 8192


def test_f1_without_frame_max_there_is_no_limit(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(frame_max=0))
    client = world.open(frame_max=0)
    client.declare("q")
    client.send(publish("q", b"x" * 1_000_000, chunk=1_000_000))
    assert len(client.get("q").body) == 1_000_000


def test_f2_a_wrong_end_octet_is_501_and_fatal(world: World) -> None:
    client = world.open()
    client.send(raw(1, 1, b"\x00\x14", end=65))
    text = "FRAME_ERROR - type 1, all octets = <<0,20>>: {invalid_frame_end_marker,65}"
    assert client.connection_close() == (501, text, 0, 0)
    assert_fatal(world, client)


def test_f2_what_came_before_the_damage_is_handled(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.send(publish("q", b"m"), raw(1, 1, b"", end=0), publish("q", b"lost"))
    assert client.connection_close()[0] == 501
    assert world.open().count("q") == 1


def test_after_fatal_damage_nothing_is_kept(world: World) -> None:
    """A peer that floods a broken connection must not fill the memory in the seconds that it has left."""
    client = world.open()
    client.send(raw(1, 1, b"", end=0))
    for _ in range(10):
        client.send(bytes(100_000))
    assert client.connection.parser.buffered < 1000


def test_damage_after_close_ok_is_not_kept_either(world: World) -> None:
    client = world.open()
    client.send(raw_method(0, 10, 50, struct.pack(">H", 200) + b"\x00" + bytes(4)))
    client.take()
    for _ in range(10):
        client.send(b"\xff" * 100_000)
    assert client.connection.parser.buffered < 200_000
    assert client.take() == b""


# -- F3 to F14: a frame that is no good anywhere -------------------------------------------------------------------

ANSWERED: dict[str, tuple[bytes, Close]] = {
    "F3 unknown type": (raw(4, 1, b"abc"), (501, 'type 4, all octets = <<"abc">>: unknown_frame', 0, 0)),
    "F3 type 0": (raw(0, 1, b""), (501, "type 0, all octets = <<>>: unknown_frame", 0, 0)),
    "F3 type 0 on channel 0": (raw(0, 0, LONG), (501, f"type 0, {SHOWN}: unknown_frame", 0, 0)),
    "F3 type 255": (raw(255, 7, LONG), (501, f"type 255, {SHOWN}: unknown_frame", 0, 0)),
    "F3 short method": (raw(1, 1, b"\0\0\0"), (501, "type 1, all octets = <<0,0,0>>: unknown_frame", 0, 0)),
    "F3 short method on channel 0": (raw(1, 0, b""), (501, "type 1, all octets = <<>>: unknown_frame", 0, 0)),
    "F3 short header": (raw(2, 1, b"\0" * 11), (501, f"type 2, all octets = <<{'0,' * 10}0>>: unknown_frame", 0, 0)),
    "F3 full heartbeat": (raw(8, 0, b"x"), (501, 'type 8, all octets = <<"x">>: unknown_frame', 0, 0)),
    "F4 heartbeat on a channel": (raw(8, 1, b""), (505, "type 8, all octets = <<>>", 0, 0)),
    "F5 header on channel 0": (content_header(0, 0), (505, f"type 2, all octets = <<0,60{',0' * 12}>>", 0, 0)),
    "F5 body on channel 0": (raw(3, 0, LONG), (505, f"type 3, {SHOWN}", 0, 0)),
    "F5 publish on channel 0": (
        publish("q", b"x", channel=0),
        (504, "unexpected method in connection state running", 60, 40),
    ),
    "F7 header first": (content_header(1, 0), (505, "expected method frame, got non method frame instead", 0, 0)),
    "F7 body first": (raw(3, 1, b"x"), (505, "expected method frame, got non method frame instead", 0, 0)),
    "F7 on a number never opened": (
        raw(3, 9, b""),
        (505, "expected method frame, got non method frame instead", 0, 0),
    ),
    "F7 an empty body frame after content of size 0": (
        publish("nobody") + raw(3, 1, b""),
        (505, "expected method frame, got non method frame instead", 0, 0),
    ),
    "F8 method for a header": (
        publish_method("q") + raw_method(1, 20, 20, b"\x01"),
        (505, "expected content header for class 60, got non content header frame instead", 60, 40),
    ),
    "F8 publish for a header": (
        publish_method("q") * 2,
        (505, "expected content header for class 60, got non content header frame instead", 60, 40),
    ),
    "F8 body for a header": (
        publish_method("q") + raw(3, 1, b"x"),
        (505, "expected content header for class 60, got non content header frame instead", 60, 40),
    ),
    "F8 weight": (
        publish_method("q") + content_header(1, 0, weight=1),
        (505, "expected content header for class 60, got non content header frame instead", 60, 40),
    ),
    "F9 other class": (
        publish_method("q") + content_header(1, 0, class_id=10),
        (505, "expected content header for class 60, got one for class 10 instead", 60, 40),
    ),
    "F10 method for a body": (
        publish_method("q") + content_header(1, 3) + raw_method(1, 20, 20, b"\x01"),
        (505, "expected content body, got non content body frame instead", 60, 40),
    ),
    "F10 header for a body": (
        publish_method("q") + content_header(1, 3) + content_header(1, 3),
        (505, "expected content body, got non content body frame instead", 60, 40),
    ),
    "F10 half a body": (
        publish_method("q") + content_header(1, 3) + raw(3, 1, b"ab") + publish_method("q"),
        (505, "expected content body, got non content body frame instead", 60, 40),
    ),
    "F11 too much body": (
        publish_method("q") + content_header(1, 3) + raw(3, 1, b"abcd"),
        (501, "content body frame exceeds remaining content size", 60, 40),
    ),
    "F12 too large a body": (
        publish_method("q") + content_header(1, 536_870_913),
        (501, "content body size 536870913 exceeds maximum allowed size 536870912", 60, 40),
    ),
    "F13 cut short": (raw_method(1, 50, 10, b"\x00\x00"), (501, "cannot decode <<0,0>>", 50, 10)),
    "F13 left over": (raw_method(1, 20, 20, b"\x01a"), (501, "cannot decode <<1,97>>", 20, 20)),
    "F13 settlement cut short": (raw_method(1, 60, 80, bytes(8)), (501, f"cannot decode <<{'0,' * 7}0>>", 60, 80)),
    "F13 settlement left over": (raw_method(1, 60, 120, bytes(10)), (501, f"cannot decode <<{'0,' * 9}0>>", 60, 120)),
    "F13 publish cut short": (raw_method(1, 60, 40, b"\0\0\x05"), (501, "cannot decode <<0,0,5>>", 60, 40)),
    "F13 publish of no octets": (raw_method(1, 60, 40), (501, "cannot decode <<>>", 60, 40)),
    "F13 on channel 0": (raw_method(0, 10, 70, b"\x00"), (501, "cannot decode <<0>>", 10, 70)),
    "F14 on a channel": (raw_method(1, 60, 99), (503, "unknown method 60/99: expected a method of AMQP 0-9-1", 60, 99)),
    "F15 no channel.open": (raw_method(5, 20, 20, b"\x01"), (504, "expected 'channel.open'", 20, 20)),
    "F15 close of no channel": (
        raw_method(5, 20, 40, struct.pack(">H", 0) + b"\0" + bytes(4)),
        (504, "expected 'channel.open'", 20, 40),
    ),
    "F15 ack on no channel": (raw_method(5, 60, 80, bytes(9)), (504, "expected 'channel.open'", 60, 80)),
    "F15 publish on no channel": (publish("q", b"x", channel=5), (504, "expected 'channel.open'", 60, 40)),
    "F15 empty publish on no channel": (publish("q", channel=5), (504, "expected 'channel.open'", 60, 40)),
    "F16 opened twice": (raw_method(1, 20, 10, b"\0"), (504, "second 'channel.open' seen", 20, 10)),
    "F17 channel.open on channel 0": (
        raw_method(0, 20, 10, b"\0"),
        (504, "unexpected method in connection state running", 20, 10),
    ),
    "F17 start-ok while running": (
        raw_method(0, 10, 31, bytes(8)),
        (504, "unexpected method in connection state running", 10, 31),
    ),
    "F17 open while running": (
        raw_method(0, 10, 40, b"\x01/\0\0"),
        (504, "unexpected method in connection state running", 10, 40),
    ),
    "F17 close-ok while running": (
        raw_method(0, 10, 51),
        (504, "unexpected method in connection state running", 10, 51),
    ),
    "F18 connection method on a channel": (
        raw_method(1, 10, 50, struct.pack(">H", 200) + b"\0" + bytes(4)),
        (503, "unimplemented method", 10, 50),
    ),
    "F18 a server's method": (raw_method(1, 20, 11, bytes(4)), (503, "unimplemented method", 20, 11)),
    "F18 channel.close-ok": (raw_method(1, 20, 41), (503, "unimplemented method", 20, 41)),
    "F18 channel.flow-ok": (raw_method(1, 20, 21, b"\x01"), (503, "unimplemented method", 20, 21)),
    "F18 basic.cancel-ok": (raw_method(1, 60, 31, b"\x01c"), (503, "unimplemented method", 60, 31)),
    "F18 basic.get-empty": (raw_method(1, 60, 72, b"\x00"), (503, "unimplemented method", 60, 72)),
    "F18 basic.deliver": (
        raw_method(1, 60, 60, b"\x01c" + bytes(8) + b"\0\0\0") + content_header(1, 1) + raw(3, 1, b"x"),
        (503, "unimplemented method", 60, 60),
    ),
    "F18 basic.return without a header": (
        raw_method(1, 60, 50, b"\x01\x38\0\0\0") + raw_method(1, 20, 20, b"\x01"),
        (505, "expected content header for class 60, got non content header frame instead", 60, 50),
    ),
    "UTF-8 on a channel": (raw_method(1, 50, 30, b"\0\0\x01\xff\0"), (501, "Malformed UTF-8 in shortstr", 0, 0)),
    "UTF-8 on channel 0": (
        raw_method(0, 10, 70, b"\0\0\0\0\x01\xff"),
        (501, "Malformed UTF-8 in shortstr", 10, 70),
    ),
    "UTF-8 on channel 0, of another class": (
        raw_method(0, 50, 30, b"\0\0\x01\xff\0"),
        (501, "Malformed UTF-8 in shortstr", 50, 30),
    ),
    "UTF-8 of a connection method on a channel": (
        raw_method(1, 10, 40, b"\x01\xff\0\0"),
        (501, "Malformed UTF-8 in shortstr", 0, 0),
    ),
    "UTF-8 is not asked of a content-bearing method": (
        raw_method(1, 60, 60, b"\x01\xff" + bytes(8) + b"\0\0\0") + content_header(1, 0),
        (503, "unimplemented method", 60, 60),
    ),
    "properties that do not decode of a server's method": (
        raw_method(1, 60, 60, b"\x01c" + bytes(8) + b"\0\0\0") + content_header(1, 0, b"\x80\0"),
        (503, "unimplemented method", 60, 60),
    ),
}
NAMES = {501: "FRAME_ERROR", 503: "COMMAND_INVALID", 504: "CHANNEL_ERROR", 505: "UNEXPECTED_FRAME"}


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("case", ANSWERED)
def test_a_frame_error_is_answered_with_its_exact_close(world: World, case: str, split: bool) -> None:
    """However the octets arrive: the close is the same, and close-ok ends the connection at once."""
    frames, (code, text, class_id, method_id) = ANSWERED[case]
    client, other = world.open(), world.open()
    for piece in [bytes((each,)) for each in frames] if split else [frames]:
        client.send(piece)
    assert client.connection_close() == (code, f"{NAMES[code]} - {text}", class_id, method_id)
    client.send(CLOSE_OK)
    assert client.has_ended()
    assert other.declare("q").message_count == 0


BAD_PROPERTIES = [b"", b"\x80", b"\x80\x00\x05ab", b"\x00\x01\x00\x00", b"\x20\x00\0\0\0\x03\x01aX"]


@pytest.mark.parametrize("properties", BAD_PROPERTIES)
@pytest.mark.parametrize("body", [b"", b"x"])
def test_properties_that_do_not_decode_are_541_without_a_text(world: World, properties: bytes, body: bytes) -> None:
    client = world.open()
    client.send(publish("q", body, properties=properties))
    assert client.connection_close() == (541, "INTERNAL_ERROR", 0, 0)


def test_a_method_that_does_not_decode_goes_before_properties_that_do_not(world: World) -> None:
    """The answer doesn't depend on how the octets were cut into reads."""
    for split in (False, True):
        client = world.open()
        frames = raw_method(1, 60, 40, b"\x00\x00\x09aaaaa") + content_header(1, 0, b"\x80\x00")
        for piece in [bytes((each,)) for each in frames] if split else [frames]:
            client.send(piece)
        assert client.connection_close()[0] == 501


@pytest.mark.parametrize("profile", ["3.10", "3.13", "4.0"])
def test_before_4_2_6_content_with_too_much_body_never_completes(make_world: MakeWorld, profile: str) -> None:
    world = make_world(profile=profile)
    client = world.open()
    client.declare("q")
    client.send(publish_method("q"), content_header(1, 3), raw(3, 1, b"abcd"))
    assert client.take() == b""
    client.send(raw_method(1, 20, 20, b"\x01"))
    text = "UNEXPECTED_FRAME - expected content body, got non content body frame instead"
    assert client.connection_close() == (505, text, 60, 40)


def test_an_empty_body_frame_inside_a_body_is_legal(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.send(publish_method("q"), content_header(1, 3), *(raw(3, 1, each) for each in (b"", b"ab", b"", b"c")))
    assert client.get("q").body == b"abc"


def test_contents_of_two_channels_may_interleave(world: World) -> None:
    client = world.open(channels=(1, 2))
    client.declare("q")
    one = [publish_method("q"), content_header(1, 4), raw(3, 1, b"on"), raw(3, 1, b"e!")]
    two = [publish_method("q", channel=2), content_header(2, 3), raw(3, 2, b"tw"), raw(3, 2, b"o")]
    client.send(*(each for pair in zip(one, two, strict=True) for each in pair))
    assert [client.get("q").body for _ in range(2)] == [b"one!", b"two"]


def test_heartbeats_may_stand_between_the_frames_of_a_content(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.send(HEARTBEAT.join([publish_method("q"), content_header(1, 2), raw(3, 1, b"hi")]))
    assert client.get("q").body == b"hi"


STRICT_DROPS = {
    "F14 on a channel": raw_method(1, 60, 99),
    "F14 on channel 0": raw_method(0, 60, 99),
    "a malformed table": raw_method(1, 50, 10, b"\0\0\x01q\0" + b"\0\0\0\x03\x01aX"),
    "F14 where a header is expected": raw_method(1, 60, 40, b"\0\0\0\0\0") + raw_method(1, 60, 99),
}


@pytest.mark.parametrize("case", STRICT_DROPS)
def test_where_strict_the_connection_is_dropped_as_rabbitmq_does(make_world: MakeWorld, case: str) -> None:
    client = make_world(strict=True).open()
    client.send(STRICT_DROPS[case])
    assert client.has_ended()
    assert client.take() == b""


def test_where_strict_an_undecodable_method_on_channel_0_is_541(make_world: MakeWorld) -> None:
    client = make_world(strict=True).open()
    client.send(raw_method(0, 10, 70, b"\x00"))
    assert client.connection_close() == (541, "INTERNAL_ERROR", 0, 0)


@pytest.mark.parametrize("method", [(10, 11), (10, 31), (50, 10), (60, 10)])
def test_where_strict_the_state_is_not_looked_at_before_the_arguments(
    make_world: MakeWorld, method: tuple[int, int]
) -> None:
    client = make_world(strict=True).open()
    client.send(raw_method(0, *method, b"\0"))
    assert client.connection_close() == (541, "INTERNAL_ERROR", 0, 0)


def test_the_exchange_is_looked_up_before_the_properties_are_decoded(world: World) -> None:
    client = world.open()
    client.send(publish("k", b"x", exchange="missing", properties=b"\x80\x00"))
    assert client.channel_close()[0] == 404


def test_4_3_takes_a_cancel_ok(make_world: MakeWorld) -> None:
    client = make_world(profile="4.3").open()
    client.send(raw_method(1, 60, 31, shortstr("c")))
    assert client.ask(commands.Channel.Flow(active=True), commands.Channel.FlowOk).active is True
