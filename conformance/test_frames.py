"""Frame layer: every error of a running connection, with its complete close."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from conformance.frames import BODY, HEADER, HEARTBEAT, METHOD, encode_header
from conformance.methods import encode_method
from conformance.received import Dropped

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.client import Connection
    from conformance.conftest import Connect, Names

GET_HTTP = b"GET / HTTP/1.1"


@pytest.fixture
def connection(connect: Connect) -> Connection:
    return connect()


# -- F1, F2: the frame cannot be cut out of the stream


@pytest.mark.proves("frame.size", "reply-code.frame-error")
@pytest.mark.proves("error.connection.frame.too-large")
def test_f1_a_frame_over_the_limit_is_refused(connection: Connection) -> None:
    text = "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,131073,131064}"
    with connection.refused(501, text, at_once=False):
        connection.send(struct.pack(">BHI", BODY, 1, 131073))


@pytest.mark.proves("frame.size", "connection.tune-ok.frame-max")
@pytest.mark.proves("error.connection.frame.too-large")
def test_f1_counts_with_the_negotiated_frame_max(connect: Connect) -> None:
    connection = connect(frame_max=8192)
    with connection.refused(501, "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,8193,8184}", at_once=False):
        connection.send(struct.pack(">BHI", METHOD, 1, 8193))


@pytest.mark.proves("deviation.frame.tolerance")
def test_f1_a_payload_of_exactly_frame_max_passes(connect: Connect, names: Names) -> None:
    """The limit is eight octets more generous than the negotiation says."""
    channel, queue = connect(frame_max=8192).channel(), names("q")
    channel.declare_queue(queue)
    channel.connection.frame_max = 8192 + 8
    channel.fill(queue, b"x" * 8192)
    assert channel.must_get(queue).body == b"x" * 8192


@pytest.mark.proves("frame.layout")
@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"", "type 8, all octets = <<>>: {invalid_frame_end_marker,0}"),
        (b"hi", 'type 8, all octets = <<"hi">>: {invalid_frame_end_marker,0}'),
        (b"\0\x0a\0\x28", "type 8, all octets = <<0,10,0,40>>: {invalid_frame_end_marker,0}"),
        (
            bytes(range(100, 117)),
            'type 8, first 16 octets = <<"defghijklmnopqrs">>: {invalid_frame_end_marker,0}',
        ),
    ],
)
@pytest.mark.proves("error.connection.frame.end-octet")
def test_f2_a_wrong_end_octet_is_refused(connection: Connection, payload: bytes, text: str) -> None:
    with connection.refused(501, f"FRAME_ERROR - {text}", at_once=False):
        connection.send_frame(HEARTBEAT, 0, payload, end=0)


@pytest.mark.proves("frame.layout")
@pytest.mark.proves("error.connection.frame.end-octet")
def test_f2_a_long_term_is_broken_at_80_columns(connection: Connection) -> None:
    octets = ",".join(str(octet) for octet in range(1, 17))
    before = f"type 1, first 16 octets = <<{octets}>>: {{"
    text = f"FRAME_ERROR - {before}invalid_frame_end_marker,\n{' ' * len(before)}1}}"
    with connection.refused(501, text, at_once=False):
        connection.send_frame(METHOD, 1, bytes(range(1, 30)), end=1)


# -- F3-F6: the frame makes no sense


@pytest.mark.proves("frame.layout")
@pytest.mark.parametrize(
    ("type", "channel", "payload", "text"),
    [
        (4, 0, b"", "type 4, all octets = <<>>: unknown_frame"),
        (0, 1, b"\0\1", "type 0, all octets = <<0,1>>: unknown_frame"),
        (9, 1, GET_HTTP, 'type 9, all octets = <<"GET / HTTP/1.1">>: unknown_frame'),
        (255, 1, bytes(17), "type 255, first 16 octets = <<0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0>>: unknown_frame"),
        (METHOD, 1, b"\0\x14\0", "type 1, all octets = <<0,20,0>>: unknown_frame"),
        (METHOD, 0, b"", "type 1, all octets = <<>>: unknown_frame"),
        (HEADER, 1, bytes(11), "type 2, all octets = <<0,0,0,0,0,0,0,0,0,0,0>>: unknown_frame"),
        (HEARTBEAT, 0, b"x", 'type 8, all octets = <<"x">>: unknown_frame'),
    ],
)
@pytest.mark.proves(
    "error.connection.frame.unknown-type",
    "error.connection.frame.short-method",
    "error.connection.frame.short-header",
    "error.connection.frame.full-heartbeat",
)
def test_f3_an_unknown_frame_is_refused(
    connection: Connection, type: int, channel: int, payload: bytes, text: str
) -> None:
    with connection.refused(501, f"FRAME_ERROR - {text}"):
        connection.send_frame(type, channel, payload)


@pytest.mark.proves("frame.heartbeat", "reply-code.unexpected-frame")
@pytest.mark.proves("error.connection.frame.heartbeat-on-channel")
def test_f4_a_heartbeat_on_a_channel_is_refused(connection: Connection) -> None:
    with connection.refused(505, "UNEXPECTED_FRAME - type 8, all octets = <<>>"):
        connection.send_frame(HEARTBEAT, 1, b"")


@pytest.mark.proves("frame.channel-numbers", "reply-code.unexpected-frame")
@pytest.mark.parametrize(
    ("type", "payload", "text"),
    [
        (BODY, b"hi", 'type 3, all octets = <<"hi">>'),
        (BODY, b"", "type 3, all octets = <<>>"),
        (HEADER, encode_header(0), "type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,0,0,0>>"),
        (BODY, bytes(20), "type 3, first 16 octets = <<0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0>>"),
    ],
)
@pytest.mark.proves("error.connection.frame.content-on-channel-0")
def test_f5_content_on_channel_0_is_refused(connection: Connection, type: int, payload: bytes, text: str) -> None:
    with connection.refused(505, f"UNEXPECTED_FRAME - {text}"):
        connection.send_frame(type, 0, payload)


@pytest.mark.proves("frame.heartbeat")
def test_heartbeats_are_taken_at_any_time(connection: Connection) -> None:
    connection.send_frame(HEARTBEAT, 0, b"")
    assert connection.channel().quiet() == []


# -- F7-F12: content out of order

NO_METHOD = "UNEXPECTED_FRAME - expected method frame, got non method frame instead"
NO_HEADER = "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead"
NO_BODY = "UNEXPECTED_FRAME - expected content body, got non content body frame instead"
PUBLISH = encode_method("basic.publish", exchange="", routing_key="nowhere")


@pytest.mark.proves("frame.content-order", "reply-code.unexpected-frame")
@pytest.mark.parametrize(("type", "payload"), [(HEADER, encode_header(1)), (BODY, b"x")])
@pytest.mark.proves("error.connection.frame.content-without-method")
def test_f7_content_without_a_method_is_refused(channel: Channel, type: int, payload: bytes) -> None:
    with channel.connection.refused(505, NO_METHOD):
        channel.connection.send_frame(type, 1, payload)


@pytest.mark.proves("frame.content-order")
@pytest.mark.proves("error.connection.frame.content-without-method")
def test_f7_content_on_a_channel_never_opened_is_refused(connection: Connection) -> None:
    with connection.refused(505, NO_METHOD):
        connection.send_frame(BODY, 7, b"x")


@pytest.mark.proves("frame.content-order", "frame.content-header")
@pytest.mark.parametrize(
    ("type", "payload"),
    [(METHOD, encode_method("channel.open")), (BODY, b"x"), (HEADER, encode_header(1, weight=1))],
    ids=["method", "body", "weight"],
)
@pytest.mark.proves("error.basic.publish.no-header")
def test_f8_only_a_header_follows_publish(channel: Channel, type: int, payload: bytes) -> None:
    with channel.connection.refused(505, NO_HEADER, "basic.publish"):
        channel.connection.send_frame(METHOD, 1, PUBLISH)
        channel.connection.send_frame(type, 1, payload)


@pytest.mark.proves("frame.content-header")
@pytest.mark.proves("error.basic.publish.header-of-another-class")
def test_f9_the_header_must_be_of_the_same_class(channel: Channel) -> None:
    text = "UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead"
    with channel.connection.refused(505, text, "basic.publish"):
        channel.connection.send_frame(METHOD, 1, PUBLISH)
        channel.connection.send_frame(HEADER, 1, encode_header(1, class_id=50))


@pytest.mark.proves("frame.content-order")
@pytest.mark.parametrize(
    ("type", "payload"), [(METHOD, encode_method("tx.select")), (HEADER, encode_header(1))], ids=["method", "header"]
)
@pytest.mark.proves("error.basic.publish.no-body")
def test_f10_only_bodies_follow_a_header(channel: Channel, type: int, payload: bytes) -> None:
    with channel.connection.refused(505, NO_BODY, "basic.publish"):
        channel.connection.send_frame(METHOD, 1, PUBLISH)
        channel.connection.send_frame(HEADER, 1, encode_header(4))
        channel.connection.send_frame(BODY, 1, b"ab")
        channel.connection.send_frame(type, 1, payload)


LATER_F11 = "since 4.2.6: 501 `FRAME_ERROR - content body frame exceeds remaining content size`, ids of the publish"


@pytest.mark.proves("frame.content-body")
@pytest.mark.versions(before="4.2", otherwise=LATER_F11)
@pytest.mark.proves("error.basic.publish.no-body")
def test_f11_a_body_that_is_too_long_never_completes(channel: Channel) -> None:
    with channel.connection.refused(505, NO_BODY, "basic.publish"):
        channel.connection.send_frame(METHOD, 1, PUBLISH)
        channel.connection.send_frame(HEADER, 1, encode_header(2))
        channel.connection.send_frame(BODY, 1, b"abc")
        channel.connection.send_frame(BODY, 1, b"def")
        channel.send("tx.select")


LATER_F12 = "since 4.2.6: 501 `FRAME_ERROR - content body size %d exceeds maximum allowed size 536870912`, same ids"


@pytest.mark.proves("frame.content-header")
@pytest.mark.versions(before="4.2", otherwise=LATER_F12)
@pytest.mark.parametrize("size", [2**29 + 1, 2**63, 2**64 - 1])
def test_f12_any_announced_size_is_taken(channel: Channel, size: int) -> None:
    with channel.connection.refused(505, NO_BODY, "basic.publish"):
        channel.connection.send_frame(METHOD, 1, PUBLISH)
        channel.connection.send_frame(HEADER, 1, encode_header(size))
        channel.send("tx.select")


# -- F13-F18: methods


@pytest.mark.proves("frame.method")
@pytest.mark.parametrize(
    ("method", "tail", "cut", "octets"),
    [
        ("basic.cancel", b"", 1, "<<0>>"),
        ("basic.qos", b"xyz", 0, "<<0,0,0,0,0,0,0,120,121,122>>"),
        ("channel.close-ok", b"abc", 0, "<<97,98,99>>"),
        ("basic.ack", b"", 3, "<<0,0,0,0,0,0>>"),
    ],
)
@pytest.mark.proves("error.connection.frame.undecodable-arguments")
def test_f13_arguments_that_cannot_be_decoded(
    channel: Channel, method: str, tail: bytes, cut: int, octets: str
) -> None:
    payload = encode_method(method)
    payload = payload[: len(payload) - cut] + tail
    with channel.connection.refused(501, f"FRAME_ERROR - cannot decode {octets}", method):
        channel.connection.send_frame(METHOD, 1, payload)


@pytest.mark.proves("frame.method", "reply-code.internal-error")
@pytest.mark.proves("error.connection.frame.undecodable-method")
def test_f13_on_channel_0_is_an_internal_error(connection: Connection) -> None:
    with connection.refused(541, "INTERNAL_ERROR"):
        connection.send_frame(METHOD, 0, encode_method("connection.update-secret")[:-1])


@pytest.mark.proves("frame.method")
@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("ids", [(60, 999), (999, 10), (30, 20)])
@pytest.mark.proves("error.connection.frame.unknown-method")
def test_f14_an_unknown_method_drops_the_tcp_connection(
    connection: Connection, channel: int, ids: tuple[int, int]
) -> None:
    connection.channel()
    connection.send_frame(METHOD, channel, struct.pack(">HH", *ids))
    with pytest.raises(Dropped):
        connection.read()


@pytest.mark.proves("channel.open", "reply-code.channel-error")
@pytest.mark.parametrize(
    "method", ["basic.qos", "queue.declare", "tx.select", "channel.close", "channel.close-ok", "basic.ack"]
)
@pytest.mark.proves("error.channel.open.expected")
def test_f15_vector_62_the_first_method_must_be_channel_open(connection: Connection, method: str) -> None:
    with connection.refused(504, "CHANNEL_ERROR - expected 'channel.open'", method):
        connection.send_method(5, method)


@pytest.mark.proves("channel.open.state", "reply-code.channel-error")
@pytest.mark.proves("error.channel.open.second")
def test_f16_vector_61_a_channel_is_opened_once(channel: Channel) -> None:
    with channel.connection.refused(504, "CHANNEL_ERROR - second 'channel.open' seen", "channel.open"):
        channel.send("channel.open")


@pytest.mark.proves("frame.channel-numbers", "connection")
@pytest.mark.parametrize(
    "method",
    ["channel.open", "queue.declare", "basic.ack", "connection.start-ok", "connection.tune-ok", "connection.open",
     "connection.secure-ok", "connection.start", "connection.close-ok"],
)  # fmt: skip
@pytest.mark.proves("error.connection.state.running")
def test_f17_a_method_out_of_state_on_channel_0(connection: Connection, method: str) -> None:
    with connection.refused(504, "CHANNEL_ERROR - unexpected method in connection state running", method):
        connection.send_method(0, method)


CANCEL_OK = pytest.mark.versions(before="4.3", otherwise="4.3 answers with 541; amqpd takes it silently")


@pytest.mark.proves("reply-code.command-invalid")
@pytest.mark.parametrize(
    "method",
    ["connection.close", "connection.open", "connection.start", "queue.declare-ok", "basic.get-empty",
     pytest.param("basic.cancel-ok", marks=CANCEL_OK),
     "channel.flow-ok", "channel.open-ok", "channel.close-ok", "basic.consume-ok", "confirm.select-ok", "tx.commit-ok"],
)  # fmt: skip
@pytest.mark.proves(
    "error.channel.method.unimplemented",
    "error.connection.state.on-channel",
    "error.channel.flow-ok.unexpected",
    "error.channel.close-ok.unexpected",
    "error.basic.cancel-ok.unexpected",
)
def test_f18_a_method_nobody_handles(channel: Channel, method: str) -> None:
    with channel.connection.refused(503, "COMMAND_INVALID - unimplemented method", method):
        channel.send(method)


@pytest.mark.proves("frame.content-order", "reply-code.command-invalid")
@pytest.mark.parametrize("method", ["basic.deliver", "basic.return", "basic.get-ok"])
@pytest.mark.proves("error.channel.method.unimplemented")
def test_f18_a_content_bearing_method_nobody_handles_is_refused_after_its_content(
    channel: Channel, method: str
) -> None:
    with channel.connection.refused(503, "COMMAND_INVALID - unimplemented method", method):
        channel.send(method)
        channel.connection.send_frame(HEADER, 1, encode_header(0))


@pytest.mark.proves("frame.content-header", "reply-code.internal-error")
@pytest.mark.parametrize(
    "properties",
    [b"\x80\x00", b"\x80\x00\x05ab", b"\0\0\0", b"\0\1\0\0", b"\x20\x00\0\0\0\3\1aZ"],
    ids=["missing", "truncated", "left over", "second flags word", "unknown tag"],
)
@pytest.mark.proves("error.connection.frame.undecodable-properties")
def test_properties_that_cannot_be_decoded_are_an_internal_error(channel: Channel, properties: bytes) -> None:
    with channel.connection.refused(541, "INTERNAL_ERROR"):
        channel.publish("", "nowhere", b"", properties)
