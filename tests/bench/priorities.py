"""What a priority queue costs beside a plain one: `python -m tests.bench.priorities`.

A client publishes through a whole broker in memory and another consumes and acknowledges: straight through, and from a
backlog. Both queues take turns in one run, and the best of several rounds counts.
"""

from __future__ import annotations

import gc
import struct
import sys
from time import process_time

from pamqp import commands

from tests.protocol.harness import Client, World, publish, raw_method

MESSAGES = 10_000
ROUNDS = 7
BATCH = 200
"""Messages that arrive in one piece."""
PRIORITIES = 4
MAXIMUM = 10

CONSUME = raw_method(2, 60, 20, b"\x00\x00\x01q\x01c\x02" + bytes(4))
"""Without acknowledgements."""
ACK = raw_method(2, 60, 80, struct.pack(">QB", 0, 1))
"""Everything that is outstanding."""


def pieces() -> list[bytes]:
    """What the publisher sends, piece by piece."""
    properties = [commands.Basic.Properties(priority=number) for number in range(PRIORITIES)]
    frames = [publish("q", b"x" * 16, properties=properties[number * 7 % 4]) for number in range(MESSAGES)]
    return [b"".join(frames[at : at + BATCH]) for at in range(0, MESSAGES, BATCH)]


def prepared(maximum: int | None) -> tuple[World, Client]:
    """A broker with the queue q."""
    world = World()
    client = world.open(channels=(1, 2))
    arguments: dict[str, object] = {} if maximum is None else {"x-max-priority": maximum}
    client.ask(commands.Queue.Declare(queue="q", arguments=arguments), commands.Queue.DeclareOk)  # type: ignore[arg-type]  # pamqp's own
    return world, client


def through(maximum: int | None, sent: list[bytes]) -> float:
    """Seconds a message from a publisher to a consumer that waits."""
    _, client = prepared(maximum)
    client.consume("q", "c", 2)
    began = process_time()
    for piece in sent:
        client.feed(piece + ACK)
        client.take()
    return (process_time() - began) / MESSAGES


def backlog(maximum: int | None, sent: list[bytes]) -> float:
    """Seconds a message into a queue and out of it, one after the other."""
    _, client = prepared(maximum)
    began = process_time()
    for piece in sent:
        client.feed(piece)
    client.send(CONSUME)
    client.take()
    return (process_time() - began) / MESSAGES


def main() -> None:
    """Measure and print."""
    sent = pieces()
    for case in (through, backlog):
        plain = priority = float("inf")
        for _ in range(ROUNDS):
            gc.collect()
            plain = min(plain, case(None, sent))
            gc.collect()
            priority = min(priority, case(MAXIMUM, sent))
        sys.stdout.write(
            f"{case.__name__:8} plain {plain * 1e6:.2f} us, priorities {priority * 1e6:.2f} us a message: "
            f"{plain / priority:.0%} of the rate\n"
        )


if __name__ == "__main__":
    main()
