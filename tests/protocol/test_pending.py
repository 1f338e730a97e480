"""What must wait: replies keep their order, what stands behind is bounded, and everybody else goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from pamqp import commands, frame

from amqpd.broker.authentication.internal import InternalBackend
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Journal, Offload
from tests.protocol.harness import HEADER, MakeWorld, World, longstr, publish, raw_method, shortstr

T = TypeVar("T")


class Slow(Offload):
    """Runs nothing before the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def run(self, function: Callable[[], T]) -> Pending[T]:
        pending: Pending[T] = Pending()
        self.waiting.append(lambda: pending.settle(function()))
        return pending

    def finish(self) -> None:
        """Do what waits."""
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each()


class Broken(Offload):
    """Fails to run anything."""

    def run(self, function: Callable[[], T]) -> Pending[T]:
        pending: Pending[T] = Pending()
        pending.fail(RuntimeError("can't start a new thread"))
        return pending


class Gated(Journal):
    """Definitions become durable when the test says so."""

    immediate = False

    def __init__(self) -> None:
        self.waiting: list[Pending[None]] = []

    def definitions_durable(self) -> Pending[None] | None:
        pending: Pending[None] = Pending()
        self.waiting.append(pending)
        return pending

    def messages_durable(self) -> Pending[None] | None:
        return None


def gated(make_world: MakeWorld) -> tuple[World, Gated]:
    journal = Gated()
    return make_world(journal=journal), journal


def declare(queue: str, channel: int = 1) -> bytes:
    return frame.marshal(commands.Queue.Declare(queue=queue), channel)


# -- a slow login --------------------------------------------------------------------------------------------------


@pytest.fixture
def slow_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check of a password takes long, as one of argon2id does."""
    monkeypatch.setattr(InternalBackend, "is_heavy", lambda _self, _login: True)
    monkeypatch.setattr(InternalBackend, "at_once", 2)


@pytest.mark.usefixtures("slow_passwords")
def test_a_login_may_take_its_time(make_world: MakeWorld) -> None:
    offload = Slow()
    world = make_world(offload=offload)
    client = world.connect()
    client.send(HEADER)
    client.read()
    client.start_ok()
    assert client.take() == b""
    offload.finish()
    world.settle()
    client.only(commands.Connection.Tune, channel=0)


@pytest.mark.usefixtures("slow_passwords")
def test_what_follows_a_login_waits_for_it(make_world: MakeWorld) -> None:
    offload = Slow()
    world = make_world(offload=offload)
    client = world.connect()
    start_ok = raw_method(0, 10, 11, longstr(b"") + shortstr("PLAIN") + longstr(b"\0guest\0guest") + shortstr("en_US"))
    client.send(HEADER, start_ok, raw_method(0, 10, 31, b"\x07\xff\x00\x02\x00\x00\x00\x00"))
    client.send(raw_method(0, 10, 40, b"\x01/\x00\x00"), raw_method(1, 20, 10, b"\x00"), declare("q"))
    assert [each.name for each in client.read()] == ["Connection.Start"]
    offload.finish()
    world.settle()
    names = [each.name for each in client.read()]
    assert names == ["Connection.Tune", "Connection.OpenOk", "Channel.OpenOk", "Queue.DeclareOk"]


@pytest.mark.usefixtures("slow_passwords")
def test_others_log_in_meanwhile(make_world: MakeWorld) -> None:
    offload = Slow()
    world = make_world(offload=offload)
    world.add_user("alice")
    first, second = world.connect(), world.connect()
    for client, user in ((first, "guest"), (second, "alice")):
        client.send(HEADER)
        client.read()
        client.start_ok(user=user)
    one, two = offload.waiting
    two()
    world.settle()
    assert first.take() == b""
    second.only(commands.Connection.Tune, channel=0)
    one()
    world.settle()
    first.only(commands.Connection.Tune, channel=0)


@pytest.mark.usefixtures("slow_passwords")
@pytest.mark.parametrize("end", ["vanish", "timeout"])
def test_a_login_that_comes_too_late_does_nothing(make_world: MakeWorld, end: str) -> None:
    offload = Slow()
    world = make_world(offload=offload)
    client = world.connect()
    client.send(HEADER)
    client.read()
    client.start_ok()
    if end == "vanish":
        client.vanish()
    else:
        world.advance(10.01)
        assert client.has_ended()
    offload.finish()
    world.settle()
    assert client.take() == b""
    assert len(world.node.connections) == 0


@pytest.mark.usefixtures("slow_passwords")
def test_a_check_that_fails_costs_its_connection_alone() -> None:
    world = World(offload=Broken())
    client = world.connect()
    client.send(HEADER)
    client.read()
    client.start_ok()
    assert client.take() == b""
    world.advance(3.01)
    assert client.has_ended()


# -- a slow journal ------------------------------------------------------------------------------------------------


def test_replies_keep_their_order(make_world: MakeWorld) -> None:
    world, journal = gated(make_world)
    client = world.open()
    client.send(declare("a"), publish("a", b"m"), frame.marshal(commands.Basic.Get(queue="a"), 1), declare("b"))
    assert client.take() == b""
    journal.waiting.pop().settle(None)
    world.settle()
    assert [each.name for each in client.read()] == ["Queue.DeclareOk", "Basic.GetOk"]
    journal.waiting.pop().settle(None)
    world.settle()
    client.only(commands.Queue.DeclareOk)


def test_other_channels_and_connections_go_on(make_world: MakeWorld) -> None:
    world, journal = gated(make_world)
    client, other = world.open(channels=(1, 2)), world.open()
    client.send(declare("a"))
    for each, channel in ((client, 2), (other, 1)):
        each.ask(commands.Basic.Qos(prefetch_count=1), commands.Basic.QosOk, channel)
    assert len(journal.waiting) == 1


def test_a_full_line_stops_the_reading_of_its_connection(make_world: MakeWorld) -> None:
    world, journal = gated(make_world)
    client, other = world.open(), world.open()
    client.send(declare("q"))
    sent = 0
    while client.is_read():
        client.send(frame.marshal(commands.Basic.Qos(prefetch_count=1), 1))
        sent += 1
        assert sent < 1000
    assert sent > 10
    assert other.is_read()
    for _ in range(10):
        client.send(frame.marshal(commands.Basic.Qos(prefetch_count=1), 1))
    journal.waiting.pop().settle(None)
    world.settle()
    names = [each.name for each in client.read()]
    assert names == ["Queue.DeclareOk", *["Basic.QosOk"] * (sent + 10)]
    assert client.is_read()


def test_content_stands_in_line_whole(make_world: MakeWorld) -> None:
    world, journal = gated(make_world)
    client = world.open()
    client.send(declare("q"), publish("q", b"abcdef", chunk=2), publish("q", b"", chunk=2), publish("q", b"gh"))
    client.send(publish("q", b"ijkl", chunk=1)[:-20])
    assert world.broker.vhosts["/"].queues["q"].message_count == 0
    journal.waiting.pop().settle(None)
    world.settle()
    client.send(publish("q", b"ijkl", chunk=1)[-20:])
    assert world.broker.vhosts["/"].queues["q"].message_count == 4


@pytest.mark.parametrize("end", ["vanish", "error on another channel", "forced"])
def test_a_result_for_a_channel_that_is_gone_is_dropped(make_world: MakeWorld, end: str) -> None:
    world, journal = gated(make_world)
    client = world.open()
    client.send(declare("q"), *(frame.marshal(commands.Basic.Qos(prefetch_count=1), 1) for _ in range(30)))
    if end == "vanish":
        client.vanish()
    elif end == "forced":
        client.connection.force_close("stop")
        world.settle()
    else:
        client.send(raw_method(5, 20, 20, b"\x01"))
    client.take()
    journal.waiting.pop().settle(None)
    world.settle()
    assert client.take() == b""
    assert client.connection.queueing == 0


def test_an_error_behind_a_wait_drops_the_rest_of_the_line(make_world: MakeWorld) -> None:
    world, journal = gated(make_world)
    client = world.open()
    client.send(
        declare("q"),
        frame.marshal(commands.Basic.Get(queue="nope"), 1),
        *(publish("q", b"lost") for _ in range(100)),
    )
    journal.waiting.pop().settle(None)
    world.settle()
    assert [each.name for each in client.read()] == ["Queue.DeclareOk", "Channel.Close"]
    assert client.is_read()
    assert world.broker.vhosts["/"].queues["q"].message_count == 0


def test_a_channel_may_be_closed_behind_a_wait(make_world: MakeWorld) -> None:
    world, journal = gated(make_world)
    client = world.open()
    client.send(declare("q"), frame.marshal(commands.Channel.Close(200, "", 0, 0), 1), raw_method(1, 20, 10, b"\x00"))
    journal.waiting.pop().settle(None)
    world.settle()
    assert [each.name for each in client.read()] == ["Queue.DeclareOk", "Channel.CloseOk", "Channel.OpenOk"]


def test_a_journal_that_fails_costs_its_connection_alone() -> None:
    journal = Gated()
    world = World(journal=journal)
    client, other = world.open(), world.open()
    client.send(declare("q"))
    journal.waiting.pop().fail(OSError("no space left on device"))
    world.settle()
    assert client.connection_close() == (541, "INTERNAL_ERROR", 0, 0)
    other.ask(commands.Basic.Qos(prefetch_count=1), commands.Basic.QosOk)


def test_a_close_behind_an_error_behind_a_wait_is_answered(make_world: MakeWorld) -> None:
    world, journal = gated(make_world)
    client = world.open()
    client.send(
        declare("q"),
        frame.marshal(commands.Basic.Get(queue="nope"), 1),
        frame.marshal(commands.Channel.Close(200, "", 0, 0), 1),
    )
    journal.waiting.pop().settle(None)
    world.settle()
    assert [each.name for each in client.read()] == ["Queue.DeclareOk", "Channel.Close", "Channel.CloseOk"]
    client.reopen()
