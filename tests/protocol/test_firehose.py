"""The firehose: what it copies, when, and that nothing is left of it when it is off."""

from __future__ import annotations

import pytest
from pamqp import commands, common

from amqpd.broker.operations.tracing import set_tracing
from amqpd.fields import Table
from amqpd.properties import Properties

from .harness import Client, MakeWorld, World, longstr, publish, raw_method, shortstr

TRACE = "amq.rabbitmq.trace"


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world(profile="4.2")


@pytest.fixture
def client(world: World) -> Client:
    """A client with the queue `copies` bound to the firehose, which is on; it was there before."""
    client = world.open()
    client.declare("copies")
    client.ask(commands.Queue.Bind(queue="copies", exchange=TRACE, routing_key="#"), commands.Queue.BindOk)
    switch(world, True)
    return client


def switch(world: World, on: bool) -> None:
    """Switch the firehose of `/`."""
    set_tracing(world.broker, world.broker.vhosts["/"], on=on)


def copies(world: World) -> list[tuple[str, bytes]]:
    """Routing keys and bodies of the copies that wait."""
    return [(each.routing_key, each.body) for each in world.broker.vhosts["/"].queues["copies"].browse(100)]


def headers(world: World, at: int = 0) -> dict[str, object]:
    """The headers of one of them, without wire types."""
    table = world.broker.vhosts["/"].queues["copies"].browse(100)[at].properties.headers
    assert table is not None
    return table.to_python()


def test_a_publish_and_its_delivery_are_copied(world: World, client: Client) -> None:
    """In this order, to consumers that were there before and to new ones, with and without acknowledgements."""
    switch(world, False)
    client.declare("q")
    client.consume("q", "old", no_ack=True)
    switch(world, True)
    client.fill("q", b"a")
    client.call(commands.Basic.Cancel("old"))
    client.consume("q", "new")
    client.fill("q", b"b")
    assert copies(world) == [("publish.", b"a"), ("deliver.q", b"a"), ("publish.", b"b"), ("deliver.q", b"b")]
    assert client.bodies(commands.Basic.Deliver) == [b"b"]


def test_a_get_is_copied(world: World, client: Client) -> None:
    """An empty queue gives nothing to copy; what was handed out before says so."""
    client.declare("q")
    client.call(commands.Basic.Get(queue="q"))
    client.fill("q", b"x")
    client.get("q")
    client.call(commands.Basic.Nack(1))
    client.get("q", no_ack=True)
    assert [key for key, _ in copies(world)] == ["publish.", "deliver.q", "deliver.q"]
    assert [headers(world, at)["redelivered"] for at in (1, 2)] == [0, 1]


def test_the_copy_of_a_publish_comes_before_its_message(world: World, client: Client) -> None:
    """On one channel that gets both, the copy of the delivery comes last."""
    client.declare("q")
    client.consume("q", "c", no_ack=True)
    client.consume("copies", "t", no_ack=True)
    client.fill("q", b"x")
    replies = client.read()
    assert [(each.method.delivery_tag, each.method.routing_key) for each in replies] == [  # type: ignore[attr-defined]
        (1, "publish."),
        (2, "q"),
        (3, "deliver.q"),
    ]


@pytest.mark.parametrize("mandatory", [True, False])
def test_what_reaches_no_queue_is_copied(world: World, client: Client, mandatory: bool) -> None:
    """The default exchange is said to lead to the queue of the key; another one to none."""
    client.send(publish("nowhere", b"x", mandatory=mandatory), publish("nowhere", b"x", "amq.direct"))
    assert [headers(world, at)["routed_queues"] for at in (0, 1)] == [["nowhere"], []]
    assert len(client.read()) == int(mandatory)


def test_a_transaction_is_copied_as_it_is_published(world: World, client: Client) -> None:
    """Whatever becomes of it."""
    client.call(commands.Tx.Select())
    client.fill("copies", b"x")
    assert copies(world) == [("publish.", b"x")]
    client.call(commands.Tx.Rollback())
    assert copies(world) == [("publish.", b"x")]


def test_keys_of_all_kinds_are_told(world: World, client: Client) -> None:
    """CC and BCC as they came, also with the delivery; the headers no longer have the BCC."""
    client.declare("q")
    client.declare("r")
    client.consume("q", "c", no_ack=True)
    array = b"A" + (7).to_bytes(4, "big") + b"S\0\0\0\2"
    table = shortstr("CC") + array + b"c1" + shortstr("BCC") + array + b"b1"
    properties = b"\x20\x00" + len(table).to_bytes(4, "big") + table
    client.send(publish("q", b"x", properties=properties))
    assert [headers(world, at)["routing_keys"] for at in (0, 1)] == [["q", "c1", "b1"]] * 2
    assert headers(world)["routed_queues"] == ["b1", "c1", "q"]
    told = headers(world)["properties"]
    assert told == {"headers": {"CC": ["c1"]}}


def test_dead_letters_are_copied_when_they_are_delivered(world: World, client: Client) -> None:
    """The broker's own publishing is nobody's."""
    client.declare("q")
    client.consume("q", "c", no_ack=True)
    arguments: common.FieldTable = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q", "x-message-ttl": 0}
    client.call(commands.Queue.Declare(queue="dying", arguments=arguments))
    client.fill("dying", b"x")
    world.advance(1)
    assert copies(world) == [("publish.", b"x"), ("deliver.q", b"x")]
    client.read()


def test_replies_are_copied_as_they_are_published(world: World, client: Client) -> None:
    """A direct reply goes through no queue, so there is no delivery to copy."""
    client.consume("amq.rabbitmq.reply-to", "replies", no_ack=True)
    client.declare("q")
    client.send(publish("q", b"request", properties=commands.Basic.Properties(reply_to="amq.rabbitmq.reply-to")))
    request = client.get("q")
    assert request.properties is not None
    client.send(publish(request.properties.reply_to or "", b"reply"))
    assert copies(world) == [("publish.", b"request"), ("deliver.q", b"request"), ("publish.", b"reply")]
    assert headers(world, 2)["routed_queues"] == []


def test_copies_are_not_copied(world: World, client: Client) -> None:
    """However they are taken, and whatever else they went through."""
    client.ask(commands.Exchange.Declare(exchange="far", exchange_type="fanout"), commands.Exchange.DeclareOk)
    client.ask(
        commands.Exchange.Bind(destination="far", source=TRACE, routing_key="#"), commands.Exchange.BindOk
    )
    client.declare("far")
    client.ask(commands.Queue.Bind(queue="far", exchange="far"), commands.Queue.BindOk)
    client.consume("far", "c", no_ack=True)
    client.send(publish("nowhere", b"x"))
    assert client.bodies(commands.Basic.Deliver) == [b"x"]
    client.get("copies", no_ack=True)
    assert copies(world) == []


def test_dead_lettered_copies_that_are_copied_come_to_an_end(world: World, client: Client) -> None:
    """Each has the one before in its headers, which may nest only so deeply."""
    arguments: common.FieldTable = {
        "x-max-length": 0,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "again",
    }
    client.call(commands.Queue.Declare(queue="dying", arguments=arguments))
    client.ask(commands.Queue.Bind(queue="dying", exchange=TRACE, routing_key="#"), commands.Queue.BindOk)
    client.declare("again")
    client.consume("again", "c", no_ack=True)
    client.send(publish("nowhere", b"x"))
    assert 10 < len(client.read()) < 64
    assert client.count("again") == 0


def test_only_the_vhost_that_it_is_on_for_is_copied(world: World, client: Client) -> None:
    """Each has its switch."""
    world.broker.add_vhost("other")
    world.broker.access.grant("guest", "other")
    elsewhere = world.open(vhost="other")
    elsewhere.send(publish("nowhere", b"x"))
    assert copies(world) == []


def test_off_is_off(world: World, client: Client) -> None:
    """Remembered routes, consumers and gets are as before."""
    client.declare("q")
    client.consume("q", "c", no_ack=True)
    client.fill("q", b"traced")
    switch(world, False)
    client.fill("q", b"a", b"b")
    assert [body for _, body in copies(world)] == [b"traced", b"traced"]
    assert client.bodies(commands.Basic.Deliver) == [b"traced", b"a", b"b"]


def test_the_name_of_an_exchange_may_be_as_long_as_any(world: World, client: Client) -> None:
    """Its copies have a key that fits."""
    name = "e" * 255
    client.send(raw_method(1, 40, 10, b"\0\0" + shortstr(name) + shortstr("direct") + b"\0" + longstr(b"")))
    client.only(commands.Exchange.DeclareOk)
    client.send(publish("k", b"x", name))
    assert copies(world) == [(f"publish.{name}"[:255], b"x")]
    delivered = client.consume("copies", "c", no_ack=True)
    assert [each.body for each in delivered] == [b"x"]


def test_properties_are_told_from_the_last_to_the_first(world: World, client: Client) -> None:
    """Whole numbers are signed and 32 bits wide."""
    given = Properties.of(
        content_type="ct",
        content_encoding="ce",
        headers=Table(),
        delivery_mode=2,
        priority=255,
        correlation_id="ci",
        reply_to="rt",
        expiration="60000",
        message_id="mi",
        timestamp=2**63 + 2**31,
        type="ty",
        user_id="guest",
        app_id="ai",
        cluster_id="cl",
    )
    client.send(publish("nowhere", b"x", properties=given.raw))
    assert headers(world)["properties"] == {
        "cluster_id": "cl",
        "app_id": "ai",
        "user_id": "guest",
        "type": "ty",
        "timestamp": -(2**31),
        "message_id": "mi",
        "expiration": "60000",
        "reply_to": "rt",
        "correlation_id": "ci",
        "priority": 255,
        "delivery_mode": 2,
        "headers": {},
        "content_encoding": "ce",
        "content_type": "ct",
    }
