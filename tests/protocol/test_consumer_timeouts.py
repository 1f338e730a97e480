"""Consumers and queues with a time of their own for acknowledgements: who has one, and what happens after it."""

from __future__ import annotations

from typing import Any

import pytest
from pamqp import commands, frame

from amqpd.broker.compat import PROFILES
from amqpd.broker.operations import policies
from amqpd.broker.queue import SLICE
from amqpd.protocol.node import Settings
from tests.protocol.harness import Client, MakeWorld, World
from tests.protocol.test_ack_timeout import overdue

ALL = tuple(PROFILES)
TICK = 3.0
NAME = "x-consumer-timeout"


def made(
    make_world: MakeWorld, profile: str = "4.2", *, strict: bool = False, configured: float | None = None
) -> World:
    settings = Settings(ack_timeout=configured, ack_timeout_tick=TICK)
    return make_world(profile=profile, strict=strict, settings=settings)


def declared(world: World, queue: Any = None, *, type_: str = "classic", bodies: int = 1, **options: Any) -> Client:
    """A client with a queue `q` of so many messages; `queue` is the queue's argument."""
    client = world.open(**options)
    arguments: Any = {"x-queue-type": type_, **({} if queue is None else {NAME: queue})}
    client.ask(commands.Queue.Declare(queue="q", durable=True, arguments=arguments), commands.Queue.DeclareOk)
    client.fill("q", *(b"%d" % each for each in range(bodies)))
    return client


def consuming(client: Client, timeout: int | None = None, tag: str = "c") -> int:
    """Consume from `q`; return how many messages came."""
    arguments: Any = {} if timeout is None else {NAME: timeout}
    replies = client.call(commands.Basic.Consume(queue="q", consumer_tag=tag, arguments=arguments))
    assert replies[0].name == "Basic.ConsumeOk", replies
    return len(replies) - 1


def names(client: Client) -> list[str]:
    return [each.name for each in client.read()]


@pytest.mark.parametrize("profile", ALL[:-1])
@pytest.mark.parametrize(("queue", "consumer", "seconds"), [(9000, None, 9), (None, 9000, 9), (60000, 6000, 6)])
def test_until_4_2_a_delivery_that_is_overdue_closes_its_channel(
    make_world: MakeWorld, profile: str, queue: int | None, consumer: int | None, seconds: int
) -> None:
    """The consumer's own time goes before its queue's."""
    world = made(make_world, profile)
    client = declared(world, queue)
    consuming(client, consumer)
    world.advance(seconds - 0.1)
    assert not client.read()
    world.advance(2 * TICK)
    assert client.channel_close() == overdue(milliseconds=1000 * seconds)


@pytest.mark.parametrize("type_", ["classic", "quorum"])
def test_since_4_3_its_queue_takes_it_back_and_its_consumer_is_cancelled(make_world: MakeWorld, type_: str) -> None:
    """Another consumer gets it; a quorum queue counts the first one until that settles its tag, in vain."""
    world = made(make_world, "4.3")
    client = declared(world, 9000, type_=type_)
    assert consuming(client) == 1
    assert consuming(client, 0, tag="other") == 0
    world.advance(9 + TICK)
    cancel, again = client.read()
    assert isinstance(cancel.method, commands.Basic.Cancel)
    assert cancel.method.consumer_tag == "c"
    assert isinstance(again.method, commands.Basic.Deliver)
    assert (again.method.consumer_tag, again.method.redelivered) == ("other", True)
    counts = client.ask(commands.Queue.Declare(queue="q", passive=True), commands.Queue.DeclareOk)
    assert counts.consumer_count == (2 if type_ == "quorum" else 1)
    client.send(frame.marshal(commands.Basic.Reject(1, True), 1))
    assert not client.read()
    counts = client.ask(commands.Queue.Declare(queue="q", passive=True), commands.Queue.DeclareOk)
    assert (counts.message_count, counts.consumer_count) == (0, 1)
    world.advance(100)
    assert not client.read()


def test_only_what_is_overdue_comes_back(make_world: MakeWorld) -> None:
    world = made(make_world, "4.3")
    client = declared(world, 9000, type_="quorum")
    consuming(client)
    world.advance(8)
    client.fill("q", b"young")
    assert names(client) == ["Basic.Deliver"]
    world.advance(1 + TICK)
    assert names(client) == ["Basic.Cancel"]
    assert client.count("q") == 1
    client.send(frame.marshal(commands.Basic.Ack(2), 1))
    assert client.get("q", no_ack=True).body == b"0"


def test_timing_out_is_no_failure(make_world: MakeWorld) -> None:
    world = made(make_world, "4.3")
    client = declared(world, 9000, type_="quorum")
    consuming(client)
    world.advance(9 + TICK)
    client.read()
    reply = client.get("q", no_ack=True)
    assert reply.properties is not None
    assert dict(reply.properties.headers or {}) == {"x-acquired-count": 1}


def test_a_client_that_cannot_be_told_loses_its_channel(make_world: MakeWorld) -> None:
    world = made(make_world, "4.3")
    client = declared(world, 9000, type_="quorum", capabilities=())
    consuming(client)
    world.advance(9 + TICK)
    assert client.channel_close() == overdue(milliseconds=-1)


@pytest.mark.parametrize("how", ["nack", "close", "vanish"])
def test_very_many_come_back_once(make_world: MakeWorld, how: str) -> None:
    """However the channel ends, or gives back, what it holds since."""
    world = made(make_world, "4.3")
    client = declared(world, 9000, bodies=2 * SLICE + 5)
    consuming(client)
    world.advance(8)
    client.fill("q", *([b"young"] * (SLICE + 5)))
    client.read()
    world.advance(1 + 2 * TICK)
    client.read()
    other = world.open()
    assert other.count("q") == 2 * SLICE + 5
    if how == "nack":
        client.send(frame.marshal(commands.Basic.Nack(0, True, True), 1))
    elif how == "close":
        client.call(commands.Channel.Close(200, "", 0, 0))
    else:
        client.vanish()
    world.settle()
    assert other.count("q") == 3 * SLICE + 10
    assert [other.get("q", no_ack=True) for _ in range(3 * SLICE + 10)]
    assert other.count("q") == 0


@pytest.mark.parametrize("strict", [True, False])
def test_the_configured_time_is_for_quorum_queues_alone_since_4_3(make_world: MakeWorld, strict: bool) -> None:
    world = made(make_world, "4.3", strict=strict, configured=9.0)
    client = declared(world, type_="quorum")
    consuming(client)
    world.advance(9 + TICK)
    assert names(client) == ["Basic.Cancel"]


def test_with_strict_quorum_queues_of_4_3_have_half_an_hour(make_world: MakeWorld) -> None:
    world = made(make_world, "4.3", strict=True)
    client = declared(world, type_="quorum")
    consuming(client)
    world.advance(1800 - 1)
    assert not client.read()
    world.advance(1 + TICK)
    assert names(client) == ["Basic.Cancel"]


@pytest.mark.parametrize("profile", ALL)
def test_nothing_times_out_unless_it_is_asked_for(make_world: MakeWorld, profile: str) -> None:
    world = made(make_world, profile)
    for type_ in ("classic", "quorum"):
        client = declared(world, type_=type_) if type_ == "classic" else world.open()
        assert consuming(client) <= 1
    assert len(world.broker.timers) == 0


def test_a_longer_time_of_its_own_goes_before_the_configured_one(make_world: MakeWorld) -> None:
    world = made(make_world, configured=9.0)
    client = declared(world, 60000)
    consuming(client)
    world.advance(50)
    assert not client.read()
    client.declare("other", durable=True)
    client.fill("other", b"x")
    client.get("other")
    world.advance(8.9)
    assert not client.read()
    world.advance(2 * TICK)
    assert client.channel_close()[0] == 406


def test_zero_is_for_ever(make_world: MakeWorld) -> None:
    world = made(make_world, configured=9.0)
    client = declared(world, 0)
    consuming(client)
    world.advance(1000)
    assert not client.read()


def test_a_policy_counts_for_consumers_that_are_there(make_world: MakeWorld) -> None:
    """Of an argument and a policy the shorter time holds."""
    world = made(make_world, "4.3")
    client = declared(world, 60000)
    consuming(client)
    vhost = world.broker.vhosts["/"]
    policies.set_policy(world.broker, vhost, "p", "^q$", {"consumer-timeout": 9000})
    world.settle()
    world.advance(9 + 2 * TICK)
    assert names(client) == ["Basic.Cancel"]


def test_what_is_acknowledged_in_time_is_not_overdue(make_world: MakeWorld) -> None:
    world = made(make_world)
    client = declared(world, 9000, bodies=0)
    consuming(client)
    for tag in range(1, 20):
        client.fill("q", b"x")
        assert names(client) == ["Basic.Deliver"]
        world.advance(8)
        client.send(frame.marshal(commands.Basic.Ack(tag), 1))
    world.advance(100)
    assert not client.read()


REFUSED = "PRECONDITION_FAILED - invalid arg 'x-consumer-timeout' for queue 'q' in vhost '/' of queue type "


@pytest.mark.parametrize("profile", ALL)
def test_with_strict_classic_queues_ignore_honour_or_refuse_it(make_world: MakeWorld, profile: str) -> None:
    world = made(make_world, profile, strict=True, configured=30.0)
    client = world.open()
    arguments: Any = {NAME: 9000}
    replies = client.call(commands.Queue.Declare(queue="q", durable=True, arguments=arguments))
    if profile == "4.3":
        assert client.channel_close(replies) == (406, REFUSED + "rabbit_classic_queue", 50, 10)
        client.reopen()
        client.declare("q", durable=True)
        replies = client.call(commands.Basic.Consume(queue="q", arguments=arguments))
        assert client.channel_close(replies) == (406, REFUSED + "rabbit_classic_queue", 60, 20)
        return
    client.fill("q", b"x")
    consuming(client, 6000)
    world.advance(9 + TICK)
    assert bool(client.read()) == (profile != "3.10")


@pytest.mark.parametrize(
    ("value", "reason"), [("a", '"expected integer, got longstr"'), (-1, "{value_negative,-1}")]
)
def test_a_wrong_time_of_a_consumer(make_world: MakeWorld, value: Any, reason: str) -> None:
    client = declared(made(make_world))
    replies = client.call(commands.Basic.Consume(queue="q", arguments={NAME: value}))
    text = f"PRECONDITION_FAILED - invalid arg 'x-consumer-timeout' for queue 'q' in vhost '/': {reason}"
    assert client.channel_close(replies) == (406, text, 60, 20)


def test_a_redeclare_does_not_compare_it(make_world: MakeWorld) -> None:
    client = declared(made(make_world), 9000)
    arguments: Any = {"x-queue-type": "classic", NAME: 8000}
    client.ask(commands.Queue.Declare(queue="q", durable=True, arguments=arguments), commands.Queue.DeclareOk)


def test_its_timer_goes_with_the_connection(make_world: MakeWorld) -> None:
    world = made(make_world)
    client = declared(world, 9000)
    consuming(client)
    assert len(world.broker.timers) == 1
    client.vanish()
    assert len(world.broker.timers) == 0
