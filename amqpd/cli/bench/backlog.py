"""A deep queue: memory to hold a waiting message, time to take all of them in and to get rid of them."""

from __future__ import annotations

from dataclasses import dataclass

from amqpd.cli.bench.board import Board, Tally
from amqpd.cli.bench.broker_process import settled_resident_bytes
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.consuming import Appetite, ConsumingLane, subscribe
from amqpd.cli.bench.frames import TableValue
from amqpd.cli.bench.loop import drive
from amqpd.cli.bench.publishing import Message, Pace, publish_alone
from amqpd.cli.bench.scenario import Outcome, Target, fresh_name, queue
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch, now, poll_every
from amqpd.cli.bench.topology import Route
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate

_POLL_SECONDS = 0.02
_PATIENCE = 0.05


@dataclass(frozen=True)
class Backlog:
    """`messages` messages in one queue, then consumed with acks (`drain`) or deleted with the queue."""

    messages: int = 200_000
    size: int = 100
    confirm: int = 0
    persistent: bool = False
    durable: bool = False
    queue_type: str = ""
    drain: bool = True

    def measure(self, target: Target, control: Connection) -> Outcome:
        """Return publish_per_s, drain_per_s or delete_seconds and, if the broker's process is known, its memory.

        That is bytes_per_message and rss_bytes while all wait.
        """
        name, board = fresh_name(), Board({"published": 1, "consumed": 1})
        arguments: dict[str, TableValue] = {"x-queue-type": self.queue_type} if self.queue_type else {}
        filler = Filler(target.url, name, target.pid, self, board.tally("published"), board.tally("consumed"))
        with queue(control, name, durable=self.durable, arguments=arguments):
            load = target.load([filler], board)
        return Outcome(load.measurements[0].figures, load)


@dataclass(frozen=True)
class Filler:
    """The process that fills the queue and empties it."""

    url: BrokerUrl
    queue: str
    pid: int | None
    options: Backlog
    published: Tally
    consumed: Tally

    def run(self, gate: Gate) -> Measurement:
        """Publish everything, wait until the queue counts it, look at the memory, drain or delete the queue."""
        count = self.options.messages
        with Connection(self.url) as connection:
            before = settled_resident_bytes(self.pid) if self.pid else 0
            gate.wait()
            stopwatch = Stopwatch()
            message = Message(self.options.size, self.options.persistent)
            pace = Pace(count, window=self.options.confirm)
            publish_alone(self.url, [Route("", self.queue)], message, pace, self.published)
            done = stopwatch.stop()
            while connection.declare_queue(self.queue, passive=True) < count:
                poll_every(_POLL_SECONDS)
            figures = {"publish_per_s": count / (done.end - done.start)}
            if self.pid:
                after = settled_resident_bytes(self.pid)
                figures |= {"bytes_per_message": (after - before) / count, "rss_bytes": after}
            started = now()
            if self.options.drain:
                self._drain()
                figures["drain_per_s"] = count / (now() - started)
            else:
                connection.delete_queue(self.queue)
                figures["delete_seconds"] = now() - started
            return Measurement(done.start, done.end, done.cpu_seconds, figures)

    def _drain(self) -> None:
        with Connection(self.url) as connection:
            appetite = Appetite(self.options.messages, ack_every=250, prefetch=1000)
            counter = subscribe(connection, self.queue, appetite)
            lane = ConsumingLane(connection, counter, appetite, self.consumed)
            drive([lane], lambda: counter.count >= self.options.messages, _PATIENCE)
