"""Resource alarms: who publishes is blocked, is told so once, and goes on where it stopped.

The content header is what blocks: a message with a body waits for the end of the alarm, an empty one is complete then.
"""

from __future__ import annotations

import pytest
from pamqp import commands

from amqpd.broker.alarms import DISK, MEMORY
from tests.protocol.harness import Client, World, content_header, publish, publish_method, raw_method


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
    client.fill("q", b"early")
    alarm(world)
    client.send(publish("q", b"a"), publish("q", b"b"), publish("q", b"c"))
    assert blocked(client) == "low on memory"
    client.send(publish("q", b"d"))
    assert other.count("q") == 1
    assert client.take() == b""
    alarm(world, short=False)
    client.only(commands.Connection.Unblocked, channel=0)
    assert client.is_read()
    assert [other.get("q").body for _ in range(5)] == [b"early", b"a", b"b", b"c", b"d"]


@pytest.mark.parametrize("cut", [1, 7, 8, 11, 14])
def test_the_header_blocks_although_the_body_has_not_arrived(world: World, cut: int) -> None:
    """The body's frame is `cut` octets short, up to all of it."""
    client, other = opened(world), world.open()
    frames = publish("q", b"abcdef")
    alarm(world)
    client.send(frames[:-cut])
    assert blocked(client) == "low on memory"
    assert not client.is_read()
    client.send(frames[-cut:])
    assert other.count("q") == 0
    alarm(world, short=False)
    client.only(commands.Connection.Unblocked, channel=0)
    assert other.get("q").body == b"abcdef"


def test_a_publish_without_its_header_does_not_block(world: World) -> None:
    client = opened(world)
    alarm(world)
    client.send(publish_method("q"))
    assert client.take() == b""
    assert client.is_read()
    client.send(content_header(1, 3))
    assert blocked(client) == "low on memory"


def test_an_empty_message_is_complete_at_its_header_and_the_next_one_waits(world: World) -> None:
    client, other = opened(world), world.open()
    alarm(world)
    client.fill("q", b"", b"")
    assert blocked(client) == "low on memory"
    assert other.count("q") == 1
    client.fill("q", b"")
    assert other.count("q") == 1
    alarm(world, short=False)
    client.only(commands.Connection.Unblocked, channel=0)
    assert other.count("q") == 3


def test_other_connections_go_on(world: World) -> None:
    client, other = opened(world), world.open()
    client.fill("q", b"early")
    alarm(world)
    client.fill("q", b"late")
    assert blocked(client) == "low on memory"
    assert other.get("q").body == b"early"
    other.declare("another")
    assert other.is_read()


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
    other = world.open()
    assert other.count("q") == 0
    alarm(world, short=False)
    assert client.take() == b""
    assert other.count("q") == 2


def test_an_alarm_in_the_middle_of_content_blocks_at_its_next_frame(world: World) -> None:
    client, other = opened(world), world.open()
    frames = publish("q", b"abcdef", chunk=2)
    client.send(frames[:-23])
    alarm(world)
    assert client.is_read()
    client.send(frames[-23:-17])
    assert blocked(client) == "low on memory"
    client.send(frames[-17:])
    assert other.count("q") == 0
    alarm(world, short=False)
    client.only(commands.Connection.Unblocked, channel=0)
    assert other.get("q").body == b"abcdef"


def test_an_alarm_before_the_last_frame_of_a_content_blocks_after_it(world: World) -> None:
    client = opened(world)
    frames = publish("q", b"abcdef", chunk=2)
    client.send(frames[:-3])
    alarm(world)
    client.send(frames[-3:])
    assert blocked(client) == "low on memory"
    assert world.open().count("q") == 1


def test_a_blocked_client_still_gets_its_deliveries(world: World) -> None:
    client, other = opened(world), world.open()
    client.fill("q", b"from elsewhere")
    assert other.get("q").body == b"from elsewhere"
    client.consume("q", no_ack=True)
    alarm(world)
    client.fill("nobody", b"a")
    assert blocked(client) == "low on memory"
    assert other.call(commands.Basic.Reject(1, requeue=True)) == []
    assert client.bodies(commands.Basic.Deliver) == [b"from elsewhere"]


def test_a_blocked_client_that_vanishes_is_forgotten(world: World) -> None:
    client = opened(world)
    alarm(world)
    client.fill("q", b"a")
    client.vanish()
    alarm(world, short=False)
    assert len(world.node.connections) == 0


def test_confirms_reach_a_blocked_client(world: World) -> None:
    """That of the empty message which blocked it: it is handled, what follows is not."""
    client = opened(world)
    client.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    alarm(world)
    client.fill("q", b"", b"waits")
    replies = client.read()
    assert sorted(each.name for each in replies) == ["Basic.Ack", "Connection.Blocked"]
    assert [each.method.delivery_tag for each in replies if isinstance(each.method, commands.Basic.Ack)] == [1]


def test_what_waits_is_confirmed_after_the_block(world: World) -> None:
    client = opened(world)
    client.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    client.fill("q", b"early")
    client.only(commands.Basic.Ack)
    alarm(world)
    client.fill("q", b"a", b"b")
    assert blocked(client) == "low on memory"
    alarm(world, short=False)
    first, *acks = client.read()
    assert first.name == "Connection.Unblocked"
    assert {each.name for each in acks} == {"Basic.Ack"}
    last = acks[-1].method
    assert isinstance(last, commands.Basic.Ack)
    assert last.delivery_tag == 3
    assert len(acks) == 2 or last.multiple


def test_a_blocked_client_that_is_closed_can_answer(world: World) -> None:
    client = opened(world)
    client.fill("q", b"early")
    alarm(world)
    client.send(publish("q", b"lost"), publish("q", b"lost too"))
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
