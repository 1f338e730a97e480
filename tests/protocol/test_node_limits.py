"""How many of a kind a whole broker takes."""

from __future__ import annotations

import attrs
import pytest
from pamqp import commands

from amqpd.broker.node_limits import NodeLimits
from amqpd.broker.operations.invalid import Invalid
from amqpd.broker.operations.vhosts import put_vhost
from amqpd.protocol.node import Settings
from tests.protocol.harness import MakeWorld, World, raw_method, shortstr


def test_channels_of_all_connections_count(make_world: MakeWorld) -> None:
    world = make_world(settings=Settings(max_channels=3))
    first, second = world.open(channels=(1, 2)), world.open(channels=(1,))
    second.send(raw_method(2, 20, 10, shortstr("")))
    text = "number of channels opened on node 'amqpd@localhost' has reached the maximum allowed limit of 3"
    assert second.connection_close()[:2] == (530, f"NOT_ALLOWED - {text}")
    first.open_channel(3)


def test_queues_of_all_vhosts_count(world: World) -> None:
    world.broker.limits = NodeLimits(max_queues=2)
    world.broker.add_vhost("other")
    world.broker.access.grant("guest", "other")
    world.open(vhost="other").declare("a")
    client = world.open()
    client.declare("b")
    client.declare("b")
    close = client.channel_close(client.call(commands.Queue.Declare(queue="c")))
    text = "PRECONDITION_FAILED - cannot declare queue 'c': queue limit in cluster (2) is reached"
    assert close[:2] == (406, text)


def test_exchanges_count_beside_the_predeclared_ones(world: World) -> None:
    world.broker.limits = NodeLimits(max_exchanges=1)
    client = world.open()
    declare = commands.Exchange.Declare(exchange="x", exchange_type="fanout")
    client.ask(declare, commands.Exchange.DeclareOk)
    client.ask(declare, commands.Exchange.DeclareOk)
    close = client.channel_close(client.call(commands.Exchange.Declare(exchange="y", exchange_type="fanout")))
    text = "PRECONDITION_FAILED - cannot declare exchange 'y': exchange limit in cluster (1) is reached"
    assert close[:2] == (406, text)


def test_vhosts_count(world: World) -> None:
    world.broker.limits = NodeLimits(max_vhosts=2)
    put_vhost(world.broker, "second")
    put_vhost(world.broker, "second", description="the same")
    with pytest.raises(Invalid, match="cannot create vhost 'third': vhost limit of 2 is reached"):
        put_vhost(world.broker, "third")


def test_nothing_is_limited_by_default() -> None:
    assert set(attrs.asdict(NodeLimits()).values()) == {None, ()}
