"""x-delayed-message and x-message-deduplication as a client sees them."""

from __future__ import annotations

from typing import Any

import pytest
from pamqp import commands

from tests.protocol.harness import Client, MakeWorld, World, publish

LATER = commands.Basic.Properties(headers={"x-delay": 5000})


def declare(client: Client, type_: str, arguments: dict[str, Any]) -> None:
    """An exchange x that q is bound to."""
    method = commands.Exchange.Declare(exchange="x", exchange_type=type_, arguments=arguments)
    client.ask(method, commands.Exchange.DeclareOk)
    client.declare("q")
    client.ask(commands.Queue.Bind(queue="q", exchange="x", routing_key="k"), commands.Queue.BindOk)


@pytest.fixture
def delaying(world: World) -> Client:
    """A client with a delayed exchange."""
    client = world.open()
    declare(client, "x-delayed-message", {"x-delayed-type": "direct"})
    return client


def test_a_delayed_message_is_confirmed_at_once_and_comes_in_time(world: World, delaying: Client) -> None:
    delaying.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    delaying.send(publish("k", b"later", "x", properties=LATER))
    assert delaying.only(commands.Basic.Ack).delivery_tag == 1
    assert delaying.consume("q", no_ack=True) == []
    world.advance(4.999)
    assert delaying.read() == []
    world.advance(0.001)
    (reply,) = delaying.read()
    assert (reply.name, reply.body) == ("Basic.Deliver", b"later")
    assert reply.properties is not None
    assert reply.properties.headers == {"x-delay": -5000}


def test_a_mandatory_message_that_is_delayed_is_returned_and_comes_all_the_same(
    world: World, delaying: Client
) -> None:
    """It has no route yet: so the plugin answers."""
    delaying.send(publish("k", b"later", "x", mandatory=True, properties=LATER))
    (reply,) = delaying.read()
    assert (reply.name, reply.body) == ("Basic.Return", b"later")
    assert reply.properties is not None
    assert reply.properties.headers == {"x-delay": 5000}
    world.advance(5)
    assert delaying.count("q") == 1


def test_a_transaction_decides_nothing_about_delayed_messages(world: World, delaying: Client) -> None:
    """The exchange is asked at publish, as RabbitMQ's is."""
    delaying.ask(commands.Tx.Select(), commands.Tx.SelectOk)
    delaying.send(publish("k", b"later", "x", properties=LATER), publish("k", b"now", "x"))
    delaying.ask(commands.Tx.Rollback(), commands.Tx.RollbackOk)
    world.advance(5)
    assert delaying.get("q", no_ack=True).body == b"later"
    assert delaying.count("q") == 0


def test_hidden_keys_are_routed_later_and_stay_hidden(world: World, delaying: Client) -> None:
    delaying.declare("copy")
    delaying.ask(commands.Queue.Bind(queue="copy", exchange="x", routing_key="c"), commands.Queue.BindOk)
    properties = commands.Basic.Properties(headers={"x-delay": 5000, "BCC": ["c"]})
    delaying.send(publish("k", b"later", "x", properties=properties))
    world.advance(5)
    for queue in ("q", "copy"):
        got = delaying.get(queue, no_ack=True)
        assert got.properties is not None
        assert got.properties.headers == {"x-delay": -5000}


def test_a_delayed_message_outlives_its_publisher(world: World, delaying: Client) -> None:
    delaying.send(publish("k", b"later", "x", properties=LATER))
    delaying.vanish()
    world.advance(5)
    assert world.open().get("q").body == b"later"


def test_its_expiration_begins_in_the_queue(world: World, delaying: Client) -> None:
    properties = commands.Basic.Properties(headers={"x-delay": 5000}, expiration="1000")
    delaying.send(publish("k", b"later", "x", properties=properties))
    world.advance(5.5)
    assert delaying.count("q") == 1
    world.advance(0.5)
    assert delaying.count("q") == 0


def test_a_duplicate_is_returned_if_it_is_mandatory(world: World) -> None:
    client = world.open()
    declare(client, "x-message-deduplication", {"x-cache-size": 10})
    properties = commands.Basic.Properties(headers={"x-deduplication-header": "a"})
    for body in (b"1", b"2"):
        client.send(publish("k", body, "x", mandatory=True, properties=properties))
    assert client.bodies(commands.Basic.Return) == [b"2"]
    assert client.count("q") == 1


@pytest.mark.parametrize("type_", ["x-delayed-message", "x-message-deduplication"])
@pytest.mark.parametrize(("profile", "closes_connection"), [("3.10", True), ("4.2", False)])
def test_strict_knows_neither_type(
    make_world: MakeWorld, type_: str, profile: str, closes_connection: bool
) -> None:
    client = make_world(profile=profile, strict=True).open()
    replies = client.call(commands.Exchange.Declare(exchange="x", exchange_type=type_))
    text = f"unknown exchange type '{type_}'"
    if closes_connection:
        assert client.connection_close(replies) == (503, f"COMMAND_INVALID - {text}", 40, 10)
    else:
        assert client.channel_close(replies) == (406, f"PRECONDITION_FAILED - {text}", 40, 10)


def test_a_type_that_does_not_exist_cannot_be_delayed(world: World) -> None:
    client = world.open()
    method = commands.Exchange.Declare(
        exchange="x", exchange_type="x-delayed-message", arguments={"x-delayed-type": "nope"}
    )
    text = "PRECONDITION_FAILED - unknown exchange type 'nope'"
    assert client.channel_close(client.call(method)) == (406, text, 40, 10)


def test_a_duplicate_in_a_queue_is_confirmed_and_dropped(world: World) -> None:
    client = world.open()
    method = commands.Queue.Declare(queue="q", arguments={"x-message-deduplication": True})
    client.ask(method, commands.Queue.DeclareOk)
    client.ask(commands.Confirm.Select(), commands.Confirm.SelectOk)
    properties = commands.Basic.Properties(headers={"x-deduplication-header": "a"})
    for number in (1, 2):
        client.send(publish("q", b"x", mandatory=True, properties=properties))
        assert client.only(commands.Basic.Ack).delivery_tag == number
    assert client.count("q") == 1


def test_the_argument_of_a_queue_is_a_bool(world: World) -> None:
    client = world.open()
    method = commands.Queue.Declare(queue="q", arguments={"x-message-deduplication": "yes"})
    text = (
        "PRECONDITION_FAILED - invalid arg 'x-message-deduplication' for queue 'q' in vhost '/': "
        "{unacceptable_type,longstr}"
    )
    assert client.channel_close(client.call(method)) == (406, text, 50, 10)
