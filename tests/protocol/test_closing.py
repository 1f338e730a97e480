"""Both ways to end a connection, at once too, and what happens to a side that doesn't answer."""

from __future__ import annotations

import struct

import pytest
from pamqp import commands, frame

from tests.protocol.harness import HEARTBEAT, Client, World, publish, raw_method, shortstr

CLOSE = raw_method(0, 10, 50, struct.pack(">H", 200) + shortstr("bye") + bytes(4))
CLOSE_OK = raw_method(0, 10, 51)


def in_error(world: World, heartbeat: int = 0) -> Client:
    """A client that got connection.close."""
    client = world.open(heartbeat=heartbeat)
    client.send(raw_method(1, 20, 10, b"\x00"))
    assert client.connection_close()[0] == 504
    return client


def test_a_close_is_answered(world: World) -> None:
    client = world.open()
    client.send(CLOSE)
    client.only(commands.Connection.CloseOk, channel=0)
    assert not client.has_ended()


def test_what_a_client_held_is_given_back_before_close_ok(world: World) -> None:
    other, client = world.open(), world.open()
    client.declare("private", exclusive=True)
    other.declare("q")
    other.fill("q", b"m")
    client.get("q")
    client.send(CLOSE)
    assert "private" not in world.broker.vhosts["/"].queues
    assert other.get("q").body == b"m"
    client.only(commands.Connection.CloseOk, channel=0)


@pytest.mark.parametrize(("heartbeat", "grace"), [(0, 30), (60, 30), (7, 7)])
def test_a_client_that_stays_after_close_ok_is_dropped(world: World, heartbeat: int, grace: int) -> None:
    client = world.open(heartbeat=heartbeat)
    client.send(CLOSE)
    world.advance(grace - 0.01)
    assert not client.has_ended()
    world.advance(0.02)
    assert client.has_ended()


@pytest.mark.parametrize("ours", [True, False])
def test_octets_out_of_step_end_a_closing_connection_after_three_seconds(world: World, ours: bool) -> None:
    """Neither a close-ok nor anything else can be read after them."""
    client = in_error(world) if ours else world.open()
    client.send(CLOSE if not ours else b"", b"\x08\0\0\0\0\0\0\0", CLOSE_OK)
    world.advance(2.99)
    assert not client.has_ended()
    world.advance(0.02)
    assert client.has_ended()


def test_after_close_ok_frames_are_ignored_but_a_close_is_answered(world: World) -> None:
    client = world.open(heartbeat=10)
    client.send(CLOSE)
    client.read()
    client.send(publish("q", b"m"), raw_method(1, 20, 10, b"\x00"), raw_method(0, 10, 40, b"\x01/\x00\x00"), HEARTBEAT)
    assert client.take() == b""
    client.send(CLOSE)
    client.only(commands.Connection.CloseOk, channel=0)
    client.send(raw_method(0, 99, 1), b"\x63\x00\x00\x00\x00\x00\x00\xce")
    assert client.take() == b""


def test_after_close_ok_heartbeats_go_on(world: World) -> None:
    client = world.open(heartbeat=10)
    client.send(CLOSE)
    client.take()
    world.advance(5.01)
    assert client.take() == HEARTBEAT


def test_a_servers_close_ends_at_close_ok(world: World) -> None:
    client = in_error(world)
    assert not client.has_ended()
    client.send(CLOSE_OK)
    assert client.has_ended()
    assert client.take() == b""


@pytest.mark.parametrize(("heartbeat", "grace"), [(0, 30), (60, 30), (7, 7)])
def test_a_client_that_does_not_answer_a_close_is_dropped(world: World, heartbeat: int, grace: int) -> None:
    client = in_error(world, heartbeat)
    world.advance(grace - 0.01)
    assert not client.has_ended()
    world.advance(0.02)
    assert client.has_ended()


def test_while_a_close_is_unanswered_frames_are_ignored(world: World) -> None:
    client = in_error(world)
    client.send(publish("q", b"m"), raw_method(1, 20, 10, b"\x00"), raw_method(0, 10, 40, b"\x01/\x00\x00"))
    client.send(raw_method(0, 10, 50, b"\x00"), raw_method(0, 99, 1), raw_method(0, 10, 51, b"left over"))
    assert client.take() == b""
    assert not client.has_ended()
    client.send(CLOSE_OK)
    assert client.has_ended()


def test_closes_that_cross_are_both_answered(world: World) -> None:
    client = in_error(world)
    client.send(CLOSE)
    client.only(commands.Connection.CloseOk, channel=0)
    assert not client.has_ended()
    client.send(CLOSE_OK)
    assert client.has_ended()


def test_what_follows_an_error_in_the_same_read_is_ignored(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.send(raw_method(1, 20, 10, b"\x00"), publish("q", b"m"), raw_method(0, 10, 70, b"\x00" * 5))
    assert client.connection_close()[0] == 504
    assert world.open().count("q") == 0


def test_what_follows_a_close_ok_in_the_same_read_is_ignored(world: World) -> None:
    client = in_error(world)
    client.send(CLOSE_OK + CLOSE + publish("q"))
    assert client.take() == b""
    assert client.has_ended()


def test_a_forced_close_names_the_reason(world: World) -> None:
    client = world.open()
    client.connection.force_close("Closed via management plugin")
    world.settle()
    assert client.connection_close() == (320, "CONNECTION_FORCED - Closed via management plugin", 0, 0)
    client.send(CLOSE_OK)
    assert client.has_ended()


def test_deleting_a_user_or_a_vhost_closes_its_connections(world: World) -> None:
    world.add_user("alice")
    alice, guest = world.open("alice"), world.open()
    world.broker.delete_user("alice")
    world.settle()
    assert alice.connection_close() == (320, "CONNECTION_FORCED - user 'alice' is deleted", 0, 0)
    assert guest.take() == b""
    world.broker.delete_vhost("/")
    world.settle()
    assert guest.connection_close() == (320, "CONNECTION_FORCED - vhost '/' is deleted", 0, 0)


def test_a_forced_close_during_the_handshake_just_ends_it(world: World) -> None:
    client = world.connect()
    client.connection.force_close("shutdown")
    world.settle()
    assert client.has_ended()
    assert client.take() == b""


def test_a_client_that_vanishes_leaves_nothing_behind(world: World) -> None:
    other, client = world.open(), world.open(channels=(1, 2, 3), heartbeat=60)
    client.declare("private", exclusive=True)
    client.declare("q")
    client.fill("q", b"a", b"b", b"c")
    client.consume("q", channel=2)
    client.call(commands.Tx.Select(), 3)
    client.send(publish("q", b"never", channel=3), publish("q", b"half", channel=1)[:-3])
    client.vanish()
    assert list(world.broker.sessions) == [other.connection.session]
    assert set(world.broker.vhosts["/"].queues) == {"q"}
    assert [other.get("q").body for _ in range(3)] == [b"a", b"b", b"c"]
    assert world.node.unfinished_content == 0
    other.vanish()
    assert len(world.broker.timers) == 0


def test_every_end_is_harmless_a_second_time(world: World) -> None:
    client = world.open()
    client.connection.abort()
    client.connection.eof()
    client.connection.abort()
    client.connection.force_close("again")
    world.settle()
    assert client.take() == b""


def test_after_a_connection_is_gone_the_broker_serves_others(world: World) -> None:
    for _ in range(3):
        client = world.open()
        client.send(CLOSE + frame.marshal(commands.Connection.CloseOk(), 0))
        client.vanish()
    assert world.open().declare("q").message_count == 0
    assert len(world.node.connections) == 1


def test_what_a_failing_connection_gives_back_is_not_delivered_to_it(world: World) -> None:
    """Found by comparing with RabbitMQ: one channel held a message, another one consumed from its queue and failed."""
    client = world.open(channels=(1, 2))
    client.declare("q")
    client.fill("q", b"m")
    client.send(frame.marshal(commands.Basic.Get(queue="q"), 1))
    client.read()
    client.send(frame.marshal(commands.Basic.Consume(queue="q", consumer_tag="c"), 2))
    client.read()
    client.send(frame.marshal(commands.Channel.Flow(active=False), 2))
    assert [each.name for each in client.read()] == ["Connection.Close"]
    assert world.open().count("q") == 1
