"""Time from publish to delivery, in microseconds.

Closed loop: one message in flight, the next leaves when the last has come. Open loop: messages leave on a schedule
whatever the broker does, and each is timed from the moment it was *due*, so that a stall counts for every message it
held up (no coordinated omission).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from amqpd.cli.bench.board import Board, Tally
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.deliveries import DeliveryCounter
from amqpd.cli.bench.frames import TableValue
from amqpd.cli.bench.histogram import Histogram
from amqpd.cli.bench.publishing import Message
from amqpd.cli.bench.scenario import Outcome, Target, fresh_name, queue
from amqpd.cli.bench.stopwatch import Measurement, Pacer, Stopwatch, now
from amqpd.cli.bench.topology import Route
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate, Job

_TIMED = "timed"

# A client that sends later than this share of what it measures has measured itself.
_OWN_SHARE = 0.5


@dataclass(frozen=True)
class Latency:
    """Closed loop at rate 0, else open loop at `rate` messages per second; unmeasured messages warm up the route.

    Either `messages` or `time` (seconds) is set. Raises ValueError for a time too short for one message.
    """

    messages: int | None = 10_000
    time: float | None = None
    size: int = 16
    rate: float = 0.0
    persistent: bool = False
    durable: bool = False
    queue_type: str = ""
    headers: Mapping[str, TableValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.messages is None and self.rate and self.timed < 1:
            raise ValueError(f"--time {self.time} at --rate {self.rate} is less than one message")

    @property
    def timed(self) -> int:
        """Return how many messages the open loop times."""
        return int(self.rate * (self.time or 0.0)) if self.messages is None else self.messages

    @property
    def warm_up(self) -> int:
        """Return how many unmeasured messages go first."""
        return min(100, self.timed // 10 if self.messages or self.rate else 100)

    def measure(self, target: Target, control: Connection) -> Outcome:
        """Return the percentiles and the maximum; in the open loop also how late the client itself was (send_lag)."""
        name, board = fresh_name(), Board({_TIMED: 1})
        tally = board.tally(_TIMED)
        arguments: dict[str, TableValue] = {"x-queue-type": self.queue_type} if self.queue_type else {}
        jobs: list[Job] = [Pinger(target.url, name, self, tally)]
        if self.rate:
            jobs = [Receiver(target.url, name, self, tally), Scheduler(target.url, name, self)]
        with queue(control, name, durable=self.durable, arguments=arguments):
            load = target.load(jobs, board)
        histogram = load.measurements[0].histogram
        assert histogram is not None, "the first job always hands over a histogram"
        own = load.measurements[-1].figures
        return Outcome({**histogram.figures(), **own}, load, histogram, _notes(histogram, own))

    @property
    def message(self) -> Message:
        """Return what is sent again and again."""
        return Message(self.size, self.persistent, self.headers)


def _notes(histogram: Histogram, own: Mapping[str, float]) -> list[str]:
    lag, total = own.get("send_lag_p99_us", 0.0), histogram.percentile(99) * 1e6
    if lag <= total * _OWN_SHARE:
        return []
    return [f"the client was the bottleneck: p99 of its own delay is {lag:,.0f} us of the {total:,.0f} us measured"]


@dataclass(frozen=True)
class Pinger:
    """The closed loop: one process, one connection to publish and one to consume."""

    url: BrokerUrl
    queue: str
    options: Latency
    tally: Tally

    def run(self, gate: Gate) -> Measurement:
        """Send a message, wait for it, and again."""
        options, histogram = self.options, Histogram()
        with Connection(self.url) as publisher, Connection(self.url) as consumer:
            consumer.consume(self.queue, no_ack=True)
            one, _ = options.message.supply([Route("", self.queue)], publisher.frame_max).take(1)
            counter = DeliveryCounter()
            start = gate.wait()
            for _ in range(options.warm_up):
                round_trip(publisher, consumer, counter, one)
            stopwatch = Stopwatch()
            end = None if options.time is None else start + options.time
            while histogram.count != options.messages and (end is None or not histogram.count or now() < end):
                histogram.add(round_trip(publisher, consumer, counter, one))
                self.tally.set(histogram.count)
            return stopwatch.stop(histogram=histogram)


def round_trip(publisher: Connection, consumer: Connection, counter: DeliveryCounter, one: memoryview) -> float:
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
class Scheduler:
    """The sending half of the open loop."""

    url: BrokerUrl
    queue: str
    options: Latency

    def run(self, gate: Gate) -> Measurement:
        """Send message i at start + i / rate; whatever is due after a hold-up goes out at once."""
        total, gap = self.options.timed + self.options.warm_up, 1 / self.options.rate
        pacer, lags = Pacer(), Histogram()
        with Connection(self.url) as connection:
            supply = self.options.message.supply([Route("", self.queue)], connection.frame_max)
            start = gate.wait()
            stopwatch = Stopwatch()
            sent, spun = 0, 0.0
            while sent < total:
                due = start + sent * gap
                spun += pacer.wait_until(due)
                instant = now()
                # At least one: rounding may put a message that is due just out of reach.
                count = max(1, min(int((instant - start) / gap) + 1 - sent, total - sent))
                octets, count = supply.take(count)
                connection.send(octets)
                lags.add(instant - due)
                sent += count
            lag = lags.percentile(99) * 1e6
            figures = {"send_lag_p99_us": lag, "sent_per_s": total / (now() - start)}
            return stopwatch.stop(figures=figures, spun=spun)


@dataclass(frozen=True)
class Receiver:
    """The receiving half of the open loop: a queue keeps order, so the n-th delivery is the n-th of the schedule."""

    url: BrokerUrl
    queue: str
    options: Latency
    tally: Tally

    def run(self, gate: Gate) -> Measurement:
        """Time each delivery from the moment its message was due."""
        warm_up, gap = self.options.warm_up, 1 / self.options.rate
        total, histogram = self.options.timed + warm_up, Histogram()
        with Connection(self.url) as connection:
            connection.consume(self.queue, no_ack=True)
            counter = DeliveryCounter()
            start = gate.wait()
            stopwatch = Stopwatch()
            seen = 0
            while seen < total:
                received = connection.receive_into(counter.space())
                arrived = now() - start
                before, seen = seen, counter.advance(received)
                histogram.extend(arrived - i * gap for i in range(max(before, warm_up), seen))
                self.tally.set(seen)
            return stopwatch.stop(histogram=histogram)
