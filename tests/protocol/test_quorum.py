"""Quorum queues behind a channel: windows, errors, and settlements of more than one slice."""

from __future__ import annotations

import pytest
from pamqp import commands, frame

from amqpd.broker.queue import SLICE
from tests.protocol.harness import Client, MakeWorld, World, raw_method

MANY = 3 * SLICE


def declared(world: World, count: int, **arguments: int | str) -> Client:
    """A client with a quorum queue `q` of so many messages, numbered."""
    client = world.open(channels=(1, 2))
    method = commands.Queue.Declare(queue="q", durable=True, arguments={"x-queue-type": "quorum", **arguments})
    client.ask(method, commands.Queue.DeclareOk)
    client.fill("q", *bodies(count))
    return client


def bodies(count: int) -> list[bytes]:
    return [b"%d" % each for each in range(count)]


def drained(client: Client, channel: int = 1) -> list[bytes]:
    """Everything that is ready."""
    found = []
    while (reply := client.call(commands.Basic.Get(queue="q", no_ack=True), channel)[0]).name == "Basic.GetOk":
        found.append(reply.body)
    return found


def held(client: Client, count: int) -> None:
    """Let channel 2 hold so many messages."""
    for _ in range(count):
        client.get("q", 2)


RETURNS = {
    "nack": frame.marshal(commands.Basic.Nack(MANY, True, True), 2),
    "nack of all": frame.marshal(commands.Basic.Nack(0, True, True), 2),
    "recover": raw_method(2, 60, 100, b"\x01"),
}


@pytest.mark.parametrize("how", RETURNS)
def test_without_a_limit_what_a_client_returns_goes_to_the_tail_however_much_it_is(
    make_world: MakeWorld, how: str
) -> None:
    world = make_world(profile="3.10")
    client = declared(world, MANY + 2)
    held(client, MANY)
    client.send(RETURNS[how])
    world.settle()
    kept = bodies(MANY + 2)
    assert drained(client) == kept[MANY:] + kept[:MANY]


def test_what_a_closed_channel_held_comes_first_however_much_it_is(make_world: MakeWorld) -> None:
    world = make_world(profile="3.10")
    client = declared(world, MANY + 2)
    held(client, MANY)
    client.call(commands.Channel.Close(200, "", 0, 0), 2)
    world.settle()
    assert drained(client) == bodies(MANY + 2)


def test_a_failed_channel_keeps_what_it_holds_until_close_ok(world: World) -> None:
    client = declared(world, 3)
    client.ask(commands.Basic.Qos(prefetch_count=1), commands.Basic.QosOk, 2)
    client.consume("q", channel=2)
    client.get("q", 2)
    client.channel_close(client.call(commands.Basic.Ack(99), 2), 2)
    counts = client.ask(commands.Queue.Declare(queue="q", passive=True), commands.Queue.DeclareOk)
    assert (counts.message_count, counts.consumer_count) == (1, 2)
    client.send(frame.marshal(commands.Channel.CloseOk(), 2))
    counts = client.ask(commands.Queue.Declare(queue="q", passive=True), commands.Queue.DeclareOk)
    assert (counts.message_count, counts.consumer_count) == (3, 0)


@pytest.mark.parametrize("profile", ["3.10", "4.2"])
def test_a_window_of_the_channel_holds_back_only_others(make_world: MakeWorld, profile: str) -> None:
    client = declared(make_world(profile=profile), 0)
    client.declare("classic")
    client.consume("q", "quorum")
    client.ask(commands.Basic.Qos(prefetch_count=1, global_=True), commands.Basic.QosOk)
    client.consume("classic", "classic")
    client.fill("q", b"1", b"2")
    client.fill("classic", b"3", b"4")
    client.fill("q", b"5")
    assert [each.body for each in client.read()] == [b"1", b"2", b"3", b"5"]
    text = "NOT_IMPLEMENTED - queue 'q' in vhost '/' does not support global qos"
    replies = client.call(commands.Basic.Consume(queue="q", consumer_tag="late"))
    assert client.connection_close(replies) == (540, text, 60, 20)


def test_4_3_knows_no_window_of_a_channel(make_world: MakeWorld) -> None:
    client = declared(make_world(profile="4.3"), 2)
    client.ask(commands.Basic.Qos(prefetch_count=1, global_=True), commands.Basic.QosOk)
    assert [each.body for each in client.consume("q")] == [b"0"]


def test_an_exclusive_consumer_is_not_alone(world: World) -> None:
    client = declared(world, 0)
    for tag in ("a", "b"):
        client.ask(
            commands.Basic.Consume(queue="q", consumer_tag=tag, exclusive=True), commands.Basic.ConsumeOk
        )


def test_a_commit_does_not_fail_for_a_full_queue(world: World) -> None:
    full: dict[str, int | str] = {"x-max-length": 0, "x-overflow": "reject-publish"}
    client = declared(world, 2, **full)
    client.ask(commands.Tx.Select(), commands.Tx.SelectOk)
    client.fill("q", b"more")
    client.ask(commands.Tx.Commit(), commands.Tx.CommitOk)
    assert drained(client, 2) == [b"0"]
