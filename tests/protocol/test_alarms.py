"""Resource alarms: who publishes is blocked, is told so once, and goes on where it stopped."""

from __future__ import annotations

import pytest
from pamqp import commands

from amqpd.broker.alarms import DISK, MEMORY
from tests.protocol.harness import Client, World, publish, raw_method


def alarm(world: World, resource: str = MEMORY, *, short: bool = True) -> None:
    world.broker.alarms.set(resource, "test", short)
    world.settle()


def opened(world: World) -> Client:
    client = world.open()
    client.declare("q")
    return client


def blocked(client: Client) -> str:
    return client.only(commands.Connection.Blocked, channel=0).reason


def test_an_alarm_alone_tells_nobody(world: World) -> None:
    client = opened(world)
    alarm(world)
    assert client.take() == b""
    assert client.is_read()


def test_who_never_publishes_goes_on(world: World) -> None:
    client = opened(world)
    client.fill("q", b"a")
    alarm(world)
    assert client.get("q").body == b"a"
    assert client.call(commands.Basic.Ack(1)) == []
    alarm(world, short=False)
    assert client.take() == b""


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ([MEMORY], "low on memory"),
        ([DISK], "low on disk"),
        ([MEMORY, DISK], "low on disk & memory"),
        ([DISK, MEMORY], "low on disk & memory"),
    ],
)
def test_who_publishes_is_blocked_and_told_why(world: World, resources: list[str], reason: str) -> None:
    client = opened(world)
    for resource in resources:
        alarm(world, resource)
    client.fill("q", b"a")
    assert blocked(client) == reason
    assert not client.is_read()


def test_a_connection_opened_during_an_alarm_is_no_exception(world: World) -> None:
    alarm(world)
    client = opened(world)
    assert client.is_read()
    client.fill("q", b"a")
    assert blocked(client) == "low on memory"


def test_nothing_is_handled_while_blocked_and_everything_afterwards(world: World) -> None:
    client, other = opened(world), world.open()
    alarm(world)
    client.send(publish("q", b"a"), publish("q", b"b"), publish("q", b"c"))
    assert blocked(client) == "low on memory"
    assert other.count("q") == 1
    alarm(world, short=False)
    client.only(commands.Connection.Unblocked, channel=0)
    assert client.is_read()
    assert other.count("q") == 3


def test_other_connections_go_on(world: World) -> None:
    client, other = opened(world), world.open()
    alarm(world)
    client.fill("q", b"a")
    assert other.get("q").body == b"a"


def test_a_block_is_told_once(world: World) -> None:
    client = opened(world)
    alarm(world)
    client.fill("q", b"a")
    assert blocked(client) == "low on memory"
    alarm(world, DISK)
    alarm(world, MEMORY, short=False)
    assert client.take() == b""
    assert not client.is_read()
    alarm(world, DISK, short=False)
    client.only(commands.Connection.Unblocked, channel=0)


def test_each_episode_is_told(world: World) -> None:
    client = opened(world)
    for _ in range(3):
        alarm(world)
        client.fill("q", b"a")
        assert blocked(client) == "low on memory"
        alarm(world, short=False)
        client.only(commands.Connection.Unblocked, channel=0)


def test_a_client_without_the_capability_is_blocked_silently(world: World) -> None:
    client = world.open(capabilities=())
    client.declare("q")
    alarm(world)
    client.send(publish("q", b"a"), publish("q", b"b"))
    assert client.take() == b""
    assert not client.is_read()
    alarm(world, short=False)
    assert client.take() == b""
    assert world.open().count("q") == 2


def test_an_alarm_in_the_middle_of_content_waits_for_its_end(world: World) -> None:
    client = opened(world)
    frames = publish("q", b"abcdef", chunk=2)
    client.send(frames[:-3])
    alarm(world)
    client.send(frames[-3:])
    assert blocked(client) == "low on memory"
    assert world.open().count("q") == 1


def test_a_blocked_client_still_gets_its_deliveries(world: World) -> None:
    client, other = opened(world), world.open()
    client.consume("q", no_ack=True)
    alarm(world)
    client.fill("nobody", b"a")
    assert blocked(client) == "low on memory"
    other.fill("q", b"from elsewhere")
    assert client.bodies(commands.Basic.Deliver) == [b"from elsewhere"]


def test_a_blocked_client_that_vanishes_is_forgotten(world: World) -> None:
    client = opened(world)
    alarm(world)
    client.fill("q", b"a")
    client.vanish()
    alarm(world, short=False)
    assert len(world.node.connections) == 0


def test_confirms_reach_a_blocked_client(world: World) -> None:
    client = opened(world)
    client.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    alarm(world)
    client.fill("q", b"a")
    assert sorted(each.name for each in client.read()) == ["Basic.Ack", "Connection.Blocked"]


def test_a_blocked_client_that_is_closed_can_answer(world: World) -> None:
    client = opened(world)
    alarm(world)
    client.send(publish("q", b"a"), publish("q", b"lost"))
    assert blocked(client) == "low on memory"
    client.connection.force_close("shutdown")
    world.settle()
    assert client.connection_close()[0] == 320
    client.send(raw_method(0, 10, 51))
    assert client.has_ended()
    assert world.open().count("q") == 1


def test_unblocked_comes_before_the_replies_that_waited(world: World) -> None:
    client = opened(world)
    alarm(world)
    client.send(publish("q", b"a"), raw_method(1, 20, 20, b"\x01"))
    assert blocked(client) == "low on memory"
    alarm(world, short=False)
    assert [each.name for each in client.read()] == ["Connection.Unblocked", "Channel.FlowOk"]
