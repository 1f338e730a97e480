"""How long a turn may be: units of work instead of time, which no test asserts."""

from __future__ import annotations

from pamqp import commands, frame
from pamqp.common import FieldTable

from amqpd.protocol.channel import METHOD_COST
from amqpd.protocol.node import ABREAST, CROWD
from tests.protocol.harness import Client, World, publish

BUDGET = 512


def declare(queue: str) -> bytes:
    return frame.marshal(commands.Queue.Declare(queue=queue), 1)


def handled(client: Client, data: bytes) -> int:
    """Methods that one turn has answered, of many that came at once."""
    client.connection.receive_data(data)
    client.connection.process(BUDGET)
    client.world.node.end_turn()
    return len(client.read())


def test_a_turn_has_fewer_methods_than_publishes() -> None:
    world = World()
    client = world.open()
    client.declare("q")
    assert handled(client, declare("q") * BUDGET) == BUDGET // METHOD_COST + 1
    world.settle()
    other = world.open()
    other.connection.receive_data(publish("q") * BUDGET)
    other.connection.process(BUDGET)
    assert world.open().count("q") >= BUDGET // 2


def test_a_large_method_takes_more_of_a_turn() -> None:
    world = World()
    client = world.open()
    arguments: FieldTable = {f"{number:05}": "x" * 200 for number in range(200)}
    large = frame.marshal(commands.Queue.Declare(queue="q", arguments=arguments), 1)
    assert handled(client, large * 20) <= BUDGET // (METHOD_COST + (len(large) >> 8)) + 1


def test_turns_of_methods_are_shorter_where_many_have_more_to_say() -> None:
    world = World()
    crowd = [world.open() for _ in range(ABREAST * CROWD)]
    for client in crowd:
        client.connection.receive_data(declare("q") * BUDGET)
        client.connection.process(BUDGET)
    assert world.node.crowding == CROWD
    late = world.open()
    assert handled(late, declare("q") * BUDGET) == BUDGET // (METHOD_COST * CROWD) + 1
    for client in (*crowd, late):
        client.vanish()
    assert (world.node.behind, world.node.crowding) == (0, 1)


def test_a_crowd_that_was_heard_out_is_none() -> None:
    world = World()
    crowd = [world.open() for _ in range(ABREAST)]
    for client in crowd:
        client.send(declare("q") * BUDGET)
        client.read()
    assert (world.node.behind, world.node.crowding) == (0, 1)
