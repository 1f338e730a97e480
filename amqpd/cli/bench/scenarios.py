"""The table of scenarios: what each is called, what it takes, and how its options become one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import click

from amqpd.cli.bench import options
from amqpd.cli.bench.backlog import Backlog
from amqpd.cli.bench.churn import KINDS, Churn
from amqpd.cli.bench.idle import Idle
from amqpd.cli.bench.latency import Latency
from amqpd.cli.bench.scenario import Scenario
from amqpd.cli.bench.throughput import Throughput, ack_every_by_default, processes_by_default


class Entry(NamedTuple):
    """A scenario on the command line; `build` raises ValueError for options that contradict each other."""

    build: Callable[..., Scenario]
    help: str
    options: list[click.Parameter]


def _duration(settings: dict[str, Any], default: int) -> dict[str, Any]:
    """Let --messages or --time bound the load, and `default` messages if neither is given."""
    if settings["messages"] and settings["time"]:
        raise ValueError(f"--messages {settings['messages']} and --time {settings['time']}: give one of them")
    if not settings["time"]:
        settings["messages"] = settings["messages"] or default
    return settings


def _throughput(
    pattern: tuple[int, int] | None, ack: bool, ack_every: int | None, headers: Any, **settings: Any
) -> Throughput:
    if pattern:
        given = [name for name in ("publishers", "consumers") if settings[name] is not None]
        if given:
            raise ValueError(f"--pattern {pattern[0]}:{pattern[1]} says how many --{given[0]} there are; give one")
        settings["publishers"], settings["consumers"] = pattern
        # One to many is fan-out: everybody gets everything. With --queues it is shared work.
        if pattern[0] == 1 < pattern[1] and settings["queues"] is None:
            settings["queues"] = pattern[1]
            settings["exchange_type"] = settings["exchange_type"] or "fanout"
    settings["publishers"] = settings["publishers"] or 1
    settings["queues"] = settings["queues"] or 1
    if settings["consumers"] is None:
        settings["consumers"] = settings["queues"]
    every = ack_every or (ack_every_by_default(settings["prefetch"]) if ack else 0)
    return Throughput(ack_every=every, headers=dict(headers), **_duration(settings, 200_000))


def _latency(headers: Any, **settings: Any) -> Latency:
    return Latency(headers=dict(headers), **_duration(settings, 10_000))


_THROUGHPUT: list[click.Parameter] = [
    *options.messages("Messages per publisher.", "200000"),
    options.size(16),
    options.option("-r", "--rate", type=options.RATE, default=0.0, help="Messages/s per publisher; 0: no limit."),
    click.Option(["-x", "--publishers"], type=options.POSITIVE, help="Connections that publish.  [default: 1]"),
    click.Option(
        ["-y", "--consumers"],
        type=options.COUNT,
        help="Connections that consume, spread over the queues; 0: publish only.  [default: one per queue]",
    ),
    click.Option(["--queues"], type=options.POSITIVE, help="Queues; publishers are spread over them.  [default: 1]"),
    click.Option(
        ["--pattern"],
        type=options.pattern,
        metavar="P:C",
        help="Publishers and consumers: 1:N is fan-out to N queues through a fanout exchange, N:1 fan-in, "
        "N:N on one queue or, with --queues, on many.",
    ),
    options.confirm(),
    options.flag("--ack", "Consumers acknowledge, four times per prefetch."),
    click.Option(
        ["-A", "--ack-every", "--multi-ack-every", "ack_every"],
        type=options.POSITIVE,
        help="Consumers acknowledge so many deliveries at a time.",
    ),
    options.option("-q", "--prefetch", type=options.PREFETCH, default=1000, help="With acks: 0 is unlimited."),
    options.persistent(),
    options.durable(),
    options.option("-t", "--exchange-type", default="", help="Publish to one of this type; empty: default."),
    options.option("-e", "--exchange", default="", help="With its type: publish to one that is there already."),
    options.option("--routing-keys", type=options.POSITIVE, default=1, help="Distinct routing keys for each queue."),
    options.queue_type(),
    options.headers(),
    options.option("--lag", type=options.COUNT, default=0, help="Consumers stay so many messages behind."),
    options.option(
        "--processes",
        type=options.POSITIVE,
        default=processes_by_default,
        help="Client processes that publish at most, and that consume; the default is half the cores each.",
    ),
]

SCENARIOS: dict[str, Entry] = {
    "throughput": Entry(_throughput, "Messages per second through queues.", _THROUGHPUT),
    "latency": Entry(
        _latency,
        "Microseconds from publish to delivery, with a histogram.",
        [
            *options.messages("Messages to time.", "10000"),
            options.size(16),
            options.option("-r", "--rate", type=options.RATE, default=0.0, help="Open loop: messages/s; 0: closed."),
            options.persistent(),
            options.durable(),
            options.queue_type(),
            options.headers(),
        ],
    ),
    "churn": Entry(
        Churn,
        f"Things made and removed per second: {', '.join(KINDS)}.",
        [
            click.Argument(["what"], type=click.Choice(list(KINDS)), default="connections"),
            options.option("-C", "--count", type=options.POSITIVE, default=1000, help="How many in all."),
            options.option("--alive", type=options.POSITIVE, default=1, help="How many exist at a time, per process."),
            options.durable(),
            options.option("--processes", type=options.POSITIVE, default=1, help="Client processes."),
        ],
    ),
    "idle": Entry(
        Idle,
        "Memory of an idle connection with one channel; start the broker freshly.",
        [
            options.option("-C", "--connections", type=options.POSITIVE, default=1000, help="Connections."),
            options.option("-z", "--time", type=options.RATE, default=0.0, help="Seconds to hold them."),
        ],
    ),
    "backlog": Entry(
        Backlog,
        "A deep queue: memory of a waiting message (start the broker freshly), filling and draining.",
        [
            options.option("-C", "--messages", type=options.POSITIVE, default=200_000, help="Messages."),
            options.size(100),
            options.confirm(),
            options.persistent(),
            options.durable(),
            options.queue_type(),
            click.Option(["--drain/--delete", "drain"], default=True, help="Consume all, or delete the queue."),
        ],
    ),
}
