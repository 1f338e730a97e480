"""What the tests of dead-lettering share: queues that dead-letter, ways to die, and how to read a history."""

from __future__ import annotations

from typing import cast

from amqpd.broker.compat import PROFILES
from amqpd.broker.message import Message, Trail
from amqpd.broker.queue import Queue
from amqpd.fields import Field, Table, array, long, longstr, table
from amqpd.properties import Properties
from tests.unit.broker.world import World, message

BEFORE_3_13 = ["3.10"]
BEFORE_4_0 = ["3.10", "3.13"]
SINCE_3_13 = [each for each in PROFILES if each not in BEFORE_3_13]
SINCE_4_0 = [each for each in PROFILES if each not in BEFORE_4_0]
NOW = 1_700_000_000
"""What a world's clock shows at first."""


def dead_lettering(world: World, name: str = "s", to: str = "dead", **arguments: object) -> Queue:
    """A queue whose dead messages go to the queue `to`, by routing key."""
    more = {key.replace("_", "-"): value for key, value in arguments.items()}
    return world.queue(name, {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": to, **more})


def fanning_out(world: World, name: str = "s", **arguments: object) -> tuple[Queue, Queue]:
    """A queue whose dead messages keep their keys and go to the fanout exchange `dlx`; and the queue bound to that."""
    exchange = world.vhost.exchanges.get("dlx") or world.exchange("dlx", "fanout")
    dead = world.vhost.queues.get("dead") or world.queue("dead")
    world.bind(exchange, dead)
    more = {key.replace("_", "-"): value for key, value in arguments.items()}
    return world.queue(name, {"x-dead-letter-exchange": "dlx", **more}), dead


def taken(queue: Queue) -> Message:
    """The head, which must be there."""
    got = queue.get()
    assert got is not None, f"queue {queue.name} is empty"
    return got


def reject(queue: Queue) -> None:
    queue.reject(taken(queue))


def died(queue: Queue, target: Queue, published: Message) -> Message:
    """Publish a message, reject it, and take its dead letter."""
    queue.publish(published)
    reject(queue)
    return taken(target)


def headers(got: Message) -> Table:
    assert got.properties.headers is not None
    return got.properties.headers


def deaths(got: Message) -> list[Table]:
    field = headers(got).get("x-death")
    assert field is not None
    assert field.tag == "A"
    return [cast("Table", each.value) for each in cast("tuple[Field, ...]", field.value)]


def plain(got: Message) -> list[dict[str, object]]:
    return [each.to_python() for each in deaths(got)]


def order_of(got: Message) -> list[tuple[object, object, object]]:
    """Queue, reason and count of every entry."""
    return [(each["queue"], each["reason"], each["count"]) for each in plain(got)]


def bodies(queue: Queue) -> list[bytes]:
    return [each.body for each in queue.browse(10_000)]


def with_headers(key: str = "s", hidden: tuple[str, ...] = (), **fields: Field) -> Message:
    """A message as it comes from a channel: the keys of BCC are no longer in it."""
    entries = [(name.replace("_", "-"), field) for name, field in fields.items()]
    made = message(key=key, properties=Properties.of(headers=Table.of(entries)))
    if hidden:
        made.trail = Trail(hidden_keys=hidden)
    return made


def keys(*names: str) -> Field:
    return array([longstr(name) for name in names])


def claim(queue: str, reason: str, count: Field | None = None, **others: Field) -> Field:
    """An entry of x-death from a client."""
    count = long(1) if count is None else count
    return table(Table.of({"count": count, "reason": longstr(reason), "queue": longstr(queue), **others}))
