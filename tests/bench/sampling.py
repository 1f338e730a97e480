"""What a look at all counters costs: `python -m tests.bench.sampling [QUEUES]` (1,000, half of them busy), all of
which somebody has asked for.

Prints the processor time of one pass, its longest slice, and the share that a pass every five seconds takes.
"""

from __future__ import annotations

import sys
import time

from amqpd.management.rates.history import TICK
from amqpd.management.rates.sampler import Sampler
from tests.protocol.harness import World

PASSES = 20


def main(queues: int) -> None:
    """Measure and print."""
    world = World()
    client = world.open()
    for number in range(queues):
        client.declare(f"q{number}")
    sampler = Sampler(world.node, lambda: (0, 0, 0, 0, 0))
    sampler.start()
    passes, slices = [], []
    for queue in world.broker.vhosts["/"].queues.values():
        sampler.of_all([queue], {})
    for _ in range(PASSES):
        for number in range(0, queues, 2):
            client.fill(f"q{number}", b"x")
        deadline = world.clock.monotonic() + TICK
        spent = 0.0
        while world.clock.monotonic() < deadline:
            until = world.broker.timers.next_deadline()
            world.clock.advance(max(0.0, min(deadline, until or deadline) - world.clock.monotonic()))
            started = time.thread_time()
            world.broker.timers.run_due()
            slices.append(time.thread_time() - started)
            spent += slices[-1]
        passes.append(spent)
    mean = sum(passes) / len(passes)
    longest = sorted(slices)[-1 - len(slices) // 100]
    print(f"{queues} queues: {mean * 1e3:.2f} ms a pass, {mean / TICK:.2%} of the time")
    print(f"longest slice but for one in a hundred: {longest * 1e3:.2f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
