"""What a waiting message costs the broker: memory to hold it, time to take it in, time to throw it away."""

from __future__ import annotations

import os
from dataclasses import dataclass

from amqpd.cli.bench import frames
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.frames import Batch
from amqpd.cli.bench.memory import broker_pid, settled_resident_bytes
from amqpd.cli.bench.scenario import Outcome, Target, fresh_name, queue
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch, now, poll_every
from amqpd.cli.bench.throughput import publish_blindly
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate, run_jobs

_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Backlog:
    """`messages` messages in one queue that nobody consumes."""

    messages: int = 200_000
    size: int = 100
    persistent: bool = False
    durable: bool = False

    def measure(self, target: Target, control: Connection) -> Outcome:
        """Return publish_per_s, delete_seconds and, if the broker's process is known, bytes_per_message, rss_bytes."""
        name = fresh_name()
        pid = target.pid or broker_pid(target.url)
        with queue(control, name, durable=self.durable):
            measurements = run_jobs([Filler(target.url, name, pid, self)], target.timeout)
        return Outcome(measurements[0].figures, measurements)


@dataclass(frozen=True)
class Filler:
    """The process that fills the queue and deletes it."""

    url: BrokerUrl
    queue: str
    pid: int | None
    options: Backlog

    def run(self, gate: Gate) -> Measurement:
        """Publish everything, wait until the queue counts it, look at the memory, delete the queue."""
        count = self.options.messages
        with Connection(self.url) as connection:
            body = os.urandom(self.options.size)
            persistent = self.options.persistent
            one = frames.publish("", self.queue, body, frame_max=connection.frame_max, persistent=persistent)
            batch = Batch(one)
            before = settled_resident_bytes(self.pid) if self.pid else 0
            gate.wait()
            stopwatch = Stopwatch()
            publish_blindly(connection, batch, count)
            done = stopwatch.stop()
            while connection.declare_queue(self.queue, passive=True) < count:
                poll_every(_POLL_SECONDS)
            figures = {"publish_per_s": count / (done.end - done.start)}
            if self.pid:
                after = settled_resident_bytes(self.pid)
                figures |= {"bytes_per_message": (after - before) / count, "rss_bytes": after}
            started = now()
            connection.delete_queue(self.queue)
            figures["delete_seconds"] = now() - started
            return Measurement(done.start, done.end, done.cpu_seconds, figures)
