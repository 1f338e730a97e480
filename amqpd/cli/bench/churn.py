"""Connections per second: open a connection and a channel, close, again."""

from __future__ import annotations

from dataclasses import dataclass

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.scenario import Outcome, Target
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate, run_jobs


@dataclass(frozen=True)
class Churn:
    """`messages` connections, one after another."""

    messages: int = 1000

    def measure(self, target: Target, _control: Connection, /) -> Outcome:
        """Return connections_per_s: TCP, handshake, login, channel, polite close."""
        measurements = run_jobs([Opener(target.url, self.messages)], target.timeout)
        return Outcome(measurements[0].figures, measurements)


@dataclass(frozen=True)
class Opener:
    """The process that opens and closes."""

    url: BrokerUrl
    connections: int

    def run(self, gate: Gate) -> Measurement:
        """Open and close all connections in turn."""
        gate.wait()
        stopwatch = Stopwatch()
        for _ in range(self.connections):
            Connection(self.url).close()
        done = stopwatch.stop()
        return stopwatch.stop(figures={"connections_per_s": self.connections / (done.end - done.start)}, end=done.end)
