"""Frames and content out of shape or out of order: the close of each, and that the connection is over after it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from conformance.frames import BODY, HEADER, HEARTBEAT, METHOD, encode_frame, encode_header
from conformance.methods import encode_method
from conformance.received import ChannelClosed

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conditions import Condition
    from conformance.conftest import Connect

Case = Any  # pytest.param: three values and their marks
PUBLISH = encode_frame(METHOD, 1, encode_method("basic.publish", routing_key="nowhere"))
SIXTEEN = "first 16 octets = <<0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0>>"
EMPTY_HEADER = "all octets = <<0,60,0,0,0,0,0,0,0,0,0,0,0,0>>"


def case(id: str, data: bytes, /, *, name: str = "", sent: str = "", **values: Any) -> Case:
    """Return octets that arouse the error of this id, and what the entry leaves open of its close."""
    return pytest.param(data, sent, values, id=name or id, marks=pytest.mark.proves(f"error.{id}"))


def _method(name: str, channel: int = 1, cut: int = 0, tail: bytes = b"") -> bytes:
    payload = encode_method(name)
    return encode_frame(METHOD, channel, payload[: len(payload) - cut] + tail)


def _content(*frames: tuple[int, bytes]) -> bytes:
    return PUBLISH + b"".join(encode_frame(kind, 1, payload) for kind, payload in frames)


CLOSING: list[Case] = [
    case("connection.frame.unknown-type", encode_frame(4, 0, b""), type=4, octets="all octets = <<>>"),
    case("connection.frame.unknown-type", encode_frame(255, 1, b"GET / HTTP"), name="unknown-type-on-channel", type=255,
         octets='all octets = <<"GET / HTTP">>'),
    case("connection.frame.unknown-type", encode_frame(7, 1, bytes(17)), name="unknown-type-long", type=7,
         octets=SIXTEEN),
    case("connection.frame.short-method", encode_frame(METHOD, 1, b"\0\x14\0"), octets="all octets = <<0,20,0>>"),
    case("connection.frame.short-header", encode_frame(HEADER, 1, bytes(11)),
         octets="all octets = <<0,0,0,0,0,0,0,0,0,0,0>>"),
    case("connection.frame.full-heartbeat", encode_frame(HEARTBEAT, 0, b"x"), octets='all octets = <<"x">>'),
    case("connection.frame.heartbeat-on-channel", encode_frame(HEARTBEAT, 1, b"")),
    case("connection.frame.content-on-channel-0", encode_frame(HEADER, 0, encode_header(0)), name="header-on-channel-0",
         type=2, octets=EMPTY_HEADER),
    case("connection.frame.content-on-channel-0", encode_frame(BODY, 0, b"hi"), name="body-on-channel-0", type=3,
         octets='all octets = <<"hi">>'),
    case("connection.frame.content-without-method", encode_frame(HEADER, 1, encode_header(1)), name="header-alone"),
    case("connection.frame.content-without-method", encode_frame(BODY, 1, b"x"), name="body-alone"),
    case("connection.frame.content-without-method", encode_frame(BODY, 9, b"x"), name="body-on-no-channel"),
    case("connection.frame.undecodable-method", _method("connection.update-secret", 0, cut=1)),
    case("connection.frame.undecodable-method", _method("connection.close", 0, tail=b"x"),
         name="left-over-on-channel-0"),
    case("connection.frame.undecodable-arguments", _method("basic.cancel", cut=1), sent="basic.cancel", octets="<<0>>"),
    case("connection.frame.undecodable-arguments", _method("basic.qos", tail=b"xyz"), name="left-over",
         sent="basic.qos", octets="<<0,0,0,0,0,0,0,120,121,122>>"),
    case("connection.frame.undecodable-properties", _content((HEADER, encode_header(0, b"\x80\0\x05ab")))),
    case("connection.frame.undecodable-properties", _content((HEADER, encode_header(0, b"\0\0\0"))),
         name="more-properties"),
    case("connection.frame.undecodable-properties", _content((HEADER, encode_header(0, b"\x20\0\0\0\0\3\1aZ"))),
         name="properties-of-unknown-type"),
    case("connection.frame.not-utf8", encode_frame(METHOD, 1, encode_method("queue.declare", queue=b"\xff"))),
    case("connection.frame.not-utf8-on-channel-0",
         encode_frame(METHOD, 0, encode_method("connection.update-secret", reason=b"\xff")),
         sent="connection.update-secret"),
    case("basic.publish.no-header", PUBLISH + _method("channel.open"), name="method-for-header"),
    case("basic.publish.no-header", _content((BODY, b"x")), name="body-for-header"),
    case("basic.publish.no-header", _content((HEADER, encode_header(1, weight=1))), name="header-with-weight"),
    case("basic.publish.header-of-another-class", _content((HEADER, encode_header(1, class_id=50))), number=50),
    case("basic.publish.no-body", _content((HEADER, encode_header(4)), (BODY, b"ab")) + _method("tx.select"),
         name="method-for-body"),
    case("basic.publish.no-body", _content((HEADER, encode_header(4)), (HEADER, encode_header(4))),
         name="header-for-body"),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "sent", "values"), CLOSING)
def test_the_connection_is_closed(
    condition: Condition, channel: Channel, octets: bytes, sent: str, values: dict[str, Any]
) -> None:
    with condition.closes_connection(channel.connection, sent, **values):
        channel.connection.send(octets)


@pytest.mark.versions(before="4.0", otherwise="only seen on 3.10")
@pytest.mark.proves("error.connection.frame.not-a-number")
@pytest.mark.parametrize("value", [b"d\x7f\xf8\0\0\0\0\0\0", b"f\xff\x80\0\0"], ids=["not a number", "infinity"])
def test_a_float_must_be_a_number(condition: Condition, channel: Channel, value: bytes) -> None:
    with condition.closes_connection(channel.connection):
        channel.publish("", "nowhere", b"", {"headers": b"\1x" + value})


# -- the frames after this one cannot be told apart any more


@pytest.mark.proves("error.connection.frame.too-large")
def test_a_frame_that_is_too_large(condition: Condition, connect: Connect) -> None:
    connection = connect(frame_max=8192)
    with condition.closes_connection(connection, at_once=False, type=1, size=8193, limit=8184):
        connection.send(struct.pack(">BHI", METHOD, 1, 8193) + bytes(50))


FAR = "first 16 octets = <<1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16>>"


@pytest.mark.proves("error.connection.frame.end-octet")
@pytest.mark.parametrize(
    ("payload", "octets", "end"),
    [(b"", "all octets = <<>>", "0"), (b"hi", 'all octets = <<"hi">>', "0"), (bytes(range(1, 20)), FAR, "0")],
)
def test_a_wrong_end_octet(condition: Condition, connect: Connect, payload: bytes, octets: str, end: str) -> None:
    """The text breaks before its last number where it is wider than 80 columns."""
    connection = connect()
    before = f"type 1, {octets}: {{"
    if len(before) > 60:
        end = f"\n{' ' * len(before)}{end}"
    with condition.closes_connection(connection, at_once=False, type=1, octets=octets, octet=end):
        connection.send_frame(METHOD, 0, payload, end=0)


# -- nothing is said


DROPPING: list[Case] = [
    case("connection.frame.unknown-method", encode_frame(METHOD, 1, struct.pack(">HH", 60, 999))),
    case("connection.frame.unknown-method", encode_frame(METHOD, 0, struct.pack(">HH", 999, 10)), name="on-channel-0"),
    case("connection.frame.undecodable-table",
         encode_frame(METHOD, 1, encode_method("queue.declare", arguments=b"\x01aZ")), name="unknown-type-of-field"),
    case("connection.frame.undecodable-table",
         encode_frame(METHOD, 1, encode_method("exchange.declare", arguments=b"\x05ab")), name="truncated-table"),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "sent", "values"), DROPPING)
def test_tcp_ends_without_a_word(
    condition: Condition, channel: Channel, octets: bytes, sent: str, values: dict[str, Any]
) -> None:
    assert (sent, values) == ("", {})
    with condition.ends_tcp(channel.connection):
        channel.connection.send(octets)


# -- content, by version


@pytest.mark.versions(since="4.2", otherwise="3.10: no error; the message never completes")
@pytest.mark.proves("error.basic.publish.body-too-long")
def test_a_body_longer_than_announced(condition: Condition, channel: Channel) -> None:
    with condition.closes_connection(channel.connection):
        channel.connection.send(_content((HEADER, encode_header(2)), (BODY, b"abc")))


@pytest.mark.versions(before="4.2", otherwise="since 4.2.6: 501 for the body itself")
@pytest.mark.proves("error.basic.publish.no-body")
def test_a_body_longer_than_announced_never_completes(condition: Condition, channel: Channel) -> None:
    with condition.closes_connection(channel.connection):
        channel.connection.send(_content((HEADER, encode_header(2)), (BODY, b"abc"), (BODY, b"def")))
        channel.send("tx.select")


@pytest.mark.versions(since="4.2", otherwise="3.10: no error before the body is complete")
@pytest.mark.proves("error.basic.publish.announced-too-much")
@pytest.mark.parametrize("size", [536870913, 2**63])
def test_a_body_announced_too_large(condition: Condition, channel: Channel, size: int) -> None:
    with condition.closes_connection(channel.connection, size=size):
        channel.connection.send(_content((HEADER, encode_header(size))))


# -- between tune-ok and open-ok


EARLY: list[Case] = [
    case("connection.frame.channel-before-open", encode_frame(METHOD, 1, encode_method("channel.open")), name="method",
         type=1, octets="all octets = <<0,20,0,10,0>>"),
    case("connection.frame.channel-before-open", encode_frame(HEADER, 1, encode_header(0)), name="header", type=2,
         octets=EMPTY_HEADER),
    case("connection.frame.channel-before-open", encode_frame(BODY, 1, b"hi"), name="body", type=3,
         octets='all octets = <<"hi">>'),
    case("connection.frame.channel-before-open", encode_frame(HEARTBEAT, 1, b""), name="heartbeat", type=8,
         octets="all octets = <<>>"),
    case("connection.frame.not-utf8-on-channel-0",
         encode_frame(METHOD, 0, encode_method("connection.open", virtual_host=b"\xff")), sent="connection.open"),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "sent", "values"), EARLY)
def test_the_connection_is_closed_before_it_is_open(
    condition: Condition, dial: Connect, octets: bytes, sent: str, values: dict[str, Any]
) -> None:
    connection = dial()
    connection.tune()
    with condition.closes_connection(connection, sent, **values):
        connection.send(octets)


@pytest.mark.parametrize(
    ("octets", "sent", "values"),
    [
        case("connection.frame.channel-before-open", encode_frame(9, 1, b"x"), type=9, octets='all octets = <<"x">>'),
        case(
            "connection.frame.channel-before-open", encode_frame(METHOD, 1, b"\0"), type=1, octets="all octets = <<0>>"
        ),
        case(
            "connection.frame.channel-before-open", encode_frame(HEADER, 1, b"\0"), type=2, octets="all octets = <<0>>"
        ),
    ],
)
def test_the_state_is_looked_at_before_the_shape_of_a_frame(
    condition: Condition, dial: Connect, octets: bytes, sent: str, values: dict[str, Any]
) -> None:
    connection = dial()
    connection.tune()
    with condition.closes_connection(connection, sent, **values):
        connection.send(octets)


# -- what comes first


def _refused_content(verb: str) -> bytes:
    method = encode_method(f"basic.{verb}", exchange=b"\xff")
    return encode_frame(METHOD, 1, method) + encode_frame(HEADER, 1, encode_header(0, b"\x80\0"))


BAD_TABLE = encode_method("connection.start-ok", client_properties=b"\x01aZ")
UNKNOWN = encode_frame(METHOD, 1, struct.pack(">HH", 60, 999))


@pytest.mark.proves("error.connection.frame.undecodable-method")
@pytest.mark.parametrize(
    "payload",
    [BAD_TABLE, encode_method("connection.tune-ok")[:-1], encode_method("queue.declare")[:-1],
     encode_method("basic.qos") + b"x", encode_method("connection.close-ok") + b"x"],
)  # fmt: skip
def test_arguments_come_before_the_state_on_channel_0(condition: Condition, connect: Connect, payload: bytes) -> None:
    with condition.closes_connection(connection := connect()):
        connection.send_frame(METHOD, 0, payload)


@pytest.mark.parametrize(
    ("octets", "sent", "values"),
    [
        case("connection.frame.not-utf8-on-channel-0",
             encode_frame(METHOD, 0, encode_method("queue.declare", queue=b"\xff")), sent="queue.declare"),
        case("connection.frame.not-utf8-on-channel-0",
             encode_frame(METHOD, 0, encode_method("channel.open", out_of_band=b"\xff")), sent="channel.open"),
        case("connection.frame.not-utf8",
             encode_frame(METHOD, 1, encode_method("connection.open", virtual_host=b"\xff"))),
        case("connection.frame.not-utf8", encode_frame(METHOD, 2, encode_method("channel.open", out_of_band=b"\xff"))),
        case("connection.state.running",
             encode_frame(METHOD, 0, encode_method("basic.publish", exchange=b"\xff")), sent="basic.publish"),
        *(
            case("channel.method.unimplemented", _refused_content(verb), name=verb, sent=f"basic.{verb}")
            for verb in ("deliver", "return", "get-ok")
        ),
    ],
)  # fmt: skip
def test_utf8_is_not_asked_of_methods_that_bear_content(
    condition: Condition, channel: Channel, octets: bytes, sent: str, values: dict[str, Any]
) -> None:
    """What the channel is tells what the close names; the properties of refused content are not decoded either."""
    with condition.closes_connection(channel.connection, sent, **values):
        channel.connection.send(octets)


@pytest.mark.proves("error.connection.frame.unknown-method")
@pytest.mark.parametrize("before", [b"", _content((HEADER, encode_header(4)), (BODY, b"ab")), PUBLISH])
def test_an_unknown_method_comes_before_the_order_of_frames(
    condition: Condition, channel: Channel, before: bytes
) -> None:
    with condition.ends_tcp(channel.connection):
        channel.connection.send(before + UNKNOWN)


BAD = b"\x80\0\x05ab"


@pytest.mark.proves("error.connection.frame.undecodable-properties")
def test_properties_are_decoded_when_the_body_is_complete(condition: Condition, channel: Channel) -> None:
    channel.connection.send(_content((HEADER, encode_header(2, BAD)), (BODY, b"a")))
    other = type(channel)(channel.connection, 2).open()
    assert other.quiet() == []
    with condition.closes_connection(channel.connection):
        channel.connection.send_frame(BODY, 1, b"b")


@pytest.mark.proves("error.basic.publish.no-exchange")
def test_the_exchange_is_looked_up_before_the_properties_are_decoded(condition: Condition, channel: Channel) -> None:
    with condition.closes_channel(channel, exchange="missing"):
        channel.publish("missing", "k", b"x", BAD)


@pytest.mark.proves("error.basic.publish.immediate")
def test_immediate_is_looked_at_before_the_properties_are_decoded(condition: Condition, channel: Channel) -> None:
    with condition.closes_connection(channel.connection):
        channel.publish("", "k", b"x", BAD, immediate=True)


@pytest.mark.proves("error.channel.open.expected")
def test_the_channel_is_looked_at_before_the_properties_are_decoded(condition: Condition, channel: Channel) -> None:
    channel.close()
    with condition.closes_connection(channel.connection, "basic.publish"):
        channel.publish("", "k", b"x", BAD)


@pytest.mark.proves("error.tx.commit.not-transactional")
def test_the_properties_of_what_is_ignored_are_not_decoded(condition: Condition, channel: Channel) -> None:
    with condition.closes_channel(channel):
        channel.send("tx.commit")
        channel.publish("", "k", b"x", BAD)


@pytest.mark.proves("error.connection.frame.content-without-method")
@pytest.mark.parametrize("frame", [encode_frame(BODY, 1, b"x"), encode_frame(HEADER, 1, encode_header(0))])
def test_frames_are_in_order_also_while_a_channel_waits_for_close_ok(
    condition: Condition, channel: Channel, frame: bytes
) -> None:
    channel.send("tx.commit")
    with pytest.raises(ChannelClosed):
        channel.next()
    with condition.closes_connection(channel.connection):
        channel.connection.send(frame)
