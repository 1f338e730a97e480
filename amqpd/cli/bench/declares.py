"""Queue declarations and deletions per second, one round trip each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.scenario import Outcome, Target, fresh_name, remove
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch, now
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate, run_jobs


@dataclass(frozen=True)
class Declares:
    """`messages` queues, all declared before the first is deleted."""

    messages: int = 1000
    durable: bool = False

    def measure(self, target: Target, control: Connection) -> Outcome:
        """Return declares_per_s and deletes_per_s."""
        names = [f"{fresh_name()}.{i}" for i in range(self.messages)]
        try:
            measurements = run_jobs([Declarer(target.url, names, self.durable)], target.timeout)
        except BenchError:
            remove(control, partial(_delete_all, names))
            raise
        return Outcome(measurements[0].figures, measurements)


def _delete_all(names: list[str], connection: Connection) -> None:
    for name in names:
        connection.delete_queue(name)


@dataclass(frozen=True)
class Declarer:
    """The process that declares and deletes."""

    url: BrokerUrl
    names: list[str]
    durable: bool

    def run(self, gate: Gate) -> Measurement:
        """Declare all queues, then delete them all."""
        with Connection(self.url) as connection:
            gate.wait()
            stopwatch = Stopwatch()
            for name in self.names:
                connection.declare_queue(name, durable=self.durable)
            declared = now()
            for name in self.names:
                connection.delete_queue(name)
            deleted = now()
            count = len(self.names)
            figures = {
                "declares_per_s": count / (declared - stopwatch.start),
                "deletes_per_s": count / (deleted - declared),
            }
            return stopwatch.stop(figures=figures, end=deleted)
