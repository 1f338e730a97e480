"""From the protocol header to connection.tune: what is offered, and how a refused login looks from outside."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import attrs
import pytest
from pamqp import commands

from amqpd.broker.users import User
from amqpd.fields import Table, longstr, signedint
from amqpd.protocol.endpoint import Endpoint
from amqpd.protocol.node import Settings
from tests.protocol.handshaking import assert_silence_then_drop, opening, started
from tests.protocol.harness import (
    CAPABILITIES,
    FOREIGN,
    HEADER,
    LOOPBACK,
    MakeWorld,
    World,
    raw_method,
    shortstr,
)
from tests.protocol.harness import longstr as sized

# -- the header ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [HEADER, b"AMQP\x01\x01\x00\x09"])
def test_both_headers_of_0_9_are_answered_with_start(world: World, header: bytes) -> None:
    client = world.connect()
    client.send(header)
    start = client.only(commands.Connection.Start, channel=0)
    assert (start.version_major, start.version_minor) == (0, 9)
    assert start.locales == "en_US"


def test_start_tells_what_clients_look_for(world: World) -> None:
    client = world.connect()
    client.send(HEADER)
    start = client.only(commands.Connection.Start, channel=0)
    properties = start.server_properties
    assert list(properties) == sorted(properties)
    assert (properties["product"], properties["version"]) == ("RabbitMQ", "4.2.9")
    assert properties["capabilities"] == dict.fromkeys(
        [
            "publisher_confirms",
            "exchange_exchange_bindings",
            "basic.nack",
            "consumer_cancel_notify",
            "connection.blocked",
            "consumer_priorities",
            "authentication_failure_close",
            "per_consumer_qos",
            "direct_reply_to",
        ],
        True,
    )
    assert set(start.mechanisms.split()) == {"PLAIN", "AMQPLAIN"}


@pytest.mark.parametrize(
    "header",
    [
        b"AMQP\x00\x01\x00\x00",
        b"AMQP\x03\x01\x00\x00",
        b"AMQP\x01\x01\x08\x00",
        b"AMQP\x00\x00\x09\x02",
        b"GET / HT",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"garbage!",
    ],
)
def test_any_other_header_is_answered_with_ours_and_the_end(world: World, header: bytes) -> None:
    client = world.connect()
    client.send(header + b"whatever follows")
    assert client.take() == HEADER
    assert client.has_ended()
    assert client.connection not in world.node.connections


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", "TLS: this port is for plain AMQP"),
        (b"GET / HTTP/1.1\r\n", "HTTP: the management API is on `management.port`"),
        (b"AMQP\x00\x01\x00\x00", "AMQP 1.0"),
        (b"AMQP\x03\x01\x00\x00", "AMQP 1.0"),
        (b"AMQP\x01\x01\x08\x00", "another version of AMQP"),
        (b"\x10\x10\x00\x04MQTT\x04", "MQTT"),
        (b"\x10\xff\x01\x00\x04MQTT\x04", "MQTT"),
        (b"CONNECT\naccept-version:1.2\n", "STOMP"),
        (b"PROXY TCP4 192.0.2.1", "a header of the PROXY protocol: `proxy_protocol`"),
        (b"\r\n\r\n\x00\r\nQUIT\n", "a header of the PROXY protocol: `proxy_protocol`"),
        (b"\x00\x00\x00\x20\x00\x11\x00\x01", "RabbitMQ's stream protocol"),
        (b"PING\r\n\r\n", "unknown"),
    ],
)
def test_the_log_says_what_a_client_of_another_protocol_looks_like(
    world: World, caplog: pytest.LogCaptureFixture, octets: bytes, what: str
) -> None:
    world.connect().send(octets)
    assert "not an AMQP 0-9-1 client" in caplog.text
    assert what in caplog.text


def test_a_header_may_arrive_octet_by_octet(world: World) -> None:
    client = world.connect()
    for octet in HEADER[:-1]:
        client.send(bytes((octet,)))
        assert client.take() == b""
    client.send(HEADER[-1:])
    assert client.read()[0].name == "Connection.Start"


@pytest.mark.parametrize("sent", [b"", b"AMQP\x00\x00\x09", HEADER])
def test_a_client_that_does_not_get_on_is_dropped_after_the_handshake_timeout(world: World, sent: bytes) -> None:
    client = world.connect()
    client.send(sent)
    client.take()
    world.advance(9.99)
    assert not client.has_ended()
    world.advance(0.02)
    assert client.has_ended()
    assert client.take() == b""


def test_the_handshake_timeout_covers_everything_up_to_open_ok(world: World) -> None:
    client = opening(world)
    world.advance(10.01)
    assert client.has_ended()
    assert client.take() == b""


def test_the_handshake_timeout_ends_with_open_ok(world: World) -> None:
    client = world.open()
    world.advance(3600)
    assert not client.has_ended()


def test_the_whole_handshake_may_come_in_one_piece(world: World) -> None:
    """RabbitMQ reads frame by frame, so a client need not wait for start, tune or open-ok."""
    client = world.connect()
    start_ok = raw_method(0, 10, 11, sized(b"") + shortstr("PLAIN") + sized(b"\0guest\0guest") + shortstr("en_US"))
    tune_ok = raw_method(0, 10, 31, struct.pack(">HIH", 2047, 131_072, 0))
    client.send(HEADER, start_ok, tune_ok, raw_method(0, 10, 40, b"\x01/\x00\x00"), raw_method(1, 20, 10, b"\x00"))
    assert [each.name for each in client.read()] == [
        "Connection.Start",
        "Connection.Tune",
        "Connection.OpenOk",
        "Channel.OpenOk",
    ]


# -- login ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        ("PLAIN", b"\0guest\0guest"),
        ("AMQPLAIN", Table.of({"LOGIN": longstr("guest"), "PASSWORD": longstr("guest")}).raw),
        ("AMQPLAIN", Table.of({"PASSWORD": longstr("guest"), "x": signedint(1), "LOGIN": longstr("guest")}).raw),
    ],
)
def test_a_login_is_answered_with_tune(world: World, mechanism: str, response: bytes) -> None:
    client = started(world)
    client.start_ok(mechanism, response)
    tune = client.only(commands.Connection.Tune, channel=0)
    assert (tune.channel_max, tune.frame_max, tune.heartbeat) == (2047, 131_072, 60)


MALFORMED = [
    ("PLAIN", b""),
    ("PLAIN", b"guest\0guest"),
    ("PLAIN", b"x\0guest\0guest"),
    ("PLAIN", b"\0guest"),
    ("PLAIN", b"\0guest\0guest\0"),
    ("AMQPLAIN", b""),
    ("AMQPLAIN", b"\x05LOGINS\x00\x00\x00\x09guest"),
    ("AMQPLAIN", Table.of({"LOGIN": longstr("guest")}).raw),
    ("AMQPLAIN", Table.of({"LOGIN": signedint(5), "PASSWORD": longstr("guest")}).raw),
    ("NOPE", b"\0guest\0guest"),
    ("plain", b"\0guest\0guest"),
    ("", b""),
    ("ANONYMOUS", b""),
    ("EXTERNAL", b""),
]


@pytest.mark.parametrize("capabilities", [CAPABILITIES, ()])
@pytest.mark.parametrize(("mechanism", "response"), MALFORMED)
def test_a_malformed_login_is_met_with_silence(
    world: World, mechanism: str, response: bytes, capabilities: Sequence[str]
) -> None:
    """Built-in mechanisms that are not offered are refused like unknown ones."""
    client = started(world)
    client.start_ok(mechanism, response, capabilities=capabilities)
    assert_silence_then_drop(world, client)


REFUSED = [
    ("PLAIN", b"\0guest\0wrong"),
    ("PLAIN", b"\0guest\0"),
    ("PLAIN", b"\0nobody\0nobody"),
    ("PLAIN", b"\0\0"),
    ("PLAIN", b"\0\xff\0\xff"),
    ("AMQPLAIN", Table.of({"LOGIN": longstr("guest"), "PASSWORD": longstr("wrong")}).raw),
]


@pytest.mark.parametrize(("mechanism", "response"), REFUSED)
def test_a_refused_login_is_told_to_who_can_hear_it(world: World, mechanism: str, response: bytes) -> None:
    client = started(world)
    client.start_ok(mechanism, response)
    text = f"ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. "
    assert client.connection_close() == (403, text + "For details see the broker logfile.", 0, 0)
    client.send(raw_method(0, 10, 51))
    assert client.has_ended()


@pytest.mark.parametrize(("mechanism", "response"), REFUSED)
def test_a_refused_login_is_silence_for_others(world: World, mechanism: str, response: bytes) -> None:
    client = started(world)
    client.start_ok(mechanism, response, capabilities=("basic.nack",))
    assert_silence_then_drop(world, client)


def test_a_refused_client_that_does_not_answer_is_dropped_after_three_seconds(world: World) -> None:
    client = started(world)
    client.start_ok(response=b"\0guest\0wrong")
    world.advance(2.99)
    assert not client.has_ended()
    world.advance(0.02)
    assert client.has_ended()


def test_a_refused_client_whose_octets_are_out_of_step_is_dropped_at_once(world: World) -> None:
    client = started(world)
    client.start_ok(response=b"\0guest\0wrong")
    client.send(b"\x08\0\0\0\0\0\0\0")
    world.advance(0.01)
    assert client.has_ended()


def test_a_user_without_a_hash_can_not_log_in(world: World) -> None:
    world.broker.add_user(User("hashless"))
    client = started(world)
    client.start_ok(response=b"\0hashless\0x")
    assert client.connection_close()[0] == 403


@pytest.mark.parametrize("peer", ["192.0.2.7", "2001:db8::1", "128.0.0.1", "::2", "::ffff:192.0.2.1"])
def test_guest_logs_in_from_this_machine_only(world: World, peer: str) -> None:
    client = started(world, attrs.evolve(FOREIGN, peer_host=peer))
    client.start_ok()
    assert client.connection_close()[0] == 403


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", ""])
def test_every_loopback_address_is_this_machine(world: World, peer: str) -> None:
    client = started(world, attrs.evolve(LOOPBACK, peer_host=peer))
    client.start_ok()
    client.only(commands.Connection.Tune, channel=0)


def test_other_users_log_in_from_anywhere(world: World) -> None:
    world.add_user("alice")
    client = started(world, FOREIGN)
    client.start_ok(user="alice")
    client.only(commands.Connection.Tune, channel=0)


def test_loopback_users_can_be_set(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(loopback_users=()))
    client = started(world, FOREIGN)
    client.start_ok()
    client.only(commands.Connection.Tune, channel=0)


def test_anonymous_is_offered_where_a_user_is_configured(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(mechanisms=("PLAIN", "ANONYMOUS"), anonymous_user="guest"))
    client = world.connect()
    client.send(HEADER)
    assert client.only(commands.Connection.Start, channel=0).mechanisms == "PLAIN ANONYMOUS"
    client.start_ok("ANONYMOUS", b"whatever")
    client.only(commands.Connection.Tune, channel=0)


def test_anonymous_is_off_without_a_user(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(mechanisms=("PLAIN", "ANONYMOUS")))
    client = world.connect()
    client.send(HEADER)
    assert client.only(commands.Connection.Start, channel=0).mechanisms == "PLAIN"
    client.start_ok("ANONYMOUS", b"")
    assert_silence_then_drop(world, client)


TLS = attrs.evolve(LOOPBACK, tls=True, has_certificate=True, certificate_name="guest")


def test_external_takes_the_certificates_user(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(mechanisms=("PLAIN", "EXTERNAL")))
    client = world.connect(TLS)
    client.send(HEADER)
    assert client.only(commands.Connection.Start, channel=0).mechanisms == "PLAIN EXTERNAL"
    client.start_ok("EXTERNAL", b"")
    client.only(commands.Connection.Tune, channel=0)


@pytest.mark.parametrize(
    "endpoint",
    [
        attrs.evolve(TLS, has_certificate=False),
        attrs.evolve(TLS, certificate_name=""),
        attrs.evolve(TLS, certificate_name="nobody"),
    ],
)
def test_external_refuses_a_certificate_that_names_no_user(make_world: MakeWorld, endpoint: Endpoint) -> None:
    world = make_world(settings=Settings(mechanisms=("PLAIN", "EXTERNAL")))
    client = started(world, endpoint)
    client.start_ok("EXTERNAL", b"")
    assert client.connection_close()[0] == 403


def test_external_is_not_offered_without_tls(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(mechanisms=("PLAIN", "EXTERNAL")))
    client = world.connect()
    client.send(HEADER)
    assert client.only(commands.Connection.Start, channel=0).mechanisms == "PLAIN"
    client.start_ok("EXTERNAL", b"")
    assert_silence_then_drop(world, client)


def test_octets_of_a_start_ok_that_is_malformed_stay_out_of_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.connect()
    client.send(HEADER)
    client.read()
    arguments = sized(b"\x01aQ") + shortstr("PLAIN") + sized(b"\0guest\0guest") + shortstr("en_US")
    client.send(raw_method(0, 10, 11, arguments))
    assert "handshake failed" in caplog.text
    assert "<<" not in caplog.text
