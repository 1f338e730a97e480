"""Time from publish to delivery, in microseconds.

Closed loop: one message in flight, the next leaves when the last has come. Open loop: messages leave on a schedule
whatever the broker does, and each is timed from the moment it was *due*, so that a stall counts for every message it
held up (no coordinated omission).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from amqpd.cli.bench import frames
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.deliveries import DeliveryCounter
from amqpd.cli.bench.frames import Batch
from amqpd.cli.bench.scenario import Outcome, Target, fresh_name, queue
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch, now, wait_until
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate, Job, run_jobs

_PERCENTILES = {"p50_us": 50.0, "p95_us": 95.0, "p99_us": 99.0, "p99.9_us": 99.9}


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest of the ordered samples that `percent` of them do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Return the percentiles and the maximum of samples (seconds) in microseconds."""
    ordered = sorted(samples)
    figures = {name: percentile(ordered, percent) * 1e6 for name, percent in _PERCENTILES.items()}
    return {**figures, "max_us": ordered[-1] * 1e6}


@dataclass(frozen=True)
class Latency:
    """Closed loop at rate 0, else open loop at `rate` messages per second; unmeasured messages warm up the route."""

    messages: int = 10_000
    size: int = 16
    rate: float = 0.0
    persistent: bool = False
    durable: bool = False

    @property
    def warm_up(self) -> int:
        """Return how many unmeasured messages go first."""
        return min(100, self.messages // 10)

    def measure(self, target: Target, control: Connection) -> Outcome:
        """Return the percentiles and the maximum; in the open loop also how late the client itself was (send_lag)."""
        name = fresh_name()
        with queue(control, name, durable=self.durable):
            if not self.rate:
                measurements = run_jobs([Pinger(target.url, name, self)], target.timeout)
                return Outcome(spread(measurements[0].samples), measurements)
            jobs: list[Job] = [Receiver(target.url, name, self), ScheduledPublisher(target.url, name, self)]
            measurements = run_jobs(jobs, target.timeout)
            return Outcome({**spread(measurements[0].samples), **measurements[1].figures}, measurements)

    def publish_bytes(self, queue_name: str, frame_max: int) -> bytes:
        """Return the one publish that is sent again and again."""
        return frames.publish("", queue_name, b"x" * self.size, frame_max=frame_max, persistent=self.persistent)


@dataclass(frozen=True)
class Pinger:
    """The closed loop: one process, one connection to publish and one to consume."""

    url: BrokerUrl
    queue: str
    options: Latency

    def run(self, gate: Gate) -> Measurement:
        """Send a message, wait for it, and again."""
        with Connection(self.url) as publisher, Connection(self.url) as consumer:
            consumer.consume(self.queue, no_ack=True)
            one = self.options.publish_bytes(self.queue, publisher.frame_max)
            counter = DeliveryCounter()
            gate.wait()
            for _ in range(self.options.warm_up):
                round_trip(publisher, consumer, counter, one)
            stopwatch = Stopwatch()
            samples = [round_trip(publisher, consumer, counter, one) for _ in range(self.options.messages)]
            return stopwatch.stop(samples=samples)


def round_trip(publisher: Connection, consumer: Connection, counter: DeliveryCounter, one: bytes) -> float:
    """Publish one message and return the seconds until its last octet has come back."""
    expected = counter.count + 1
    sent = now()
    publisher.send(one)
    while True:
        received = consumer.receive_into(counter.space())
        arrived = now()
        if counter.advance(received) >= expected:
            return arrived - sent


@dataclass(frozen=True)
class ScheduledPublisher:
    """The sending half of the open loop."""

    url: BrokerUrl
    queue: str
    options: Latency

    def run(self, gate: Gate) -> Measurement:
        """Send message i at start + i / rate; whatever is due after a hold-up goes out at once."""
        total, gap = self.options.messages + self.options.warm_up, 1 / self.options.rate
        with Connection(self.url) as connection:
            batch = Batch(self.options.publish_bytes(self.queue, connection.frame_max))
            start = gate.wait()
            stopwatch = Stopwatch()
            sent, spun = 0, 0.0
            lags: list[float] = []
            while sent < total:
                due = start + sent * gap
                spun += wait_until(due)
                instant = now()
                count = min(int((instant - start) / gap) + 1 - sent, total - sent, batch.size)
                count = max(1, count)  # rounding may put a message that is due just out of reach
                connection.send(batch.first(count))
                lags.append(instant - due)
                sent += count
            figures = {"send_lag_p99_us": percentile(sorted(lags), 99) * 1e6, "sent_per_s": total / (now() - start)}
            return stopwatch.stop(figures=figures, spun=spun)


@dataclass(frozen=True)
class Receiver:
    """The receiving half of the open loop: a queue keeps order, so the n-th delivery is the n-th of the schedule."""

    url: BrokerUrl
    queue: str
    options: Latency

    def run(self, gate: Gate) -> Measurement:
        """Time each delivery from the moment its message was due."""
        total, gap = self.options.messages + self.options.warm_up, 1 / self.options.rate
        with Connection(self.url) as connection:
            connection.consume(self.queue, no_ack=True)
            counter = DeliveryCounter()
            start = gate.wait()
            stopwatch = Stopwatch()
            samples: list[float] = []
            while len(samples) < total:
                received = connection.receive_into(counter.space())
                arrived = now() - start
                samples.extend(arrived - i * gap for i in range(len(samples), counter.advance(received)))
            return stopwatch.stop(samples=samples[self.options.warm_up :])
