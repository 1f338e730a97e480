"""Delivery limits and delayed retry behind a channel: which settlements are failures, and what comes back when."""

from __future__ import annotations

from typing import Any

import pytest
from pamqp import commands, frame

from amqpd.broker.queue import SLICE
from tests.protocol.harness import Client, MakeWorld, Reply, World, raw_method

MANY = 2 * SLICE

SETTLEMENTS = {
    "reject": frame.marshal(commands.Basic.Reject(1, True), 2),
    "nack": frame.marshal(commands.Basic.Nack(0, True, True), 2),
    "recover": raw_method(2, 60, 110, b"\x01"),
    "close": frame.marshal(commands.Channel.Close(200, "", 0, 0), 2),
    "failure": frame.marshal(commands.Basic.Ack(MANY + 1), 2) + frame.marshal(commands.Channel.CloseOk(), 2),
}


def declared(world: World, count: int, **arguments: int | str) -> Client:
    """A client with a durable classic queue `q` of so many messages; channel 2 holds them all."""
    client = world.open(channels=(1, 2))
    named: Any = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    client.ask(commands.Queue.Declare(queue="q", durable=True, arguments=named), commands.Queue.DeclareOk)
    client.fill("q", *(b"%d" % each for each in range(count)))
    for _ in range(count):
        client.get("q", 2)
    return client


def settle(client: Client, how: str) -> None:
    """Give back what channel 2 holds."""
    client.send(SETTLEMENTS[how])
    client.world.settle()
    client.read()


def headers(reply: Reply) -> dict[str, object]:
    return {} if reply.properties is None else dict(reply.properties.headers or {})


@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("profile", ["3.10", "4.2", "4.3"])
def test_what_is_a_failed_delivery_of_a_classic_queue(make_world: MakeWorld, profile: str, settlement: str) -> None:
    """In 4.3 a basic.nack and a basic.recover aren't."""
    world = make_world(profile=profile)
    client = declared(world, 1, delivery_limit=0)
    settle(client, settlement)
    assert client.count("q") == (1 if profile == "4.3" and settlement in ("nack", "recover") else 0)


def test_a_consumer_sees_how_often_it_failed(world: World) -> None:
    client = declared(world, 0, delivery_limit=1)
    client.consume("q", channel=2)
    client.fill("q", b"a")
    assert not headers(client.read()[0])
    client.send(SETTLEMENTS["reject"])
    again = client.read()[0]
    assert isinstance(again.method, commands.Basic.Deliver)
    assert (again.method.redelivered, headers(again)["x-delivery-count"]) == (True, 1)
    client.send(frame.marshal(commands.Basic.Reject(2, True), 2))
    assert not client.read()
    assert client.count("q") == 0


@pytest.mark.parametrize("settlement", ["nack", "recover", "close", "failure"])
def test_very_many_that_come_back_wait_each_and_come_in_their_order(world: World, settlement: str) -> None:
    client = declared(world, MANY, delayed_retry_type="all", delayed_retry_min=1000)
    settle(client, settlement)
    assert client.count("q") == 0, "none of them is ready"
    assert client.call(commands.Basic.Get(queue="q"))[0].name == "Basic.GetEmpty"
    client.read()
    world.advance(1)
    assert [client.get("q", no_ack=True).body for _ in range(MANY)] == [b"%d" % each for each in range(MANY)]


def test_a_consumer_gets_it_again_when_the_delay_is_over(world: World) -> None:
    client = declared(world, 0, delayed_retry_type="failed", delayed_retry_min=1000, delayed_retry_max=60000)
    client.consume("q", channel=2)
    client.fill("q", b"a")
    client.read()
    for attempt in (1, 2, 3):
        client.send(frame.marshal(commands.Basic.Reject(attempt, True), 2))
        world.advance(attempt - 0.001)
        assert not client.read()
        world.advance(0.001)
        assert [each.body for each in client.read()] == [b"a"]


def test_strict_refuses_the_argument_as_rabbitmq_does(make_world: MakeWorld) -> None:
    client = make_world(strict=True).open()
    replies = client.call(commands.Queue.Declare(queue="q", arguments={"x-delivery-limit": 1}))
    reason = "invalid arg 'x-delivery-limit' for queue 'q' in vhost '/' of queue type rabbit_classic_queue"
    assert client.channel_close(replies) == (406, f"PRECONDITION_FAILED - {reason}", 50, 10)
