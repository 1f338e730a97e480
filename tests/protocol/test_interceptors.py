"""Message interceptors: what is added to messages that come in and go out, and what is left alone."""

from __future__ import annotations

import pytest
from pamqp import commands

from amqpd import fields
from amqpd.fields import Field, Table
from amqpd.properties import Properties
from amqpd.protocol.interceptors import Interceptors, Mode
from amqpd.protocol.node import Settings

from .harness import Client, MakeWorld, World, publish

GIVEN = Properties.of(
    headers=Table.of(
        {"timestamp_in_ms": fields.longstr("mine"), "a": fields.signedint(1), "x-routed-by": fields.void()}
    ),
    timestamp=5,
    priority=3,
)


def world_with(make_world: MakeWorld, **interceptors: object) -> World:
    return make_world(settings=Settings(interceptors=Interceptors(**interceptors)))  # type: ignore[arg-type]


def stored(world: World, given: Properties) -> tuple[list[tuple[str, Field]], Properties]:
    """What becomes of a message with these properties: headers in order, and all."""
    client = world.open()
    client.declare("q")
    client.send(publish("q", b"x", properties=given.raw))
    (message,) = world.broker.vhosts["/"].queues["q"].browse(10)
    headers = message.properties.headers
    return ([] if headers is None else list(headers.items())), message.properties


def milliseconds(world: World) -> int:
    return int(world.clock.wall() * 1000)


@pytest.mark.parametrize("mode", ["keep", "overwrite"])
@pytest.mark.parametrize("profile", ["3.10", "4.2"])
def test_a_message_gets_time_and_node(make_world: MakeWorld, mode: Mode, profile: str) -> None:
    """A header in milliseconds, a property in seconds, a header with the broker's name; all else stays."""
    settings = Settings(interceptors=Interceptors(timestamp=mode, routed_by=mode))
    world = make_world(profile=profile, settings=settings)
    headers, properties = stored(world, Properties.of(delivery_mode=2))
    now = milliseconds(world)
    assert headers == [("timestamp_in_ms", fields.long(now)), ("x-routed-by", fields.longstr(world.broker.name))]
    assert (properties.timestamp, properties.delivery_mode) == (now // 1000, 2)


def test_what_a_publisher_has_set_is_kept(make_world: MakeWorld) -> None:
    """Headers and property, each for itself."""
    assert stored(world_with(make_world, timestamp="keep", routed_by="keep"), GIVEN)[1] == GIVEN
    world = world_with(make_world, timestamp="keep")
    headers, properties = stored(world, Properties.of(timestamp=5))
    assert headers == [("timestamp_in_ms", fields.long(milliseconds(world)))]
    assert properties.timestamp == 5


def test_what_a_publisher_has_set_is_overwritten(make_world: MakeWorld) -> None:
    """In its place."""
    world = world_with(make_world, timestamp="overwrite", routed_by="overwrite")
    headers, properties = stored(world, GIVEN)
    now = milliseconds(world)
    assert headers == [
        ("timestamp_in_ms", fields.long(now)),
        ("a", fields.signedint(1)),
        ("x-routed-by", fields.longstr(world.broker.name)),
    ]
    assert (properties.timestamp, properties.priority) == (now // 1000, 3)


def test_one_can_be_on_without_the_other(make_world: MakeWorld) -> None:
    """The node alone adds no time."""
    headers, properties = stored(world_with(make_world, routed_by="keep"), Properties.of())
    assert ([name for name, _ in headers], properties.timestamp) == (["x-routed-by"], None)


def test_a_headers_exchange_sees_what_was_added(make_world: MakeWorld) -> None:
    """Messages are intercepted before they are routed."""
    world = world_with(make_world, routed_by="overwrite")
    client = world.open()
    client.declare("q")
    arguments: dict[str, object] = {"x-routed-by": world.broker.name, "x-match": "any-with-x"}
    bind = commands.Queue.Bind(queue="q", exchange="amq.headers", arguments=arguments)  # type: ignore[arg-type]
    client.ask(bind, commands.Queue.BindOk)
    client.send(publish("", b"x", "amq.headers"))
    assert client.count("q") == 1


@pytest.fixture
def stamping(make_world: MakeWorld) -> tuple[World, Client]:
    """A world that stamps what goes out, and a client with the queue q."""
    world = world_with(make_world, sent_time=True)
    client = world.open()
    client.declare("q")
    return world, client


def sent_times(client: Client) -> list[object]:
    """The stamps of what arrived."""
    given = [each.properties.headers if each.properties is not None else None for each in client.read()]
    return [(headers or {}).get("x-opt-rabbitmq-sent-time") for headers in given]


def test_a_delivery_says_when_it_was_sent(stamping: tuple[World, Client]) -> None:
    """At its time, not at that of its publish; what waits in the queue has no stamp."""
    world, client = stamping
    client.fill("q", b"x")
    (waiting,) = world.broker.vhosts["/"].queues["q"].browse(10)
    assert waiting.properties.headers is None
    published = milliseconds(world)
    world.advance(10)
    (delivery,) = client.consume("q")
    assert delivery.properties is not None
    assert delivery.properties.headers == {"x-opt-rabbitmq-sent-time": published + 10_000}
    assert waiting.properties.headers is None


def test_a_get_and_a_reply_say_it_too(stamping: tuple[World, Client]) -> None:
    """Whatever way a message takes to its client."""
    world, client = stamping
    client.consume("amq.rabbitmq.reply-to", "replies", no_ack=True)
    client.send(publish("q", b"x", properties=commands.Basic.Properties(reply_to="amq.rabbitmq.reply-to")))
    request = client.get("q", no_ack=True)
    assert request.properties is not None
    assert request.properties.headers == {"x-opt-rabbitmq-sent-time": milliseconds(world)}
    client.send(publish(request.properties.reply_to or "", b"reply"))
    assert sent_times(client) == [milliseconds(world)]


def test_nothing_is_added_unless_it_is_asked_for(make_world: MakeWorld) -> None:
    """The properties are those that were published, octet by octet."""
    world = make_world()
    assert stored(world, GIVEN)[1].raw == GIVEN.raw
    client = world.clients[0]
    assert client.get("q").properties is not None
