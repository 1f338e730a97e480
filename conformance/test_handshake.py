"""From the TCP connection to connection.open-ok: headers, properties, login, tuning, virtual hosts."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from conformance.client import CAPABILITIES, GUEST, Connection
from conformance.fields import Value, table_content
from conformance.frames import BODY, HEADER, HEARTBEAT, METHOD, PROTOCOL_HEADER, encode_header
from conformance.methods import encode_method
from conformance.received import ConnectionClosed, Refusal

if TYPE_CHECKING:
    from conformance.conftest import Connect, Names

SPEAKS_0_9_1 = b"AMQP\x00\x00\x09\x01"


@pytest.fixture
def connection(dial: Connect) -> Connection:
    return dial()


# -- protocol header


@pytest.mark.proves(
    "frame.header",
    "connection.start",
    "connection.start.version-major",
    "connection.start.version-minor",
    "deviation.connection.header-0-9",
)
@pytest.mark.parametrize("header", [PROTOCOL_HEADER, b"AMQP\x01\x01\x00\x09"], ids=["0-9-1", "0-9"])
def test_0_9_1_and_0_9_are_spoken(connection: Connection, header: bytes) -> None:
    connection.send(header)
    start = connection.read()
    assert (start.name, start["version_major"], start["version_minor"]) == ("connection.start", 0, 9)


@pytest.mark.proves("deviation.connection.header-0-8")
@pytest.mark.versions(before="4.0", otherwise="since 4.0 refused like any other version, with `AMQP 3 1 0 0`")
@pytest.mark.parametrize("header", [b"AMQP\x01\x01\x08\x00", b"AMQP\x01\x01\x09\x01"])
def test_0_8_is_spoken(connection: Connection, header: bytes) -> None:
    connection.send(header)
    start = connection.read()
    assert (start.name, start["version_major"], start["version_minor"]) == ("connection.start", 8, 0)
    assert start["server_properties"]["capabilities"] == {}


@pytest.mark.proves("frame.header", "connection.start.protocol-name", "connection.start.server-support")
@pytest.mark.versions(before="4.0", otherwise="since 4.0 the answer is `AMQP 3 1 0 0`, and AMQP 1.0 is spoken")
@pytest.mark.parametrize(
    "header",
    [
        b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x01\x00\x00", b"AMQP\x02\x01\x00\x00", b"AMQP\x00\x00\x0a\x00",
        b"AMQP\x00\x00\x09\x00", b"AMQP\x00\x00\x08\x00", b"AMQP0091", b"GET / HT", b"\x16\x03\x01\x00\xf4\x01\x00\x00",
        b"junkjunk", bytes(8),
    ],
)  # fmt: skip
@pytest.mark.proves(
    "error.connection.header.other-version",
    "error.connection.header.amqp-1-0",
    "error.connection.header.http",
    "error.connection.header.tls",
    "error.connection.header.junk",
)
def test_any_other_header_is_answered_with_the_protocol_spoken(connection: Connection, header: bytes) -> None:
    connection.send(header)
    assert connection.read_until_dropped() == SPEAKS_0_9_1


@pytest.mark.proves("frame.any-segments", "frame.header")
def test_a_header_may_come_in_pieces(connection: Connection) -> None:
    for octet in PROTOCOL_HEADER:
        connection.send(bytes([octet]))
    assert connection.read().name == "connection.start"


# -- connection.start


@pytest.mark.proves(
    "connection.start.server-properties",
    "connection.start.locales",
    "connection.start.locales.required-support",
    "connection.start.mechanisms",
    "capabilities.server",
    "confirms.capability",
    "login.plain",
    "login.amqplain",
)
def test_start_tells_what_clients_look_for(connection: Connection) -> None:
    start = connection.start()
    properties = start["server_properties"]
    assert start["locales"] == "en_US"
    assert {"PLAIN", "AMQPLAIN"} <= set(start["mechanisms"].split(" "))
    assert list(properties) == sorted(properties)
    assert {"capabilities", "cluster_name", "copyright", "information", "platform", "product", "version"} <= set(
        properties
    )
    assert properties["product"] == "RabbitMQ"
    assert list(properties["capabilities"].items()) == [
        (name, True)
        for name in (
            "publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
            "connection.blocked",
            "consumer_priorities", "authentication_failure_close", "per_consumer_qos", "direct_reply_to",
        )
    ]  # fmt: skip


@pytest.mark.proves("connection.start.mechanisms")
@pytest.mark.versions(before="4.0", otherwise="since 4.0 also ANONYMOUS; the order carries no meaning")
def test_start_offers_amqplain_and_plain(connection: Connection) -> None:
    assert connection.start()["mechanisms"] == "AMQPLAIN PLAIN"


@pytest.mark.proves("connection.start.server-properties.required-fields", "connection.start.server-properties")
def test_start_tells_what_the_specification_asks_for_but_the_host(connection: Connection) -> None:
    properties = connection.start()["server_properties"]
    for name in ("product", "version", "platform", "copyright", "information"):
        assert isinstance(properties[name], str)
        assert properties[name]
    assert "host" not in properties


@pytest.mark.proves("connection.tune.frame-max.minimum", "connection.start-ok.client-properties")
def test_before_tuning_a_frame_of_4096_octets_is_taken(connection: Connection) -> None:
    def start_ok(filler: int) -> bytes:
        return encode_method("connection.start-ok", client_properties={"filler": "x" * filler}, mechanism="PLAIN",
                             response=GUEST, locale="en_US")  # fmt: skip

    connection.start()
    payload = start_ok(4096 - 8 - len(start_ok(0)))
    assert len(payload) + 8 == 4096
    connection.send_frame(METHOD, 0, payload)
    assert connection.read().name == "connection.tune"


# -- login

WRONG_TYPE = pytest.mark.versions(
    before="4.0", otherwise="502 in the log, silence and a dropped connection for the client"
)


def _log_in(connection: Connection, mechanism: str, response: bytes) -> None:
    connection.start()
    connection.send_method(0, "connection.start-ok", mechanism=mechanism, response=response, locale="xx",
                           client_properties={"capabilities": CAPABILITIES})  # fmt: skip


@pytest.mark.proves(
    "login.amqplain",
    "connection.start-ok",
    "connection.start-ok.mechanism",
    "connection.start-ok.response",
    "connection.start-ok.locale",
)
def test_amqplain_takes_a_table_without_its_length(connection: Connection) -> None:
    _log_in(connection, "AMQPLAIN", table_content({"LOGIN": "guest", "PASSWORD": "guest"}))
    assert connection.read().name == "connection.tune"


@pytest.mark.proves(
    "authentication-failure-close.told",
    "connection.start-ok.response",
    "connection.start-ok.client-properties",
    "capabilities.client",
    "reply-code.access-refused",
)
@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        ("PLAIN", b"\0guest\0wrong"),
        ("PLAIN", b"\0nobody\0guest"),
        ("PLAIN", b"\0guest\0"),
        ("AMQPLAIN", table_content({"LOGIN": "guest", "PASSWORD": "wrong"})),
        pytest.param("AMQPLAIN", table_content({"LOGIN": "guest", "PASSWORD": 5}), marks=WRONG_TYPE),
    ],
)
@pytest.mark.proves("error.connection.login.refused", "error.connection.login.blank-password")
def test_a_refused_login_is_told_to_clients_that_ask_for_it(
    connection: Connection, mechanism: str, response: bytes
) -> None:
    text = f"ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. "
    text += "For details see the broker logfile."
    with connection.refused(403, text):
        _log_in(connection, mechanism, response)


# -- tune


@pytest.mark.proves(
    "connection.tune", "connection.tune.channel-max", "connection.tune.frame-max", "connection.tune.heartbeat"
)
def test_tune_proposes_the_defaults(dial: Connect) -> None:
    proposal = dial().tune()
    assert dict(proposal.fields) == {"channel_max": 2047, "frame_max": 131072, "heartbeat": 60}


@pytest.mark.proves("connection.tune-ok", "connection.tune-ok.frame-max", "connection.tune.frame-max.minimum")
@pytest.mark.versions(before="4.1", otherwise="since 4.1 the minimum is 8192; the refusal is silent")
def test_frame_max_4096_is_accepted(connect: Connect) -> None:
    assert connect(frame_max=4096).channel().quiet() == []


@pytest.mark.proves(
    "connection.tune-ok.channel-max", "channel-max.count", "frame.channel-numbers", "reply-code.not-allowed"
)
@pytest.mark.proves("error.connection.channels.channel-max")
def test_channel_max_limits_the_number_of_channels_not_their_ids(connect: Connect) -> None:
    connection = connect(channel_max=2)
    connection.channel(65535)
    connection.channel(1)
    text = "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)"
    with connection.refused(530, text):
        connection.send_method(2, "channel.open")


@pytest.mark.proves("channel-max.count")
@pytest.mark.proves("error.connection.channels.channel-max")
def test_channel_max_counts_a_channel_that_a_stray_frame_starts(connect: Connect) -> None:
    connection = connect(channel_max=1)
    connection.channel(1)
    text = "NOT_ALLOWED - number of channels opened (1) has reached the negotiated channel_max (1)"
    with connection.refused(530, text):
        connection.send_frame(BODY, 9, b"x")


@pytest.mark.proves("channel-max.count")
def test_a_closed_channel_counts_no_more(connect: Connect) -> None:
    connection = connect(channel_max=1)
    for number in (1, 2, 1):
        connection.channel(number).close()


# -- connection.open


@pytest.mark.proves("connection.open", "connection.open.virtual-host", "reply-code.not-allowed")
@pytest.mark.parametrize("vhost", ["nowhere", "", "//", "/ "])
@pytest.mark.proves("error.connection.open.no-vhost")
def test_an_unknown_vhost_is_refused(dial: Connect, vhost: str) -> None:
    connection = dial()
    connection.tune()
    with connection.refused(530, f"NOT_ALLOWED - vhost {vhost} not found", "connection.open"):
        connection.send_method(0, "connection.open", virtual_host=vhost)


@pytest.mark.proves(
    "connection.open",
    "connection.open.capabilities",
    "connection.open.insist",
    "connection.open-ok",
    "connection.open-ok.known-hosts",
)
def test_open_ok_is_empty_and_the_reserved_fields_are_ignored(connection: Connection) -> None:
    connection.tune()
    reply = connection.call(0, "connection.open", "connection.open-ok", virtual_host="/", capabilities="x", insist=True)
    assert reply["known_hosts"] == ""


@pytest.mark.proves("connection", "reply-code.channel-error")
@pytest.mark.parametrize(
    "method",
    ["connection.close", "connection.start-ok", "connection.tune-ok", "connection.secure-ok",
     "connection.update-secret",
     "channel.open", "basic.qos"],
)  # fmt: skip
@pytest.mark.proves("error.connection.state.opening")
def test_f17_only_open_is_taken_before_open(dial: Connect, method: str) -> None:
    connection = dial()
    connection.tune()
    with connection.refused(504, "CHANNEL_ERROR - unexpected method in connection state opening", method):
        connection.send_method(0, method)


@pytest.mark.proves("frame.channel-numbers", "reply-code.unexpected-frame")
@pytest.mark.parametrize(
    ("type", "payload", "text"),
    [
        (METHOD, encode_method("channel.open"), "type 1, all octets = <<0,20,0,10,0>>"),
        (HEADER, encode_header(0), "type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,0,0,0>>"),
        (BODY, b"hi", 'type 3, all octets = <<"hi">>'),
        (HEARTBEAT, b"", "type 8, all octets = <<>>"),
    ],
)
@pytest.mark.proves("error.connection.frame.channel-before-open")
def test_f6_no_channel_exists_before_open(dial: Connect, type: int, payload: bytes, text: str) -> None:
    connection = dial()
    connection.tune()
    with connection.refused(505, f"UNEXPECTED_FRAME - {text}"):
        connection.send_frame(type, 1, payload)


@pytest.mark.proves("frame.size", "connection.tune-ok.frame-max")
@pytest.mark.proves("error.connection.frame.too-large")
def test_f1_the_negotiated_frame_max_holds_before_open(connection: Connection) -> None:
    connection.tune(frame_max=9000)
    text = "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,9001,8992}"
    with connection.refused(501, text, at_once=False):
        connection.send(struct.pack(">BHI", METHOD, 0, 9001))


@pytest.mark.proves(
    "frame.shortstr-utf8",
    "connection.close.class-id",
    "connection.close.method-id",
    "connection.close.reply-code",
    "connection.close.reply-text",
)
@pytest.mark.proves("error.connection.frame.not-utf8-on-channel-0")
def test_malformed_utf8_on_channel_0_is_a_frame_error_of_the_method(connection: Connection) -> None:
    connection.tune()
    with connection.refused(501, "FRAME_ERROR - Malformed UTF-8 in shortstr", "connection.open"):
        connection.send_method(0, "connection.open", virtual_host=b"\xff")


# -- update-secret


@pytest.mark.proves(
    "update-secret.accepted",
    "connection.update-secret",
    "connection.update-secret.new-secret",
    "connection.update-secret.reason",
    "connection.update-secret-ok",
)
def test_update_secret_is_accepted_for_internal_users(connect: Connect) -> None:
    connection = connect()
    connection.call(0, "connection.update-secret", "connection.update-secret-ok", new_secret="s", reason="r")
    assert connection.channel().quiet() == []


# -- closing


@pytest.mark.proves("connection.close", "connection.close-ok", "connection.close.stability")
def test_close_is_answered_twice_and_everything_else_ignored_afterwards(connect: Connect) -> None:
    connection = connect()
    connection.call(0, "connection.close", "connection.close-ok", reply_code=200, reply_text="bye")
    connection.send_method(1, "channel.open")
    connection.send_method(0, "connection.open", virtual_host="/")
    connection.send_method(0, "connection.close", reply_code=200)
    assert connection.read().name == "connection.close-ok"


@pytest.mark.proves(
    "connection.close",
    "connection.close.stability",
    "connection.close.reply-code",
    "connection.close.reply-text",
    "connection.close.class-id",
    "connection.close.method-id",
)
def test_a_close_that_crosses_the_brokers_close_is_answered(connect: Connect) -> None:
    connection = connect()
    connection.send_method(0, "channel.open")
    connection.send_method(0, "connection.close", reply_code=200)
    with pytest.raises(ConnectionClosed) as closed:
        connection.next(0)
    text = "CHANNEL_ERROR - unexpected method in connection state running"
    assert closed.value.refusal == Refusal(504, text, 20, 10)
    assert connection.read().name == "connection.close-ok"


@pytest.mark.proves("closing.exclusive-queues", "exclusive.connection")
def test_exclusive_queues_are_gone_when_close_ok_comes(connect: Connect, names: Names) -> None:
    """Vector 18."""
    first, second, queue = connect(), connect().channel(), names("q")
    first.channel().declare_queue(queue, exclusive=True)
    first.call(0, "connection.close", "connection.close-ok", reply_code=200)
    assert second.declare_queue(queue)["message_count"] == 0


@pytest.mark.proves("closing.exclusive-queues")
def test_exclusive_queues_are_gone_when_the_broker_closes_the_connection(connect: Connect, names: Names) -> None:
    first, second, queue = connect(), connect().channel(), names("q")
    first.channel().declare_queue(queue, exclusive=True)
    first.send_method(0, "channel.open")
    with pytest.raises(ConnectionClosed):
        first.next(0)
    assert second.declare_queue(queue)["message_count"] == 0


@pytest.mark.proves("connection.start-ok.client-properties", "capabilities.client")
def test_no_client_properties_are_needed(connection: Connection) -> None:
    capabilities: dict[str, Value] = {}
    assert connection.handshake(capabilities=capabilities).channel().quiet() == []
