"""What each exchange type costs beside direct: `python -m tests.bench.routing`.

One client publishes through a whole broker in memory (frames in, plan, route, queue, frames out to a consumer without
acknowledgements); only sockets are missing. All cases take turns in one run, and the best of several rounds counts.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from time import process_time

from pamqp import commands

from amqpd import fields
from amqpd.fields import Field, Table
from amqpd.properties import Properties
from tests.protocol.harness import Client, World, publish

MESSAGES = 20_000
ROUNDS = 7
BATCH = 200
"""Messages that arrive in one piece."""
KEYS = 10_000
BINDINGS = 1_000
QUEUES = 10

Batches = list[bytes]


def batches(messages: Iterator[bytes]) -> Batches:
    """What the network hands over, piece by piece."""
    all_of_them = list(messages)
    return [b"".join(all_of_them[at : at + BATCH]) for at in range(0, len(all_of_them), BATCH)]


def prepared(type_: str, arguments: dict[str, str] | None = None) -> tuple[World, Client]:
    """A broker with an exchange x and ten queues that are consumed from."""
    world = World()
    client = world.open(channels=(1, 2))
    method = commands.Exchange.Declare(exchange="x", exchange_type=type_, arguments=dict(arguments or {}))
    client.ask(method, commands.Exchange.DeclareOk)
    for number in range(QUEUES):
        client.declare(f"q{number}")
        client.consume(f"q{number}", f"c{number}", 2, no_ack=True)
    return world, client


def bind(world: World, number: int, key: str, arguments: dict[str, Field] | None = None) -> None:
    """Bind one of the queues."""
    vhost = world.broker.vhosts["/"]
    queue = vhost.queues[f"q{number % QUEUES}"]
    vhost.bind(vhost.exchanges["x"], queue, key, Table.of(arguments or {}))


def keyed(number: int) -> str:
    """One of the distinct routing keys; a topic binding matches each."""
    return f"plant{number % BINDINGS}.line{number // BINDINGS}.temperature"


def direct(keys: int) -> tuple[Client, Batches]:
    world, client = prepared("direct")
    for number in range(keys):
        bind(world, number, keyed(number))
    return client, batches(publish(keyed(number * 7 % keys), b"x" * 16, "x") for number in range(MESSAGES))


def topic() -> tuple[Client, Batches]:
    world, client = prepared("topic")
    for number in range(BINDINGS):
        bind(world, number, (f"plant{number}.*.temperature", f"plant{number}.#")[number % 2])
    return client, batches(publish(keyed(number * 7 % KEYS), b"x" * 16, "x") for number in range(MESSAGES))


def hashed(keys: int, header: bool) -> tuple[Client, Batches]:
    world, client = prepared("x-consistent-hash", {"hash-header": "id"} if header else None)
    for number in range(QUEUES):
        bind(world, number, str(1 + number % 3))

    def one(number: int) -> bytes:
        if not header:
            return publish(f"user{number % keys}", b"x" * 16, "x")
        named = Properties.of(headers=Table.of({"id": fields.longstr(f"user{number % keys}")}))
        return publish("", b"x" * 16, "x", properties=named.raw)

    return client, batches(one(number) for number in range(MESSAGES))


def headers(type_: str = "headers", asked: str = "region") -> tuple[Client, Batches]:
    """100 bindings of two arguments; three headers, one of which differs in every message."""
    world, client = prepared(type_)
    for number in range(100):
        value = fields.longstr(f"region{number}") if asked == "region" else fields.signedint(number * 200)
        bind(world, number, "", {"kind": fields.longstr("order"), asked: value})
        if type_ == "direct":
            break

    def one(number: int) -> bytes:
        table = Table.of({
            "kind": fields.longstr("order"),
            "region": fields.longstr(f"region{number % 100}"),
            "id": fields.signedint(number),
        })
        return publish("", b"x" * 16, "x", properties=Properties.of(headers=table).raw)

    return client, batches(one(number) for number in range(MESSAGES))


def plain(type_: str) -> tuple[Client, Batches]:
    """One binding and one key, whatever the type makes of them."""
    world, client = prepared(type_)
    bind(world, 0, "1")
    return client, batches(publish("1", b"x" * 16, "x") for _ in range(MESSAGES))


CASES: dict[str, Callable[[], tuple[Client, Batches]]] = {
    "direct, 1 key": lambda: direct(1),
    "direct, 10,000 keys": lambda: direct(KEYS),
    "direct, every key new": lambda: direct(MESSAGES),
    "direct, 3 headers": lambda: headers("direct"),
    "topic, 10,000 keys over 1,000 bindings": topic,
    "headers, 100 bindings, 3 headers": headers,
    "headers, the one that differs is asked for": lambda: headers(asked="id"),
    "x-consistent-hash, 10 queues, 1,000 keys": lambda: hashed(1000, False),
    "x-consistent-hash, 10 queues, every key new": lambda: hashed(MESSAGES, False),
    "x-consistent-hash, 10 queues, by header": lambda: hashed(MESSAGES, True),
    "x-random": lambda: plain("x-random"),
    "x-recent-history": lambda: plain("x-recent-history"),
}


def seconds(client: Client, pieces: Batches) -> float:
    """The processor time that one round takes."""
    connection, node = client.connection, client.world.node
    gc.collect()
    started = process_time()
    for piece in pieces:
        connection.receive_data(piece)
        while connection.process(512):
            node.end_turn()
        client.world.settle()
        client.wire.received.clear()
    return process_time() - started


def main() -> None:
    """Measure all cases, or those whose names contain an argument."""
    wanted = sys.argv[1:]
    running = {
        name: make()
        for name, make in CASES.items()
        if name.startswith("direct") or not wanted or any(each in name for each in wanted)
    }
    gc.freeze()  # as the server does with what it starts with
    best = dict.fromkeys(running, float("inf"))
    for _ in range(ROUNDS):
        for name, (client, pieces) in running.items():
            best[name] = min(best[name], seconds(client, pieces))
    direct_rate, many_rate = (MESSAGES / best[name] for name in list(best)[:2])
    print(f"{'':46} {'us':>6} {'of direct':>10} {'of direct, 10,000 keys':>23}")
    for name, spent in best.items():
        rate = MESSAGES / spent
        print(f"{name:46} {spent / MESSAGES * 1e6:6.2f} {rate / direct_rate:10.0%} {rate / many_rate:23.0%}")


if __name__ == "__main__":
    main()
