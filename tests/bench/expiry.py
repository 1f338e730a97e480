"""What expiry anywhere in the queue costs: `python -m tests.bench.expiry [MESSAGES]`.

A queue gets a million messages with as many different TTLs, in no order, then time passes a tick of 100 ms at a time
until all have expired. Processor time a message: of the publishes, beside a queue that expires at its head; of the
timer's work alone (one schedule of as many due times); of expiring all.
"""

from __future__ import annotations

import gc
import random
import sys
from time import process_time

from amqpd.broker.queue import Queue
from amqpd.broker.schedule import Schedule
from amqpd.broker.timers import Timers
from amqpd.clock import ManualClock
from amqpd.properties import Properties
from tests.unit.broker.world import World, message

SECONDS = 1000
TICK = 0.1


def lives(count: int) -> list[Properties]:
    """An `expiration` for each message, in milliseconds; a million of them are a million different ones."""
    made = [Properties.of(expiration=str(1 + number * 1000 * SECONDS // count)) for number in range(count)]
    random.Random(1).shuffle(made)
    return made


def published(queue: Queue, properties: list[Properties]) -> float:
    """Seconds a message."""
    messages = [message(b"x" * 16, properties=each) for each in properties]
    began = process_time()
    for each in messages:
        queue.publish(each)
    return (process_time() - began) / len(properties)


def scheduled(count: int) -> float:
    """Seconds a due time, from adding it to handing it over."""
    clock = ManualClock()
    timers = Timers(clock)
    handed: list[int] = []
    schedule = Schedule(timers, handed.extend)
    moments = random.Random(1)
    dues = [clock.monotonic() + moments.uniform(0, SECONDS) for _ in range(count)]
    began = process_time()
    for number, due in enumerate(dues):
        schedule.add(due, number)
    for _ in range(int(SECONDS / TICK) + 1):
        clock.advance(TICK)
        while timers.run_due():
            pass
    seconds = process_time() - began
    assert len(handed) == count
    return seconds / count


def expired(world: World, queue: Queue, count: int) -> float:
    """Seconds a message, from its timer to its end."""
    began = process_time()
    for _ in range(int(SECONDS / TICK) + 1):
        world.advance(TICK)
    seconds = process_time() - began
    assert queue.message_count == 0
    return seconds / count


def main(count: int) -> None:
    properties = lives(count)
    gc.freeze()
    at_head = published(World().queue("q"), properties)
    world = World()
    queue = world.queue("q", {"x-message-expiry": "anywhere"})
    anywhere = published(queue, properties)
    timer = scheduled(count)
    print(f"{count} messages with different TTLs, us of processor time each")
    print(f"  publish: {at_head * 1e6:.2f} where the head expires, {anywhere * 1e6:.2f} anywhere")
    print(f"  timer's work, add to due: {timer * 1e6:.2f}")
    print(f"  expire, from the timer on: {expired(world, queue, count) * 1e6:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
