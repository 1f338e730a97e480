"""From the protocol header to connection.open-ok: what is offered, what is taken, and how refusals look from outside."""

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
from tests.protocol.harness import (
    CAPABILITIES,
    FOREIGN,
    HEADER,
    LOOPBACK,
    Client,
    MakeWorld,
    World,
    raw_method,
    shortstr,
)
from tests.protocol.harness import longstr as sized


def started(world: World, endpoint: Endpoint = LOOPBACK) -> Client:
    client = world.connect(endpoint)
    client.send(HEADER)
    assert client.read()[0].name == "Connection.Start"
    return client


def tuned(world: World) -> Client:
    """A client that got connection.tune."""
    client = started(world)
    client.start_ok()
    client.only(commands.Connection.Tune, channel=0)
    return client


def opening(world: World, user: str = "guest") -> Client:
    client = started(world)
    client.start_ok(user=user)
    client.tune_ok()
    client.read()
    return client


def assert_silence_then_drop(world: World, client: Client) -> None:
    """Nothing for three seconds, then the end of the TCP connection."""
    assert client.take() == b""
    client.send(HEADER, raw_method(0, 10, 40, b"\x01/\x00\x00"))
    world.advance(2.99)
    assert not client.ended
    world.advance(0.02)
    assert client.ended
    assert client.take() == b""
    assert client.connection not in world.node.connections


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
    assert client.ended
    assert client.connection not in world.node.connections


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
    assert not client.ended
    world.advance(0.02)
    assert client.ended
    assert client.take() == b""


def test_the_handshake_timeout_covers_everything_up_to_open_ok(world: World) -> None:
    client = opening(world)
    world.advance(10.01)
    assert client.ended
    assert client.take() == b""


def test_the_handshake_timeout_ends_with_open_ok(world: World) -> None:
    client = world.open()
    world.advance(3600)
    assert not client.ended


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
    assert client.ended


@pytest.mark.parametrize(("mechanism", "response"), REFUSED)
def test_a_refused_login_is_silence_for_others(world: World, mechanism: str, response: bytes) -> None:
    client = started(world)
    client.start_ok(mechanism, response, capabilities=("basic.nack",))
    assert_silence_then_drop(world, client)


def test_a_refused_client_that_does_not_answer_is_dropped_after_three_seconds(world: World) -> None:
    client = started(world)
    client.start_ok(response=b"\0guest\0wrong")
    world.advance(2.99)
    assert not client.ended
    world.advance(0.02)
    assert client.ended


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


# -- tune ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel_max", "frame_max"), [(2047, 131_072), (1, 8192), (1, 4096), (2047, 4097), (100, 131_071)]
)
def test_limits_within_the_offer_are_final(world: World, channel_max: int, frame_max: int) -> None:
    client = tuned(world)
    client.tune_ok(channel_max, frame_max, 0)
    client.open()
    client.only(commands.Connection.OpenOk, channel=0)
    assert (client.connection.channel_max, client.connection.frame_max) == (channel_max, frame_max)


@pytest.mark.parametrize(
    ("channel_max", "frame_max"),
    [(2048, 131_072), (0, 131_072), (65535, 131_072), (2047, 131_073), (2047, 0), (2047, 4095), (2047, 1)],
)
def test_limits_beyond_the_offer_are_met_with_silence(world: World, channel_max: int, frame_max: int) -> None:
    client = tuned(world)
    client.tune_ok(channel_max, frame_max, 0)
    assert_silence_then_drop(world, client)


@pytest.mark.parametrize(("profile", "minimum"), [("3.10", 4096), ("4.0", 4096), ("4.2", 8192), ("4.3", 8192)])
def test_the_smallest_frame_max_is_the_profiles_where_strict(
    make_world: MakeWorld, profile: str, minimum: int
) -> None:
    world = make_world(profile=profile, strict=True)
    client = tuned(world)
    client.tune_ok(2047, minimum, 0)
    client.open()
    client.only(commands.Connection.OpenOk, channel=0)
    client = tuned(world)
    client.tune_ok(2047, minimum - 1, 0)
    assert_silence_then_drop(world, client)


def test_no_limit_may_be_asked_for_only_where_none_is_offered(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(frame_max=0, channel_max=0))
    client = started(world)
    client.start_ok()
    client.read()
    client.tune_ok(0, 0, 0)
    client.open()
    client.only(commands.Connection.OpenOk, channel=0)


@pytest.mark.parametrize(("profile", "limit"), [("3.10", 4096), ("4.2", 8192)])
def test_before_tune_ok_frames_are_limited_by_the_profile(make_world: MakeWorld, profile: str, limit: int) -> None:
    world = make_world(profile=profile)
    for size, taken in ((limit, True), (limit + 1, False)):
        client = started(world)
        rest = shortstr("PLAIN") + sized(b"\0guest\0guest") + shortstr("en_US")
        filler = size - 4 - 4 - len(rest) - 7
        properties = shortstr("k") + b"S" + sized(b"x" * filler)
        client.send(raw_method(0, 10, 11, sized(properties) + rest))
        if taken:
            client.only(commands.Connection.Tune, channel=0)
        else:
            assert_silence_then_drop(world, client)


# -- open ----------------------------------------------------------------------------------------------------------


def test_open_ok_follows_an_accepted_open(world: World) -> None:
    client = opening(world)
    client.open()
    assert client.only(commands.Connection.OpenOk, channel=0).known_hosts == ""


@pytest.mark.parametrize("vhost", ["nope", "", "Ümlaut"])
def test_an_unknown_vhost_is_530(world: World, vhost: str) -> None:
    client = opening(world)
    client.open(vhost)
    assert client.connection_close() == (530, f"NOT_ALLOWED - vhost {vhost} not found", 10, 40)


def test_a_full_vhost_is_530(world: World) -> None:
    world.broker.vhosts["/"].max_connections = 1
    world.open()
    client = opening(world)
    client.open()
    text = "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is reached"
    assert client.connection_close() == (530, text, 10, 40)


@pytest.mark.parametrize(("limit", "allowed"), [(0, False), (-1, True)])
def test_a_vhost_limit_of_0_lets_nobody_in_and_a_negative_one_everybody(
    world: World, limit: int, allowed: bool
) -> None:
    world.broker.vhosts["/"].max_connections = limit
    client = opening(world)
    client.open()
    assert (client.read()[0].name == "Connection.OpenOk") is allowed


def test_a_users_connection_limit_is_530(world: World) -> None:
    world.broker.add_user(attrs.evolve(world.add_user("alice"), max_connections=1))
    world.open("alice")
    client = opening(world, "alice")
    client.open()
    text = "NOT_ALLOWED - connection refused for user 'alice': user connection limit (1) is reached"
    assert client.connection_close() == (530, text, 10, 40)


def test_a_connection_that_has_ended_counts_no_more(world: World) -> None:
    world.broker.vhosts["/"].max_connections = 1
    world.open().vanish()
    client = opening(world)
    client.open()
    client.only(commands.Connection.OpenOk, channel=0)


def test_a_nodes_connection_limit_is_530(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(max_connections=1))
    world.open()
    client = opening(world)
    client.open()
    text = "NOT_ALLOWED - connection refused: node connection limit (1) is reached"
    assert client.connection_close() == (530, text, 10, 40)


def test_a_user_without_permissions_in_the_vhost_is_530(world: World) -> None:
    world.broker.add_vhost("other")
    client = opening(world)
    client.open("other")
    assert client.connection_close() == (530, "NOT_ALLOWED - access to vhost 'other' refused for user 'guest'", 10, 40)


# -- what does not belong there ------------------------------------------------------------------------------------

OUT_OF_PLACE = {
    "open": raw_method(0, 10, 40, b"\x01/\x00\x00"),
    "secure-ok": raw_method(0, 10, 21, sized(b"")),
    "close": raw_method(0, 10, 50, struct.pack(">H", 200) + b"\x00" + bytes(4)),
    "a channel": raw_method(1, 20, 10, b"\x00"),
    "a body on channel 0": b"\x03\x00\x00\x00\x00\x00\x00\xce",
    "an unknown type": b"\x09\x00\x00\x00\x00\x00\x00\xce",
    "an unknown method": raw_method(0, 99, 99),
    "a wrong end": b"\x08\x00\x00\x00\x00\x00\x00\x00",
    "too large a frame": b"\x01\x00\x00\x00\xff\xff\xff",
}


@pytest.mark.parametrize("frame", OUT_OF_PLACE)
def test_before_tune_ok_every_error_is_met_with_silence(world: World, frame: str) -> None:
    for client in (started(world), tuned(world)):
        client.send(OUT_OF_PLACE[frame])
        assert_silence_then_drop(world, client)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (raw_method(0, 10, 31, bytes(8)), (504, "CHANNEL_ERROR - unexpected method in connection state opening", 10, 31)),
        (OUT_OF_PLACE["close"], (504, "CHANNEL_ERROR - unexpected method in connection state opening", 10, 50)),
        (OUT_OF_PLACE["secure-ok"], (504, "CHANNEL_ERROR - unexpected method in connection state opening", 10, 21)),
        (OUT_OF_PLACE["a channel"], (505, "UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>", 0, 0)),
        (OUT_OF_PLACE["a body on channel 0"], (505, "UNEXPECTED_FRAME - type 3, all octets = <<>>", 0, 0)),
    ],
)
def test_before_open_errors_are_answered(world: World, frame: bytes, expected: tuple[int, str, int, int]) -> None:
    client = opening(world)
    client.send(frame)
    assert client.connection_close() == expected


def test_heartbeats_are_taken_at_any_time_after_start(world: World) -> None:
    heartbeat = b"\x08\x00\x00\x00\x00\x00\x00\xce"
    client = started(world)
    client.send(heartbeat)
    client.start_ok()
    client.send(heartbeat)
    client.tune_ok()
    client.send(heartbeat)
    client.open()
    assert [each.name for each in client.read()] == ["Connection.Tune", "Connection.OpenOk"]
