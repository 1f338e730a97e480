"""What an idle connection costs the broker in memory."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.memory import broker_pid, settled_resident_bytes
from amqpd.cli.bench.scenario import Outcome, Target
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate, run_jobs

# Files a process holds besides the measured sockets, generously.
_OTHER_FILES = 64


@dataclass(frozen=True)
class Idle:
    """`messages` connections with one channel each, held open together."""

    messages: int = 1000

    def measure(self, target: Target, _control: Connection, /) -> Outcome:
        """Return opens_per_s and, if the broker's process is known, bytes_per_connection and rss_bytes."""
        pid = target.pid or broker_pid(target.url)
        measurements = run_jobs([Holder(target.url, self.messages, pid)], target.timeout)
        return Outcome(measurements[0].figures, measurements)


@dataclass(frozen=True)
class Holder:
    """The process that holds the connections."""

    url: BrokerUrl
    connections: int
    pid: int | None

    def run(self, gate: Gate) -> Measurement:
        """Open all connections, look at the broker's memory before and after, close them."""
        allow_open_files(self.connections + _OTHER_FILES)
        Connection(self.url).close()  # what the broker loads for its first connection is not the price of one
        with ExitStack() as held:
            before = settled_resident_bytes(self.pid) if self.pid else 0
            gate.wait()
            stopwatch = Stopwatch()
            connections: list[Connection] = []
            held.callback(close_all, connections)
            connections.extend(Connection(self.url) for _ in range(self.connections))
            done = stopwatch.stop()
            figures = {"opens_per_s": self.connections / (done.end - done.start)}
            if self.pid:
                after = settled_resident_bytes(self.pid)
                figures |= {"bytes_per_connection": (after - before) / self.connections, "rss_bytes": after}
        return Measurement(done.start, done.end, done.cpu_seconds, figures)


def close_all(connections: list[Connection]) -> None:
    """Close many connections at once: all requests first, then all answers."""
    for connection in connections:
        connection.begin_close()
    for connection in connections:
        connection.finish_close()


def allow_open_files(count: int) -> None:
    """Raise this process's soft limit of open files to `count`; raises BenchError where the hard limit is lower."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= count:
        return
    if hard != resource.RLIM_INFINITY and hard < count:
        raise BenchError(f"{count} open files are needed, the limit (ulimit -Hn) is {hard}; raise it or hold fewer")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
