"""What size costs: the same load beside little and beside much, and how evenly many connections are served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.idle import OTHER_FILES, allow_open_files, close_all
from amqpd.cli.bench.latency import Latency
from amqpd.cli.bench.publishing import Message
from amqpd.cli.bench.scenario import Target, fresh_name, queue, remove, run
from amqpd.cli.bench.throughput import Throughput
from amqpd.cli.bench.topology import Route
from tests.bench.matrix.brokers import Kind
from tests.bench.matrix.measuring import Say
from tests.bench.matrix.table import significant

_WAITING_SIZE = 100
_PROBE_RATE = 1000


@dataclass(frozen=True)
class Sizes:
    """How much there is of each thing; `seconds` is how long latencies and busy connections are watched."""

    idle_connections: int = 10_000
    queues: int = 100_000
    bindings: int = 100_000
    waiting: int = 10_000_000
    busy_connections: int = 64
    messages: int = 300_000
    seconds: float = 10.0

    @property
    def waiting_before(self) -> int:
        """Return the smaller number of waiting messages that pauses are compared at."""
        return max(1, self.waiting // 10)


@dataclass(frozen=True)
class Question:
    """`ask` measures on a fresh broker and returns values by label; the first is what the others are compared with."""

    title: str
    unit: str
    ask: Callable[[Target, Sizes], dict[str, float]]


def _acked_rate(target: Target, sizes: Sizes, exchange: str = "") -> float:
    kind = "direct" if exchange else ""
    options = Throughput(sizes.messages, confirm=1000, ack_every=250, exchange=exchange, exchange_type=kind)
    return run("throughput", options, target).figures["consume_per_s"]


def _probe(target: Target, sizes: Sizes, figure: str) -> float:
    """Return a figure of the latency at a moderate rate."""
    return run("latency", Latency(None, sizes.seconds, rate=_PROBE_RATE), target).figures[figure]


def _idle_connections(target: Target, sizes: Sizes) -> dict[str, float]:
    values = {"alone": _acked_rate(target, sizes)}
    allow_open_files(sizes.idle_connections + OTHER_FILES)
    connections: list[Connection] = []
    try:
        connections.extend(Connection(target.url) for _ in range(sizes.idle_connections))
        values[f"beside {sizes.idle_connections:,} idle connections"] = _acked_rate(target, sizes)
    finally:
        close_all(connections)
    return values


def _queues(target: Target, sizes: Sizes) -> dict[str, float]:
    values = {"1 queue": _acked_rate(target, sizes)}
    name = fresh_name()
    with Connection(target.url, patience=target.timeout) as control:
        for number in range(sizes.queues):
            control.declare_queue(f"{name}.{number}")
    values[f"{sizes.queues:,} queues"] = _acked_rate(target, sizes)
    return values


def _bindings(target: Target, sizes: Sizes) -> dict[str, float]:
    values = {"1 binding": _acked_rate(target, sizes, "amq.direct")}
    name = fresh_name()
    with Connection(target.url, patience=target.timeout) as control, queue(control, name):
        for number in range(sizes.bindings):
            control.bind(name, "amq.direct", f"{name}.{number}")
        values[f"{sizes.bindings:,} bindings"] = _acked_rate(target, sizes, "amq.direct")
    return values


def _fill(control: Connection, name: str, count: int) -> None:
    """Publish so many messages to a queue and return when the broker has read them all."""
    supply = Message(_WAITING_SIZE).supply([Route("", name)], control.frame_max)
    while count:
        octets, some = supply.take(count)
        control.send(octets)
        count -= some
    control.prefetch(0)


def _waiting(target: Target, sizes: Sizes) -> dict[str, float]:
    values = {"nothing waits": _acked_rate(target, sizes)}
    with Connection(target.url, patience=target.timeout) as control, ExitStack() as stack:
        name = fresh_name()
        stack.enter_context(queue(control, name))
        _fill(control, name, sizes.waiting)
        values[f"{sizes.waiting:,} wait in another queue"] = _acked_rate(target, sizes)
    return values


def _pauses(target: Target, sizes: Sizes) -> dict[str, float]:
    values = {}
    name, there = fresh_name(), 0
    with Connection(target.url, patience=target.timeout) as control:
        control.declare_queue(name)
        for count in (sizes.waiting_before, sizes.waiting):
            _fill(control, name, count - there)
            there = count
            values[f"{count:,} wait"] = _probe(target, sizes, "max_us")
        remove(control, lambda connection: connection.delete_queue(name))
    return values


def _busy_connections(target: Target, sizes: Sizes) -> dict[str, float]:
    count = sizes.busy_connections
    options = Throughput(messages=None, time=sizes.seconds, publishers=count, consumers=count, queues=count)
    figures = run("throughput", options, target).figures
    return {
        f"the fastest of {count}": figures["fastest_consumer_per_s"],
        f"the slowest of {count}": figures["slowest_consumer_per_s"],
    }


def _flood(target: Target, sizes: Sizes) -> dict[str, float]:
    values = {"alone": _probe(target, sizes, "p99_us")}
    flood = Throughput(messages=None, time=2 * sizes.seconds + 2)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, "throughput", flood, target)
        values["beside a flooding connection"] = _probe(target, sizes, "p99_us")
        running.result()
    return values


QUESTIONS = [
    Question("1 publisher, 1 consumer, confirm and ack, beside idle connections", "msg/s", _idle_connections),
    Question("the same beside other queues", "msg/s", _queues),
    Question("the same through an exchange with other bindings", "msg/s", _bindings),
    Question("the same beside a deep queue", "msg/s", _waiting),
    Question("fairness: busy connections, a queue and a consumer each", "msg/s", _busy_connections),
    Question(f"p99 latency of a connection with {_PROBE_RATE:,} msg/s", "us", _flood),
    Question(f"longest pause: maximum latency at {_PROBE_RATE:,} msg/s", "us", _pauses),
]


@dataclass
class Growth:
    """The values of all rounds: by question, then by broker."""

    brokers: dict[str, str]
    rounds: int
    sizes: Sizes
    answers: dict[str, dict[str, list[dict[str, float]]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def medians(self, question: Question, broker: str) -> Mapping[str, float]:
        """Return the median of each value, by label."""
        rounds = self.answers[question.title][broker]
        return {label: median(one[label] for one in rounds) for label in rounds[0]} if rounds else {}

    def as_data(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {
            "brokers": self.brokers,
            "rounds": self.rounds,
            "sizes": vars(self.sizes),
            "answers": self.answers,
            "failures": self.failures,
        }


def measure_growth(
    kinds: Sequence[Kind], questions: Sequence[Question], sizes: Sizes, rounds: int, say: Say
) -> Growth:
    """Ask every question of each broker, freshly started, in alternating rounds."""
    growth = Growth({kind.name: kind.describe() for kind in kinds}, rounds, sizes)
    for question in questions:
        answers: dict[str, list[dict[str, float]]] = {kind.name: [] for kind in kinds}
        growth.answers[question.title] = answers
        for turn in range(1, rounds + 1):
            for kind in kinds:
                say(f"{question.title}: round {turn}/{rounds}, {kind.name}")
                try:
                    with kind.running(durable=False) as target:
                        answers[kind.name].append(question.ask(target, sizes))
                except BenchError as error:
                    growth.failures.append(f"{question.title}, {kind.name}: {error}")
                    say(growth.failures[-1])
    return growth


def growth_markdown(growth: Growth, questions: Sequence[Question]) -> str:
    """Return a table: a line for each value, with its ratio to the first one of its question."""
    names = list(growth.brokers)
    lines = [
        f"Medians of {growth.rounds} rounds. " + "; ".join(f"{k}: {v}" for k, v in growth.brokers.items()),
        "",
        "| | | " + " | ".join(head for name in names for head in (name, "ratio")) + " |",
        "|---|---|" + "--:|--:|" * len(names),
    ]
    for question in questions:
        by_broker = {name: growth.medians(question, name) for name in names}
        labels = next((list(values) for values in by_broker.values() if values), [])
        for label in labels:
            title = f"{question.title} ({question.unit})" if label == labels[0] else ""
            cells = [cell for name in names for cell in _cells(by_broker[name], label)]
            lines.append(f"| {title} | {label} | {' | '.join(cells)} |")
    return "\n".join([*lines, *(["", *(f"* {each}" for each in growth.failures)] if growth.failures else [])]) + "\n"


def _cells(values: Mapping[str, float], label: str) -> tuple[str, str]:
    if label not in values:
        return "not measured", ""
    first = next(iter(values))
    ratio = "" if label == first or not values[first] else f"{significant(values[label] / values[first], 2)} x"
    return significant(values[label]), ratio
