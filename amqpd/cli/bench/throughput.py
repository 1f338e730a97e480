"""Messages per second: publishers and consumers as fast as the broker lets them, or at a rate."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from amqpd.cli.bench.board import Board
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.consuming import CONSUMED, PUBLISHED, Appetite, Consumer
from amqpd.cli.bench.frames import TableValue
from amqpd.cli.bench.loop import deal
from amqpd.cli.bench.publishing import Message, Pace, Publisher
from amqpd.cli.bench.scenario import Load, Outcome, Target
from amqpd.cli.bench.topology import Topology, lay
from amqpd.cli.bench.workers import Job

_ACK_EVERY_UNLIMITED = 250

_SHOW_MEGABYTES_FROM = 1024


def processes_by_default() -> int:
    """Return how many processes publish, and how many consume: half the cores each, one at least."""
    return max(1, (os.cpu_count() or 1) // 2)


@dataclass(frozen=True)
class Throughput:
    """N publishers to M consumers over one or more queues; `messages` and `rate` are per publisher.

    Either `messages` or `time` (seconds) is set. `consumers` are spread over the queues, which have one or more each,
    or none at all. `confirm` is the window of unconfirmed messages, `ack_every` a number of deliveries; 0 is without.
    Raises ValueError for options that contradict each other.
    """

    messages: int | None = 200_000
    time: float | None = None
    size: int = 16
    rate: float = 0.0
    publishers: int = 1
    consumers: int = 1
    queues: int = 1
    confirm: int = 0
    ack_every: int = 0
    prefetch: int = 1000
    persistent: bool = False
    durable: bool = False
    exchange_type: str = ""
    exchange: str = ""
    routing_keys: int = 1
    queue_type: str = ""
    headers: Mapping[str, TableValue] = field(default_factory=dict)
    lag: int = 0
    processes: int = field(default_factory=processes_by_default)

    def __post_init__(self) -> None:
        if 0 < self.consumers < self.queues:
            raise ValueError(
                f"{self.consumers} consumers for {self.queues} queues leave some without; "
                f"say --consumers {self.queues} or more, or 0 for none"
            )
        if self.lag and not (self.ack_every and self.messages):
            raise ValueError(f"--lag {self.lag} holds back acks until the end: it needs --ack-every and --messages")
        if self.ack_every and 0 < self.prefetch < self.ack_every:
            raise ValueError(
                f"--ack-every {self.ack_every} never comes with --prefetch {self.prefetch}; "
                "acknowledge at least once per prefetch"
            )
        if self.exchange and not self.exchange_type:
            raise ValueError(f"--exchange {self.exchange} needs its --exchange-type, which says how to bind")
        if self.routing_keys > 1 and not self.exchange_type:
            raise ValueError(f"--routing-keys {self.routing_keys} needs an --exchange-type, such as topic")

    def measure(self, target: Target, control: Connection) -> Outcome:
        """Return publish_per_s and, with consumers, consume_per_s; both count from the first publish.

        Large messages add megabytes (10^6 octets) per second, several publishers or consumers the slowest and the
        fastest of them where `time` is given.
        """
        with ExitStack() as stack:
            topology = lay(
                control,
                stack,
                queues=self.queues,
                exchange_type=self.exchange_type,
                exchange=self.exchange,
                routing_keys=self.routing_keys,
                queue_type=self.queue_type,
                durable=self.durable,
            )
            groups = {PUBLISHED: self.publishers, CONSUMED: self.consumers}
            board = Board({label: count for label, count in groups.items() if count})
            publishers = self._publisher_jobs(target, topology, board)
            consumers = self._consumer_jobs(target, topology, board)
            load = target.load([*publishers, *consumers], board)
        return Outcome(self._figures(load, board, len(publishers)), load)

    def _publisher_jobs(self, target: Target, topology: Topology, board: Board) -> list[Job]:
        message = Message(self.size, self.persistent, self.headers)
        pace = Pace(self.messages, self.time, self.rate, self.confirm)
        return [
            Publisher(
                target.url,
                [topology.routes_of(i, self.publishers) for i in share],
                [board.tally(PUBLISHED, i) for i in share],
                message,
                pace,
            )
            for share in deal(self.publishers, self.processes)
        ]

    def _consumer_jobs(self, target: Target, topology: Topology, board: Board) -> list[Job]:
        if not self.consumers:
            return []
        published = None if self.messages is None else self.messages * self.publishers
        appetite = Appetite(
            total=None if published is None else published * topology.copies,
            seconds=self.time,
            ack_every=self.ack_every,
            prefetch=self.prefetch,
            lag=self.lag,
            published=published or 0,
        )
        return [
            Consumer(
                target.url,
                [topology.queues[i % self.queues] for i in share],
                [board.tally(CONSUMED, i) for i in share],
                appetite,
            )
            for share in deal(self.consumers, self.processes)
        ]

    def _figures(self, load: Load, board: Board, publisher_jobs: int) -> dict[str, float]:
        publishers, consumers = load.measurements[:publisher_jobs], load.measurements[publisher_jobs:]
        start = min(one.start for one in publishers)
        figures = {"publish_per_s": board.total(PUBLISHED) / (max(one.end for one in publishers) - start)}
        if consumers:
            figures["consume_per_s"] = board.total(CONSUMED) / (max(one.end for one in consumers) - start)
        if self.size >= _SHOW_MEGABYTES_FROM:
            figures |= {name.replace("_per", "_mb_per"): rate * self.size / 1e6 for name, rate in figures.items()}
        if self.time:
            for label, name in ((PUBLISHED, "publisher"), (CONSUMED, "consumer")):
                counts = board.counts(label) if label in board.labels else []
                if len(counts) > 1:
                    figures[f"slowest_{name}_per_s"] = min(counts) / self.time
                    figures[f"fastest_{name}_per_s"] = max(counts) / self.time
        return figures


def ack_every_by_default(prefetch: int) -> int:
    """Return how often to acknowledge: four times per prefetch."""
    return max(1, prefetch // 4) if prefetch else _ACK_EVERY_UNLIMITED
