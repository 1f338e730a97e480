"""The rows of the standard matrix, and what amqpd is to reach in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from amqpd.cli.bench.backlog import Backlog
from amqpd.cli.bench.churn import Churn
from amqpd.cli.bench.idle import Idle
from amqpd.cli.bench.latency import Latency
from amqpd.cli.bench.scenario import Scenario
from amqpd.cli.bench.throughput import Throughput
from tests.bench.matrix.brokers import COMPILED, INTERPRETED


class Sense(Enum):
    """What a target says: how many times RabbitMQ's figure it is at least or at most, or the most it may be itself."""

    RATIO_AT_LEAST = ">="
    RATIO_AT_MOST = "<="
    VALUE_AT_MOST = "<= itself"


@dataclass(frozen=True)
class Row:
    """One figure of a measurement, and the targets by the name of the amqpd."""

    title: str
    figure: str
    unit: str
    sense: Sense
    targets: Mapping[str, float]

    def reached(self, broker: str, value: float, ratio: float | None) -> bool | None:
        """Return whether a broker reaches its target; None if it has none, or no ratio is known."""
        target = self.targets.get(broker)
        if target is None:
            return None
        if self.sense is Sense.VALUE_AT_MOST:
            return value <= target
        if ratio is None:
            return None
        return ratio >= target if self.sense is Sense.RATIO_AT_LEAST else ratio <= target


@dataclass(frozen=True)
class Measurement:
    """A scenario and the rows that come from it; `fresh` ones want a broker that has done nothing before."""

    scenario: str
    options: Scenario
    rows: Sequence[Row]
    durable: bool = False
    fresh: bool = field(default=False)


def _targets(compiled: float, interpreted: float) -> dict[str, float]:
    return {COMPILED: compiled, INTERPRETED: interpreted}


def _rate(
    title: str, options: Throughput, compiled: float, interpreted: float, *, figure: str = "consume_per_s"
) -> Measurement:
    row = Row(title, figure, "msg/s", Sense.RATIO_AT_LEAST, _targets(compiled, interpreted))
    return Measurement("throughput", options, [row], durable=options.durable)


def _time(title: str, figure: str, compiled: float, interpreted: float) -> Row:
    return Row(title, figure, "us", Sense.RATIO_AT_MOST, _targets(compiled, interpreted))


def _churn(title: str, what: str, figure: str, count: int, compiled: float, interpreted: float) -> Measurement:
    row = Row(title, figure, "/s", Sense.RATIO_AT_LEAST, _targets(compiled, interpreted))
    return Measurement("churn", Churn(what, count, alive=count), [row])


def _memory(title: str, scenario: str, options: Scenario, figure: str, compiled: float, interp: float) -> Measurement:
    row = Row(title, figure, "B", Sense.VALUE_AT_MOST, _targets(compiled, interp))
    return Measurement(scenario, options, [row], fresh=True)


def _messages(count: int, scale: float) -> int:
    return max(50, int(count * scale))


SECONDS: Final = 1.5
"""How long messages are sent in a round."""


def standard(scale: float = 1.0) -> list[Measurement]:
    """Return the standard matrix; `scale` below 1 is for trying it out: fewer messages and things, the same rows."""

    def messages(count: int) -> int:
        return _messages(count, scale)

    # As long for all: so many messages that the fastest needs a second would take the slowest half a minute.
    base = Throughput(messages=None, time=max(0.05, SECONDS * scale))
    acked = replace(base, confirm=1000, ack_every=250)
    behind = messages(200_000)
    return [
        _rate("1 publisher, 1 consumer, no ack, 16 B", base, 4, 2),
        _rate("1 publisher, 1 consumer, no ack, 1 KiB", replace(base, size=1024), 2.5, 1.8),
        _rate("1 publisher, 1 consumer, confirm and ack", acked, 5, 3),
        _rate(
            "durable, persistent, confirm, ack, 5,000 behind",
            replace(acked, messages=behind, time=None, persistent=True, durable=True, lag=min(5000, behind // 2)),
            4,
            2,
        ),
        _rate("publish only", replace(base, consumers=0), 6, 3, figure="publish_per_s"),
        _rate(
            "topic exchange, ack, 10,000 routing keys",
            replace(base, ack_every=250, exchange_type="topic", routing_keys=messages(10_000)),
            5,
            2.5,
        ),
        _rate(
            "fan-out 1:10 (deliveries)",
            replace(base, queues=10, consumers=10, exchange_type="fanout"),
            3,
            2,
        ),
        _rate("fan-in 10:1", replace(base, publishers=10), 3, 2),
        _rate("10:10 on one queue", replace(base, publishers=10, consumers=10), 3, 2),
        Measurement(
            "latency",
            Latency(messages=messages(10_000)),
            [
                _time("latency, closed loop, p50", "p50_us", 0.6, 0.7),
                _time("latency, closed loop, p99", "p99_us", 0.9, 1.0),
            ],
        ),
        Measurement(
            "latency",
            Latency(messages=messages(50_000), rate=10_000),
            [_time("latency at 10,000 msg/s, p99", "p99_us", 0.7, 1.0)],
        ),
        _churn("connections opened, each with a channel", "connections", "opens_per_s", messages(500), 6, 4),
        _churn("queues declared", "queues", "declares_per_s", messages(1000), 15, 12),
        _memory(
            "memory of an idle connection", "idle", Idle(messages(500)), "bytes_per_connection", 10_000, 14_000
        ),
        _memory(
            "memory of a waiting 100 B message",
            "backlog",
            Backlog(messages(200_000), drain=False),
            "bytes_per_message",
            350,
            400,
        ),
    ]
