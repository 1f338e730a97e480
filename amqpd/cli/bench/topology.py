"""What messages go through: queues, an exchange or none, bindings, and which publisher sends where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.frames import TableValue
from amqpd.cli.bench.scenario import fresh_name, queue, remove

_HASHING = ("x-consistent-hash", "x-modulus-hash")


@dataclass(frozen=True)
class Route:
    """The address of a message: exchange, routing key, and the headers that its exchange looks at."""

    exchange: str
    routing_key: str
    headers: Mapping[str, TableValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Topology:
    """The queues, the routes to each of them, and in how many queues each message arrives."""

    queues: Sequence[str]
    routes: Sequence[Sequence[Route]]
    copies: int

    def routes_of(self, publisher: int, publishers: int) -> list[Route]:
        """Return the routes of one of the publishers: over its share of the queues in turn, key by key."""
        count = len(self.routes)
        share = range(publisher, count, publishers) if publishers < count else [publisher % count]
        return [route for keys in zip(*(self.routes[i] for i in share), strict=True) for route in keys]


def routing_key(queue_number: int, key_number: int) -> str:
    """Return one of a queue's routing keys; all are of one length, so that deliveries can be counted by theirs."""
    return f"q{queue_number:05d}.{key_number:06d}.bench"


def bindings(kind: str, queue_number: int, keys: int) -> list[tuple[str, Mapping[str, TableValue]]]:
    """Return the bindings (key, arguments) that lead to a queue through an exchange of type `kind`."""
    if kind == "topic":
        return [(f"q{queue_number:05d}.*.#", {})]
    if kind == "headers":
        return [("", {"x-match": "all", "bench": f"q{queue_number:05d}"})]
    if kind == "fanout":
        return [("", {})]
    if kind in _HASHING:
        return [("1", {})]  # a weight
    return [(routing_key(queue_number, key), {}) for key in range(keys)]


def routes(kind: str, exchange: str, queue_number: int, keys: int) -> list[Route]:
    """Return the routes to a queue through an exchange of type `kind`, one for each routing key."""
    headers: dict[str, TableValue] = {"bench": f"q{queue_number:05d}"} if kind == "headers" else {}
    return [Route(exchange, routing_key(queue_number, key), headers) for key in range(keys)]


def lay(
    control: Connection,
    stack: ExitStack,
    *,
    queues: int,
    exchange_type: str,
    routing_keys: int,
    queue_type: str,
    durable: bool,
    exchange: str = "",
) -> Topology:
    """Declare everything; `stack` removes it. An empty `exchange_type` is the default exchange.

    `exchange` is one of that type which is there already; without a name one is made.
    """
    arguments: dict[str, TableValue] = {"x-queue-type": queue_type} if queue_type else {}
    names = [fresh_name() for _ in range(queues)]
    for name in names:
        stack.enter_context(queue(control, name, durable=durable, arguments=arguments))
    if not exchange_type:
        return Topology(names, [[Route("", name)] for name in names], 1)
    if not exchange:
        exchange = f"{names[0]}.x"
        control.declare_exchange(exchange, exchange_type, durable=durable)
        stack.callback(remove, control, lambda connection: connection.delete_exchange(exchange))
    for number, name in enumerate(names):
        for key, match in bindings(exchange_type, number, routing_keys):
            control.bind(name, exchange, key, match)
    if exchange_type == "fanout":
        return Topology(names, [routes(exchange_type, exchange, 0, routing_keys)], queues)
    return Topology(names, [routes(exchange_type, exchange, i, routing_keys) for i in range(queues)], 1)
