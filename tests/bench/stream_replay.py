"""Replaying a stream, and what it does to others: `python -m tests.bench.stream_replay [URL | --data-dir]`.

Fills a stream, reads it from the first message on over and over with one consumer (large prefetch, cumulative
acknowledgements), and sends messages one at a time through another queue, with the replay and without it. Starts
`amqpd serve` unless it is given the URL of a broker; with `--data-dir` it keeps the stream in a folder of its own, and
the stream is larger than what stays in memory, so that it is read from the disk. On a machine with fewer free cores
than the three processes want, the latencies are those of its scheduler.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from amqpd.cli.bench import frames
from amqpd.cli.bench.board import Board
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.deliveries import DeliveryCounter
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.histogram import Histogram
from amqpd.cli.bench.latency import round_trip
from amqpd.cli.bench.publishing import Message, Pace, publish_alone
from amqpd.cli.bench.scenario import fresh_name, queue
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch, now
from amqpd.cli.bench.topology import Route
from amqpd.cli.bench.url import BrokerUrl, parse_url
from amqpd.cli.bench.workers import Gate, Job, run_jobs

MESSAGES = 300_000
ON_DISK = 1_500_000
SIZE = 16
PREFETCH = 10_000
SECONDS = 5.0
PAUSE = 0.002
"""Seconds between two pings: a queue that is used, not one that is flooded."""


@dataclass(frozen=True)
class Replayer:
    """The process that reads the stream."""

    url: BrokerUrl
    stream: str
    messages: int

    def run(self, gate: Gate) -> Measurement:
        """Read it from the start until the time is over; whoever comes to the end begins anew."""
        gate.wait()
        stopwatch = Stopwatch()
        count = 0
        while now() < stopwatch.start + SECONDS:
            count += self._once(stopwatch.start + SECONDS)
        return stopwatch.stop(figures={"per_s": count / (now() - stopwatch.start)})

    def _once(self, until: float) -> int:
        with Connection(self.url) as connection:
            connection.prefetch(PREFETCH)
            connection.consume(self.stream, no_ack=False, arguments={"x-stream-offset": "first"})
            counter = DeliveryCounter()
            early = connection.take_buffered()
            counter.space()[: len(early)] = early
            counter.advance(len(early))
            acked = 0
            while (count := counter.count) < self.messages and now() < until:
                if count - acked >= PREFETCH // 4:
                    connection.send(frames.method(1, 60, 80, count.to_bytes(8, "big") + b"\x01"))
                    acked = count
                counter.advance(connection.receive_into(counter.space()))
            return counter.count


@dataclass(frozen=True)
class Pinger:
    """The process that uses the other queue."""

    url: BrokerUrl
    queue: str

    def run(self, gate: Gate) -> Measurement:
        """Send a message, wait for it, pause, and again."""
        with Connection(self.url) as publisher, Connection(self.url) as consumer:
            consumer.consume(self.queue, no_ack=True)
            one, _ = Message(SIZE).supply([Route("", self.queue)], publisher.frame_max).take(1)
            counter = DeliveryCounter()
            gate.wait()
            stopwatch = Stopwatch()
            histogram = Histogram()
            while now() < stopwatch.start + SECONDS:
                histogram.add(round_trip(publisher, consumer, counter, one))
                time.sleep(PAUSE)
            return stopwatch.stop(histogram=histogram)


@contextmanager
def broker(*options: str) -> Iterator[tuple[BrokerUrl, int]]:
    """`amqpd serve` on a free port, and its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "amqpd", "serve", "--port", str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = parse_url(f"amqp://127.0.0.1:{port}")
            for _ in range(200):
                try:
                    Connection(url).close()
                    break
                except BenchError:
                    time.sleep(0.05)
            yield url, process.pid
        finally:
            process.terminate()


def measure(url: BrokerUrl, messages: int, process: int | None = None) -> None:
    """Fill, replay and ping."""
    with Connection(url) as control:
        stream, other = fresh_name(), fresh_name()
        with (
            queue(control, stream, durable=True, arguments={"x-queue-type": "stream"}),
            queue(control, other),
        ):
            began, tally = now(), Board({"published": 1}).tally("published")
            publish_alone(url, [Route("", stream)], Message(SIZE), Pace(messages, window=5000), tally)
            say(f"{control.product}: {messages} messages of {SIZE} octets into the stream, confirmed", began, messages)
            pinger = Pinger(url, other)
            alone: list[Job] = [pinger]
            both: list[Job] = [pinger, Replayer(url, stream, messages)]
            for name, jobs in (("nothing else", alone), ("a replay", both), ("nothing else", alone)):
                found = run_jobs(jobs, 60)
                samples = found[0].histogram
                assert samples is not None
                p50, p99 = (samples.percentile(each) * 1000 for each in (50, 99))
                rate = f", {found[1].figures['per_s']:,.0f} messages/s replayed" if len(found) > 1 else ""
                sys.stdout.write(f"beside {name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms of {samples.count}{rate}\n")
            before = _busy(process)
            (replay,) = run_jobs([Replayer(url, stream, messages)], 60)
            per_s = replay.figures["per_s"]
            cost = (_busy(process) - before) / (per_s * SECONDS) * 1e6
            sys.stdout.write(f"a replay alone: {per_s:,.0f} messages/s, {cost:.2f} us of the broker's processor each\n")


def _busy(process: int | None) -> float:
    """Seconds of processor time that a process has used; 0 where nobody tells."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def say(what: str, began: float, count: int) -> None:
    """A line with a rate."""
    sys.stdout.write(f"{what}: {count / (now() - began):,.0f} messages/s\n")


def main() -> None:
    """Measure and print."""
    if sys.argv[1:] == ["--data-dir"]:
        with TemporaryDirectory() as folder, broker("--data-dir", folder) as (url, process):
            measure(url, ON_DISK, process)
    elif len(sys.argv) > 1:
        measure(parse_url(sys.argv[1]), MESSAGES)
    else:
        with broker("--transient") as (url, process):
            measure(url, MESSAGES, process)


if __name__ == "__main__":
    main()
