"""Things made and removed per second, one round trip each: connections, channels, queues, bindings, consumers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from amqpd.cli.bench.board import Board, Tally
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.idle import OTHER_FILES, allow_open_files
from amqpd.cli.bench.loop import deal
from amqpd.cli.bench.scenario import Outcome, Target, fresh_name, queue, remove
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch, now
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate

Make = Callable[[Connection, str, int], None]
"""Make or remove the thing with that number over a connection; the name is the queue it belongs to."""

FIRST_CHANNEL = 2
MOST_CHANNELS = 2046
"""Beside channel 1; brokers allow 2,047 unless they are told otherwise."""


def _open_channel(connection: Connection, _queue: str, number: int) -> None:
    connection.open_channel(FIRST_CHANNEL + number % MOST_CHANNELS)


def _close_channel(connection: Connection, _queue: str, number: int) -> None:
    connection.close_channel(FIRST_CHANNEL + number % MOST_CHANNELS)


def _bind(connection: Connection, queue_name: str, number: int) -> None:
    connection.bind(queue_name, "amq.direct", f"{queue_name}.{number}")


def _unbind(connection: Connection, queue_name: str, number: int) -> None:
    connection.unbind(queue_name, "amq.direct", f"{queue_name}.{number}")


def _consume(connection: Connection, queue_name: str, number: int) -> None:
    connection.consume(queue_name, no_ack=True, tag=f"c{number}")


def _cancel(connection: Connection, _queue: str, number: int) -> None:
    connection.cancel(f"c{number}")


def _declare(connection: Connection, queue_name: str, number: int, *, durable: bool = False) -> None:
    connection.declare_queue(f"{queue_name}.{number}", durable=durable)


def _delete(connection: Connection, queue_name: str, number: int) -> None:
    connection.delete_queue(f"{queue_name}.{number}")


KINDS: dict[str, tuple[str, str, Make | None, Make | None]] = {
    "connections": ("opens", "closes", None, None),
    "channels": ("opens", "closes", _open_channel, _close_channel),
    "queues": ("declares", "deletes", _declare, _delete),
    "bindings": ("binds", "unbinds", _bind, _unbind),
    "consumers": ("consumes", "cancels", _consume, _cancel),
}
"""What can be churned: the name of making and of removing one, and how; a connection is made over none."""


@dataclass(frozen=True)
class Churn:
    """`count` things of one kind, `alive` of them at a time; over `processes` client processes with a share each.

    Raises ValueError if more channels shall be alive than a connection has.
    """

    what: str = "connections"
    count: int = 1000
    alive: int = 1
    durable: bool = False
    processes: int = 1

    def __post_init__(self) -> None:
        if self.what == "channels" and self.alive > MOST_CHANNELS:
            raise ValueError(f"--alive {self.alive} channels are more than the {MOST_CHANNELS} of one connection")

    def measure(self, target: Target, control: Connection) -> Outcome:
        """Return how many are made and removed per second of making and removing, and both together (churned_per_s).

        A connection is TCP, handshake, login, a channel, and a polite close.
        """
        makes, removes, _, _ = KINDS[self.what]
        shares = deal(self.count, self.processes)
        name, board = fresh_name(), Board({self.what: len(shares)})
        jobs = [
            Churner(target.url, f"{name}.{i}", len(share), self, board.tally(self.what, i))
            for i, share in enumerate(shares)
        ]
        with ExitStack() as stack:
            for job in jobs:
                stack.enter_context(queue(control, job.queue, durable=self.durable))
            try:
                load = target.load(jobs, board)
            except BenchError:
                if self.what == "queues":
                    remove(control, partial(_delete_all, jobs))
                raise
        measured = load.measurements
        wall = max(one.end for one in measured) - min(one.start for one in measured)
        return Outcome(
            {
                f"{makes}_per_s": sum(one.figures["made_per_s"] for one in measured),
                f"{removes}_per_s": sum(one.figures["removed_per_s"] for one in measured),
                "churned_per_s": self.count / wall,
            },
            load,
        )


def _delete_all(jobs: Sequence[Churner], connection: Connection) -> None:
    for job in jobs:
        for number in range(job.count):
            _delete(connection, job.queue, number)


@dataclass(frozen=True)
class Churner:
    """The process that makes and removes; `queue` exists for what belongs to one."""

    url: BrokerUrl
    queue: str
    count: int
    options: Churn
    tally: Tally

    def run(self, gate: Gate) -> Measurement:
        """Make as many as are to be alive, remove them, and again."""
        alive = min(self.options.alive, self.count)
        make, remove_one = self._actions(alive)
        with Connection(self.url) as connection:
            gate.wait()
            stopwatch = Stopwatch()
            making = removing = 0.0
            for first in range(0, self.count, alive):
                numbers = range(first, min(first + alive, self.count))
                started = now()
                for number in numbers:
                    make(connection, self.queue, number)
                made = now()
                for number in numbers:
                    remove_one(connection, self.queue, number)
                self.tally.set(numbers.stop)
                making += made - started
                removing += now() - made
            return stopwatch.stop({"made_per_s": self.count / making, "removed_per_s": self.count / removing})

    def _actions(self, alive: int) -> tuple[Make, Make]:
        _, _, make, remove_one = KINDS[self.options.what]
        if make is None or remove_one is None:
            allow_open_files(alive + OTHER_FILES)
            held: dict[int, Connection] = {}
            return partial(_connect, held), partial(_disconnect, held)
        if self.options.what == "queues":
            return partial(_declare, durable=self.options.durable), remove_one
        return make, remove_one


def _connect(held: dict[int, Connection], connection: Connection, _queue: str, number: int) -> None:
    held[number] = Connection(connection.url)


def _disconnect(held: dict[int, Connection], _connection: Connection, _queue: str, number: int) -> None:
    held.pop(number).close()
