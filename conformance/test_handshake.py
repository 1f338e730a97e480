"""From the TCP connection to connection.open-ok: headers, properties, login, tuning, virtual hosts."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from conformance.client import CAPABILITIES, Connection
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


@pytest.mark.parametrize("header", [PROTOCOL_HEADER, b"AMQP\x01\x01\x00\x09"], ids=["0-9-1", "0-9"])
def test_0_9_1_and_0_9_are_spoken(connection: Connection, header: bytes) -> None:
    connection.send(header)
    start = connection.read()
    assert (start.name, start["version_major"], start["version_minor"]) == ("connection.start", 0, 9)


@pytest.mark.versions(before="4.0", otherwise="since 4.0 refused like any other version, with `AMQP 3 1 0 0`")
@pytest.mark.parametrize("header", [b"AMQP\x01\x01\x08\x00", b"AMQP\x01\x01\x09\x01"])
def test_0_8_is_spoken(connection: Connection, header: bytes) -> None:
    connection.send(header)
    start = connection.read()
    assert (start.name, start["version_major"], start["version_minor"]) == ("connection.start", 8, 0)
    assert start["server_properties"]["capabilities"] == {}


@pytest.mark.versions(before="4.0", otherwise="since 4.0 the answer is `AMQP 3 1 0 0`, and AMQP 1.0 is spoken")
@pytest.mark.parametrize(
    "header",
    [
        b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x01\x00\x00", b"AMQP\x02\x01\x00\x00", b"AMQP\x00\x00\x0a\x00",
        b"AMQP\x00\x00\x09\x00", b"AMQP\x00\x00\x08\x00", b"AMQP0091", b"GET / HT", b"\x16\x03\x01\x00\xf4\x01\x00\x00",
        b"junkjunk", bytes(8),
    ],
)  # fmt: skip
def test_any_other_header_is_answered_with_the_protocol_spoken(connection: Connection, header: bytes) -> None:
    connection.send(header)
    assert connection.read_until_dropped() == SPEAKS_0_9_1


def test_a_header_may_come_in_pieces(connection: Connection) -> None:
    for octet in PROTOCOL_HEADER:
        connection.send(bytes([octet]))
    assert connection.read().name == "connection.start"


# -- connection.start


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


@pytest.mark.versions(before="4.0", otherwise="since 4.0 also ANONYMOUS; the order carries no meaning")
def test_start_offers_amqplain_and_plain(connection: Connection) -> None:
    assert connection.start()["mechanisms"] == "AMQPLAIN PLAIN"


# -- login

WRONG_TYPE = pytest.mark.versions(
    before="4.0", otherwise="502 in the log, silence and a dropped connection for the client"
)


def _log_in(connection: Connection, mechanism: str, response: bytes) -> None:
    connection.start()
    connection.send_method(0, "connection.start-ok", mechanism=mechanism, response=response, locale="xx",
                           client_properties={"capabilities": CAPABILITIES})  # fmt: skip


def test_amqplain_takes_a_table_without_its_length(connection: Connection) -> None:
    _log_in(connection, "AMQPLAIN", table_content({"LOGIN": "guest", "PASSWORD": "guest"}))
    assert connection.read().name == "connection.tune"


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
def test_a_refused_login_is_told_to_clients_that_ask_for_it(
    connection: Connection, mechanism: str, response: bytes
) -> None:
    text = f"ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. "
    text += "For details see the broker logfile."
    with connection.refused(403, text):
        _log_in(connection, mechanism, response)


# -- tune


def test_tune_proposes_the_defaults(dial: Connect) -> None:
    proposal = dial().tune()
    assert dict(proposal.fields) == {"channel_max": 2047, "frame_max": 131072, "heartbeat": 60}


@pytest.mark.versions(before="4.1", otherwise="since 4.1 the minimum is 8192; the refusal is silent")
def test_frame_max_4096_is_accepted(connect: Connect) -> None:
    assert connect(frame_max=4096).channel().quiet() == []


def test_channel_max_limits_the_number_of_channels_not_their_ids(connect: Connect) -> None:
    connection = connect(channel_max=2)
    connection.channel(65535)
    connection.channel(1)
    text = "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)"
    with connection.refused(530, text):
        connection.send_method(2, "channel.open")


def test_channel_max_counts_a_channel_that_a_stray_frame_starts(connect: Connect) -> None:
    connection = connect(channel_max=1)
    connection.channel(1)
    text = "NOT_ALLOWED - number of channels opened (1) has reached the negotiated channel_max (1)"
    with connection.refused(530, text):
        connection.send_frame(BODY, 9, b"x")


def test_a_closed_channel_counts_no_more(connect: Connect) -> None:
    connection = connect(channel_max=1)
    for number in (1, 2, 1):
        connection.channel(number).close()


# -- connection.open


@pytest.mark.parametrize("vhost", ["nowhere", "", "//", "/ "])
def test_an_unknown_vhost_is_refused(dial: Connect, vhost: str) -> None:
    connection = dial()
    connection.tune()
    with connection.refused(530, f"NOT_ALLOWED - vhost {vhost} not found", "connection.open"):
        connection.send_method(0, "connection.open", virtual_host=vhost)


def test_open_ok_is_empty_and_the_reserved_fields_are_ignored(connection: Connection) -> None:
    connection.tune()
    reply = connection.call(0, "connection.open", "connection.open-ok", virtual_host="/", capabilities="x", insist=True)
    assert reply["known_hosts"] == ""


@pytest.mark.parametrize(
    "method",
    ["connection.close", "connection.start-ok", "connection.tune-ok", "connection.secure-ok",
     "connection.update-secret",
     "channel.open", "basic.qos"],
)  # fmt: skip
def test_f17_only_open_is_taken_before_open(dial: Connect, method: str) -> None:
    connection = dial()
    connection.tune()
    with connection.refused(504, "CHANNEL_ERROR - unexpected method in connection state opening", method):
        connection.send_method(0, method)


@pytest.mark.parametrize(
    ("type", "payload", "text"),
    [
        (METHOD, encode_method("channel.open"), "type 1, all octets = <<0,20,0,10,0>>"),
        (HEADER, encode_header(0), "type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,0,0,0>>"),
        (BODY, b"hi", 'type 3, all octets = <<"hi">>'),
        (HEARTBEAT, b"", "type 8, all octets = <<>>"),
    ],
)
def test_f6_no_channel_exists_before_open(dial: Connect, type: int, payload: bytes, text: str) -> None:
    connection = dial()
    connection.tune()
    with connection.refused(505, f"UNEXPECTED_FRAME - {text}"):
        connection.send_frame(type, 1, payload)


def test_f1_the_negotiated_frame_max_holds_before_open(connection: Connection) -> None:
    connection.tune(frame_max=9000)
    text = "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,9001,8992}"
    with connection.refused(501, text, at_once=False):
        connection.send(struct.pack(">BHI", METHOD, 0, 9001))


def test_malformed_utf8_on_channel_0_is_a_frame_error_of_the_method(connection: Connection) -> None:
    connection.tune()
    with connection.refused(501, "FRAME_ERROR - Malformed UTF-8 in shortstr", "connection.open"):
        connection.send_method(0, "connection.open", virtual_host=b"\xff")


# -- update-secret


def test_update_secret_is_accepted_for_internal_users(connect: Connect) -> None:
    connection = connect()
    connection.call(0, "connection.update-secret", "connection.update-secret-ok", new_secret="s", reason="r")
    assert connection.channel().quiet() == []


# -- closing


def test_close_is_answered_twice_and_everything_else_ignored_afterwards(connect: Connect) -> None:
    connection = connect()
    connection.call(0, "connection.close", "connection.close-ok", reply_code=200, reply_text="bye")
    connection.send_method(1, "channel.open")
    connection.send_method(0, "connection.open", virtual_host="/")
    connection.send_method(0, "connection.close", reply_code=200)
    assert connection.read().name == "connection.close-ok"


def test_a_close_that_crosses_the_brokers_close_is_answered(connect: Connect) -> None:
    connection = connect()
    connection.send_method(0, "channel.open")
    connection.send_method(0, "connection.close", reply_code=200)
    with pytest.raises(ConnectionClosed) as closed:
        connection.next(0)
    text = "CHANNEL_ERROR - unexpected method in connection state running"
    assert closed.value.refusal == Refusal(504, text, 20, 10)
    assert connection.read().name == "connection.close-ok"


def test_exclusive_queues_are_gone_when_close_ok_comes(connect: Connect, names: Names) -> None:
    """Vector 18."""
    first, second, queue = connect(), connect().channel(), names("q")
    first.channel().declare_queue(queue, exclusive=True)
    first.call(0, "connection.close", "connection.close-ok", reply_code=200)
    assert second.declare_queue(queue)["message_count"] == 0


def test_exclusive_queues_are_gone_when_the_broker_closes_the_connection(connect: Connect, names: Names) -> None:
    first, second, queue = connect(), connect().channel(), names("q")
    first.channel().declare_queue(queue, exclusive=True)
    first.send_method(0, "channel.open")
    with pytest.raises(ConnectionClosed):
        first.next(0)
    assert second.declare_queue(queue)["message_count"] == 0


def test_no_client_properties_are_needed(connection: Connection) -> None:
    capabilities: dict[str, Value] = {}
    assert connection.handshake(capabilities=capabilities).channel().quiet() == []
