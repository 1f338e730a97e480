"""From connection.tune to connection.open-ok: which limits are taken, who may enter, and what does not belong there."""

from __future__ import annotations

import struct

import attrs
import pytest
from pamqp import commands

from amqpd.protocol.node import Settings
from tests.protocol.handshaking import assert_silence_then_drop, opening, started, tuned
from tests.protocol.harness import HEARTBEAT, MakeWorld, World, longstr, raw_method, shortstr

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
        rest = shortstr("PLAIN") + longstr(b"\0guest\0guest") + shortstr("en_US")
        filler = size - 4 - 4 - len(rest) - 7
        properties = shortstr("k") + b"S" + longstr(b"x" * filler)
        client.send(raw_method(0, 10, 11, longstr(properties) + rest))
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

UNEXPECTED = "CHANNEL_ERROR - unexpected method in connection state opening"
OUT_OF_PLACE = {
    "open": raw_method(0, 10, 40, b"\x01/\x00\x00"),
    "secure-ok": raw_method(0, 10, 21, longstr(b"")),
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
        (raw_method(0, 10, 31, bytes(8)), (504, UNEXPECTED, 10, 31)),
        (OUT_OF_PLACE["close"], (504, UNEXPECTED, 10, 50)),
        (OUT_OF_PLACE["secure-ok"], (504, UNEXPECTED, 10, 21)),
        (OUT_OF_PLACE["a channel"], (505, "UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>", 0, 0)),
        (OUT_OF_PLACE["a body on channel 0"], (505, "UNEXPECTED_FRAME - type 3, all octets = <<>>", 0, 0)),
    ],
)
def test_before_open_errors_are_answered(world: World, frame: bytes, expected: tuple[int, str, int, int]) -> None:
    client = opening(world)
    client.send(frame)
    assert client.connection_close() == expected


def test_heartbeats_are_taken_at_any_time_after_start(world: World) -> None:
    client = started(world)
    client.send(HEARTBEAT)
    client.start_ok()
    client.send(HEARTBEAT)
    client.tune_ok()
    client.send(HEARTBEAT)
    client.open()
    assert [each.name for each in client.read()] == ["Connection.Tune", "Connection.OpenOk"]
