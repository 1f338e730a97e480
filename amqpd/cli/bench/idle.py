"""What connections that do nothing cost the broker: memory, and processor time while they are held."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass

from amqpd.cli.bench.board import Board, Tally
from amqpd.cli.bench.broker_process import processor_seconds, settled_resident_bytes
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.scenario import Outcome, Target
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch, now, poll_every
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate

OTHER_FILES = 64
"""Files a process holds besides the measured sockets, generously."""


@dataclass(frozen=True)
class Idle:
    """`connections` with one channel each, held open together, and for `time` seconds more once all are open."""

    connections: int = 1000
    time: float = 0.0

    def measure(self, target: Target, _control: Connection, /) -> Outcome:
        """Return opens_per_s and, if the broker's process is known, bytes_per_connection and rss_bytes.

        With a time also idle_cpu_percent: the broker's processor time while it held them, in percent of a core.
        """
        board = Board({"opened": 1})
        load = target.load([Holder(target.url, target.pid, self, board.tally("opened"))], board)
        return Outcome(load.measurements[0].figures, load)


@dataclass(frozen=True)
class Holder:
    """The process that holds the connections."""

    url: BrokerUrl
    pid: int | None
    options: Idle
    tally: Tally

    def run(self, gate: Gate) -> Measurement:
        """Open all connections, look at the broker's memory before and after, hold them, close them."""
        count = self.options.connections
        allow_open_files(count + OTHER_FILES)
        Connection(self.url).close()  # what the broker loads for its first connection is not the price of one
        with ExitStack() as held:
            before = settled_resident_bytes(self.pid) if self.pid else 0
            gate.wait()
            stopwatch = Stopwatch()
            connections: list[Connection] = []
            held.callback(close_all, connections)
            for number in range(1, count + 1):
                connections.append(Connection(self.url))
                self.tally.set(number)
            done = stopwatch.stop()
            figures = {"opens_per_s": count / (done.end - done.start)}
            if self.pid:
                after = settled_resident_bytes(self.pid)
                figures |= {"bytes_per_connection": (after - before) / count, "rss_bytes": after}
            if self.options.time:
                figures |= self._hold()
        return Measurement(done.start, done.end, done.cpu_seconds, figures)

    def _hold(self) -> dict[str, float]:
        start, used = now(), processor_seconds(self.pid) if self.pid else 0.0
        poll_every(self.options.time)
        if not self.pid:
            return {}
        return {"idle_cpu_percent": 100 * (processor_seconds(self.pid) - used) / (now() - start)}


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
