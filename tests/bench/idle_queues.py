"""What an idle queue costs in memory: `python -m tests.bench.idle_queues [COUNT]`.

Queues with the arguments of a client that sets TTLs (x-expires, x-message-ttl), each table from octets of its own as on
the wire, all with a lease that runs. Prints octets a queue: by tracemalloc, which sees Python's objects alone, and by
the resident size of a second run without it.
"""

from __future__ import annotations

import gc
import os
import sys
import tracemalloc
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

from amqpd.broker.broker import Broker
from amqpd.broker.operations import queues
from amqpd.broker.session import Session
from amqpd.fields import Table, from_python
from tests.unit.broker.world import World

COUNT = 100_000


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def declare(broker: Broker, session: Session, count: int, *, same: bool = True, first: int = 0) -> None:
    """Declare queues; unless `same`, each with a TTL of its own."""
    for number in range(first, first + count):
        arguments = from_python({"x-expires": 3_600_000, "x-message-ttl": 60_000 + (0 if same else number)})
        queues.declare(
            broker,
            session,
            f"service.{number:012}",
            durable=True,
            exclusive=False,
            auto_delete=False,
            arguments=Table.parse(bytes(bytearray(arguments.raw))),
        )


def traced(count: int, *, same: bool = True) -> float:
    """Octets of Python objects a queue; says which lines made most of them."""
    world = World()
    session = world.session()
    declare(world.broker, session, 100, first=count)  # what is made once
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    declare(world.broker, session, count, same=same)
    gc.collect()
    growth = tracemalloc.take_snapshot().compare_to(before, "lineno")
    tracemalloc.stop()
    lines = Counter({str(each.traceback): each.size_diff for each in growth})
    for line, octets in lines.most_common(25):
        say(f"    {octets / count:7.1f}  {line}")
    return sum(lines.values()) / count


def resident(count: int, same: bool) -> None:
    """Say by how many octets a queue the process grows."""
    world = World()
    session = world.session()
    declare(world.broker, session, 100, first=count)
    gc.collect()
    before = _resident()
    declare(world.broker, session, count, same=same)
    gc.collect()
    growth = (_resident() - before) / count
    say(f"resident, {'equal' if same else 'different'} arguments: {growth:.0f} octets a queue")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    for equal in (True, False):
        say(f"traced: {traced(min(wanted, 10_000), same=equal):.0f} octets a queue")
        if Path("/proc/self/statm").exists():
            child = get_context("spawn").Process(target=resident, args=(wanted, equal))
            child.start()
            child.join()
