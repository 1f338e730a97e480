"""Frames packed and parsed by hand are those of pamqp, wherever pamqp accepts the values at all."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import base, body, commands, frame, header

from amqpd.broker.message import Message
from amqpd.properties import Properties
from amqpd.wire import hot

CHANNELS = st.integers(1, 65535)
TAGS = st.integers(1, 2**63 - 1)
"""pamqp takes the unsigned 64 bits of a delivery tag for signed ones."""
COUNTS = st.integers(0, 2**32 - 1)
NAMES = st.text("abcXYZ019-_.:@#,/ ", max_size=40)
"""What pamqp lets pass as a name; 4 lets `+` pass too, 3.3 does not."""
ANY_NAMES = st.text(max_size=60)
REFUSED = ["q[0]", "a+b c", "Grüße", "日本", "a b(c)", "x" * 255]


def marshal(method: base.Frame, channel: int) -> bytes:
    return frame.marshal(method, channel)


@given(CHANNELS, TAGS, st.booleans())
def test_ack_is_pamqps(channel: int, tag: int, multiple: bool) -> None:
    assert hot.ack(channel, tag, multiple) == marshal(commands.Basic.Ack(tag, multiple), channel)


@given(CHANNELS, TAGS, st.booleans())
def test_nack_is_pamqps_with_requeue_set(channel: int, tag: int, multiple: bool) -> None:
    assert hot.nack(channel, tag, multiple) == marshal(commands.Basic.Nack(tag, multiple, requeue=True), channel)


@given(st.integers(0, 65535), st.integers(0, 999), NAMES, st.integers(0, 99), st.integers(0, 120))
def test_close_is_pamqps_on_either_level(channel: int, code: int, text: str, class_id: int, method_id: int) -> None:
    kind = commands.Channel.Close if channel else commands.Connection.Close
    assert hot.close(channel, code, text, (class_id, method_id)) == marshal(
        kind(code, text, class_id, method_id), channel
    )


@given(CHANNELS, NAMES, COUNTS, COUNTS)
def test_declare_ok_is_pamqps(channel: int, name: str, messages: int, consumers: int) -> None:
    expected = marshal(commands.Queue.DeclareOk(name, messages, consumers), channel)
    assert hot.declare_ok(channel, name, messages, consumers) == expected


@given(CHANNELS, COUNTS)
def test_purge_ok_and_delete_ok_are_pamqps(channel: int, count: int) -> None:
    assert hot.counted(channel, 31, count) == marshal(commands.Queue.PurgeOk(count), channel)
    assert hot.counted(channel, 41, count) == marshal(commands.Queue.DeleteOk(count), channel)


def test_a_count_over_32_bits_keeps_its_low_ones() -> None:
    assert hot.counted(1, 31, 2**32 + 5) == hot.counted(1, 31, 5)
    assert hot.declare_ok(1, "q", 2**32 + 5, 0) == hot.declare_ok(1, "q", 5, 0)
    assert hot.get_ok(1, 1, False, "", "q", 2**32 + 5) == hot.get_ok(1, 1, False, "", "q", 5)


@given(CHANNELS, NAMES)
def test_consumer_methods_are_pamqps(channel: int, tag: str) -> None:
    assert hot.consume_ok(channel, tag) == marshal(commands.Basic.ConsumeOk(tag), channel)
    assert hot.cancel_ok(channel, tag) == marshal(commands.Basic.CancelOk(tag), channel)
    assert hot.cancel(channel, tag) == marshal(commands.Basic.Cancel(tag, nowait=True), channel)


def test_blocked_is_pamqps() -> None:
    assert hot.blocked("low on memory") == marshal(commands.Connection.Blocked("low on memory"), 0)


@given(CHANNELS, TAGS, st.booleans(), NAMES, NAMES, COUNTS)
def test_get_ok_is_pamqps(channel: int, tag: int, redelivered: bool, exchange: str, key: str, left: int) -> None:
    expected = marshal(commands.Basic.GetOk(tag, redelivered, exchange, key, left), channel)
    assert hot.get_ok(channel, tag, redelivered, exchange, key, left) == expected


@given(CHANNELS, NAMES, NAMES)
def test_return_is_pamqps(channel: int, exchange: str, key: str) -> None:
    expected = marshal(commands.Basic.Return(312, "NO_ROUTE", exchange, key), channel)
    assert hot.returned(channel, exchange, key) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_names_that_pamqp_refuses_to_send_are_sent(name: str) -> None:
    tag = name[:255]
    for octets in (
        hot.declare_ok(1, name, 0, 0),
        hot.consume_ok(1, tag),
        hot.get_ok(1, 1, False, name, name, 0),
        hot.returned(1, name, name),
        delivery(tag, name, name, b"")[0],
    ):
        consumed, _, method = frame.unmarshal(octets)
        assert consumed == len(octets) or octets[consumed] == 2
        assert isinstance(method, base.Frame)
        assert name in [getattr(method, each) for each in method.attributes()]


def test_octets_that_are_not_utf8_go_out_as_they_came_in() -> None:
    payload = b"\x00\x3c\x00\x28\x00\x00\x01\xff\x02\xc3\x28\x00"
    exchange, key, _, _ = hot.parse_publish(payload)
    assert hot.short(exchange) == b"\x01\xff"
    assert hot.short(key) == b"\x02\xc3\x28"


def test_a_name_over_255_octets_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="range"):
        hot.short("x" * 256)


# -- content -------------------------------------------------------------------------------------------------------

PROPERTIES = [
    commands.Basic.Properties(),
    commands.Basic.Properties(content_type="text/plain", delivery_mode=2, priority=9, message_id="m"),
    commands.Basic.Properties(headers={"a": "b"}, correlation_id="c" * 255),
]


def expected_content(channel: int, properties: commands.Basic.Properties, content: bytes, frame_max: int) -> bytes:
    """The header and the body frames as pamqp writes them."""
    octets = frame.marshal(header.ContentHeader(0, len(content), properties), channel)
    size = frame_max - 8 if frame_max else max(1, len(content))
    for at in range(0, len(content), size):
        octets += frame.marshal(body.ContentBody(content[at : at + size]), channel)
    return octets


def lazy(properties: commands.Basic.Properties) -> Properties:
    return Properties.parse(frame.marshal(header.ContentHeader(0, 0, properties), 1)[19:-1])


def message(redelivered: bool, exchange: str, key: str, properties: Properties, content: bytes) -> Message:
    made = Message(exchange, key, properties, content)
    made.redelivered = redelivered
    return made


def delivery(
    tag: str, exchange: str, key: str, content: bytes, *, frame_max: int = 131_072, redelivered: bool = False
) -> tuple[bytes, int, list[bytes]]:
    parts: list[bytes] = []
    encoder = hot.DeliverEncoder(7, tag, frame_max)
    size = encoder.encode(3, message(redelivered, exchange, key, lazy(PROPERTIES[0]), content), parts)
    return b"".join(parts), size, parts


def _inline(frame_max: int) -> int:
    """The largest body that is joined with its frames."""
    return min(hot.BY_REFERENCE, (frame_max or 100_000) - 8)


SIZES: dict[str, Callable[[int], int]] = {
    "empty": lambda frame_max: 0,
    "one octet": lambda frame_max: 1,
    "just below the inline limit": lambda frame_max: _inline(frame_max) - 1,
    "the inline limit": _inline,
    "just above the inline limit": lambda frame_max: _inline(frame_max) + 1,
    "one frame less an octet": lambda frame_max: (frame_max or 100_000) - 9,
    "one frame": lambda frame_max: (frame_max or 100_000) - 8,
    "one frame and an octet": lambda frame_max: (frame_max or 100_000) - 7,
    "two frames": lambda frame_max: 2 * ((frame_max or 100_000) - 8),
    "several frames": lambda frame_max: 3 * (frame_max or 100_000) + 17,
}


@pytest.mark.parametrize("properties", PROPERTIES)
@pytest.mark.parametrize("frame_max", [4096, 8192, 131_072, 0])
@pytest.mark.parametrize("size", SIZES)
def test_deliveries_are_pamqps_for_every_size_of_body(
    size: str, frame_max: int, properties: commands.Basic.Properties
) -> None:
    content = bytes(index % 251 for index in range(SIZES[size](frame_max)))
    encoder = hot.DeliverEncoder(7, "tag", frame_max)
    known = lazy(properties)
    for tag, redelivered in ((1, False), (2, False), (2**63 - 1, True)):
        parts: list[bytes] = [b"before"]
        written = encoder.encode(tag, message(redelivered, "exchange", "key", known, content), parts)
        octets = b"".join(parts[1:])
        method = marshal(commands.Basic.Deliver("tag", tag, redelivered, "exchange", "key"), 7)
        assert parts[0] == b"before"
        assert octets == method + expected_content(7, properties, content, frame_max)
        assert written == len(octets)


@pytest.mark.parametrize("frame_max", [4096, 131_072, 0])
@pytest.mark.parametrize("size", SIZES)
def test_contents_are_pamqps_for_every_size_of_body(size: str, frame_max: int) -> None:
    content = bytes(SIZES[size](frame_max))
    for properties in PROPERTIES:
        octets = b"".join(hot.content(9, lazy(properties), content, frame_max))
        assert octets == expected_content(9, properties, content, frame_max)


@pytest.mark.parametrize("frame_max", [4096, 131_072])
@pytest.mark.parametrize("size", SIZES)
def test_no_frame_is_larger_than_the_negotiated_size(size: str, frame_max: int) -> None:
    octets = delivery("tag", "", "key", bytes(SIZES[size](frame_max)), frame_max=frame_max)[0]
    while octets:
        length = struct.unpack(">I", octets[3:7])[0] + 8
        assert length <= frame_max
        octets = octets[length:]


def test_a_large_body_is_not_copied() -> None:
    content = bytes(hot.BY_REFERENCE + 1)
    assert any(part is content for part in delivery("tag", "", "key", content)[2])


SHAPES = st.tuples(
    st.integers(1, 2**63),
    st.booleans(),
    st.sampled_from(["", "x", "y"]),
    st.sampled_from(["", "k", "l", "Ü"]),
    st.sampled_from(PROPERTIES),
    st.sampled_from([b"", b"a", b"bc", b"d" * 5000]),
)


@given(st.lists(SHAPES, max_size=12))
def test_a_delivery_owes_nothing_to_the_one_before_it(
    shapes: list[tuple[int, bool, str, str, commands.Basic.Properties, bytes]],
) -> None:
    """The encoder remembers the shape of its last delivery; a fresh one each time writes the same."""
    encoder = hot.DeliverEncoder(7, "tag", 4096)
    for tag, redelivered, exchange, key, properties, content in shapes:
        remembered: list[bytes] = []
        fresh: list[bytes] = []
        known = lazy(properties)
        delivered = message(redelivered, exchange, key, known, content)
        encoder.encode(tag, delivered, remembered)
        hot.DeliverEncoder(7, "tag", 4096).encode(tag, delivered, fresh)
        assert b"".join(remembered) == b"".join(fresh)


# -- parsing -------------------------------------------------------------------------------------------------------


@given(NAMES, NAMES, st.booleans(), st.booleans())
def test_a_publish_is_parsed_as_pamqp_wrote_it(exchange: str, key: str, mandatory: bool, immediate: bool) -> None:
    method = commands.Basic.Publish(exchange=exchange, routing_key=key, mandatory=mandatory, immediate=immediate)
    assert hot.parse_publish(marshal(method, 1)[7:-1]) == (exchange, key, mandatory, immediate)


@given(ANY_NAMES, ANY_NAMES, st.integers(0, 3))
def test_a_publish_with_any_names_is_parsed(exchange: str, key: str, bits: int) -> None:
    payload = hot.PUBLISH + b"\0\0" + hot.short(exchange) + hot.short(key) + bytes((bits,))
    assert hot.parse_publish(payload) == (exchange, key, bool(bits & 1), bool(bits & 2))


@pytest.mark.parametrize("rest", [b"\x00", b"\x00\x00"])
def test_a_publish_with_octets_left_over_is_refused(rest: bytes) -> None:
    whole = hot.PUBLISH + b"\0\0" + hot.short("exchange") + hot.short("key") + b"\x00"
    with pytest.raises(ValueError, match="left over"):
        hot.parse_publish(whole + rest)


def test_a_publish_cut_anywhere_is_refused() -> None:
    whole = hot.PUBLISH + b"\0\0" + hot.short("exchange") + hot.short("key") + b"\x00"
    for size in range(4, len(whole)):
        with pytest.raises(ValueError, match=r"octets|cut short"):
            hot.parse_publish(whole[:size])


@given(st.binary(max_size=40))
def test_a_publish_is_parsed_or_refused_as_the_general_decoder_does(arguments: bytes) -> None:
    payload = hot.PUBLISH + arguments
    try:
        found = hot.parse_publish(payload)
    except ValueError:
        with pytest.raises((ValueError, struct.error, IndexError)):
            _reference_publish(arguments)
    else:
        assert found == _reference_publish(arguments)


def _reference_publish(arguments: bytes) -> tuple[str, str, bool, bool]:
    """The definition of the fields, one after the other."""
    struct.unpack_from(">H", arguments)
    at, names = 2, []
    for _ in range(2):
        octets = arguments[at + 1 : at + 1 + arguments[at]]
        if len(octets) != arguments[at]:
            raise ValueError("cut short")
        names.append(octets.decode("utf-8", "surrogateescape"))
        at += 1 + len(octets)
    if len(arguments) != at + 1:
        raise ValueError("cut short or left over")
    return names[0], names[1], bool(arguments[at] & 1), bool(arguments[at] & 2)


@given(TAGS, st.booleans(), st.booleans())
def test_settlements_are_parsed_as_pamqp_wrote_them(tag: int, first: bool, second: bool) -> None:
    assert hot.parse_settlement(marshal(commands.Basic.Ack(tag, first), 1)[7:-1]) == (tag, int(first))
    assert hot.parse_settlement(marshal(commands.Basic.Reject(tag, first), 1)[7:-1]) == (tag, int(first))
    assert hot.parse_settlement(marshal(commands.Basic.Nack(tag, first, second), 1)[7:-1]) == (tag, first + 2 * second)


@given(st.integers(0, 2**64 - 1), st.integers(0, 255))
def test_a_delivery_tag_has_64_unsigned_bits(tag: int, bits: int) -> None:
    assert hot.parse_settlement(struct.pack(">HHQB", 60, 80, tag, bits)) == (tag, bits)
    assert hot.ack(1, tag, False)[11:19] == struct.pack(">Q", tag)


@pytest.mark.parametrize("size", [*range(13), 14, 15, 30])
def test_a_settlement_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"expected 13 octets, got {size}"):
        hot.parse_settlement(bytes(size))
