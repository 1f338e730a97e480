"""What an operator sees of the deliveries that clients have not settled."""

from __future__ import annotations

from pamqp import commands

from amqpd.broker.operations import operator
from tests.protocol.harness import World


def held(world: World, queue: str = "q") -> list[tuple[bytes, int, int, str | None]]:
    """Body, channel, delivery tag and consumer tag of what is out."""
    vhost = world.broker.vhosts["/"]
    found = [each.delivery for each in operator.held(vhost, queue, count=100)]
    return [(each.message.body, each.channel, each.delivery_tag, each.consumer_tag) for each in found]


def test_deliveries_are_listed_with_their_channel_and_consumer_until_they_are_settled(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.declare("other")
    client.fill("q", b"a", b"b", b"c", b"d")
    client.fill("other", b"x")
    client.open_channel(2)
    client.get("q")
    client.get("other")
    client.call(commands.Basic.Qos(prefetch_count=2), channel=2)
    client.consume("q", "mine", channel=2)
    assert held(world) == [(b"a", 1, 1, None), (b"b", 2, 1, "mine"), (b"c", 2, 2, "mine")]
    assert held(world, "other") == [(b"x", 1, 2, None)]
    client.call(commands.Basic.Ack(1), channel=2)
    assert held(world)[1:] == [(b"c", 2, 2, "mine"), (b"d", 2, 3, "mine")]
    client.call(commands.Basic.Cancel("mine"), channel=2)
    assert len(held(world)) == 3
    client.vanish()
    assert held(world) == []


def test_what_an_open_transaction_has_settled_is_still_held(world: World) -> None:
    client = world.open()
    client.declare("q")
    client.fill("q", b"a", b"b")
    client.call(commands.Tx.Select())
    client.get("q")
    client.get("q")
    client.call(commands.Basic.Ack(1))
    assert held(world) == [(b"b", 1, 2, None), (b"a", 1, 1, None)]
    client.call(commands.Tx.Commit())
    assert held(world) == [(b"b", 1, 2, None)]
