"""``amqpd bench``: the options of every scenario, and how a failure is told.

A failed measurement is one line on stderr and exit code 1; a wrong option is click's usage error, exit code 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from amqpd.cli.bench import report
from amqpd.cli.bench.backlog import Backlog
from amqpd.cli.bench.churn import Churn
from amqpd.cli.bench.comparison import compare
from amqpd.cli.bench.declares import Declares
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.idle import Idle
from amqpd.cli.bench.latency import Latency
from amqpd.cli.bench.scenario import Scenario, Target, run
from amqpd.cli.bench.throughput import Throughput
from amqpd.cli.bench.url import DEFAULT_URL, BrokerUrl, parse_url

_POSITIVE = click.IntRange(min=1)
_COUNT = click.IntRange(min=0)


# Functions, since `click.ParamType` is generic from click 8.4 on and not before: no base class fits both.
def _url(value: Any) -> BrokerUrl:
    try:
        return parse_url(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _named_url(value: Any) -> tuple[str, BrokerUrl]:
    name, equals, url = value.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{value!r} is not NAME=URL, such as ours={DEFAULT_URL}")
    return name, _url(url)


def _option(*names: str, **settings: Any) -> click.Option:
    return click.Option(list(names), show_default=True, **settings)


def _flag(name: str, meaning: str) -> click.Option:
    return click.Option([name], is_flag=True, help=meaning)


def _messages(default: int, meaning: str, *other_names: str) -> click.Option:
    return _option(*other_names, "--messages", "messages", type=_POSITIVE, default=default, help=meaning)


def _size(default: int) -> click.Option:
    return _option("--size", type=_COUNT, default=default, help="Octets of a message's body.")


_DURABLE = _flag("--durable", "Declare durable queues and exchanges.")
_PERSISTENT = _flag("--persistent", "Publish with delivery mode 2.")

SCENARIOS: dict[str, tuple[Callable[..., Scenario], str, list[click.Option]]] = {
    "throughput": (
        Throughput,
        "Messages per second through queues.",
        [
            _messages(200_000, "Messages per publisher."),
            _size(16),
            _option("--publishers", type=_POSITIVE, default=1, help="Publisher processes."),
            _option("--consumers", type=click.IntRange(0, 1), default=1, help="Consumer processes per queue, 0 or 1."),
            _option("--queues", type=_POSITIVE, default=1, help="Queues; the publishers are spread over them."),
            _flag("--confirm", "Publisher confirms."),
            _option("--window", type=_POSITIVE, default=1000, help="With --confirm: messages unconfirmed at most."),
            _flag("--ack", "Consumers acknowledge."),
            _option("--prefetch", type=click.IntRange(0, 65535), default=1000, help="With --ack: 0 is unlimited."),
            _PERSISTENT,
            _DURABLE,
            _option("--exchange", default="", help="Type of an exchange with one binding; empty: the default one."),
            _option("--queue-type", default="", help="x-queue-type, such as quorum (needs --durable)."),
        ],
    ),
    "latency": (
        Latency,
        "Microseconds from publish to delivery.",
        [
            _messages(10_000, "Messages to time."),
            _size(16),
            _option("--rate", type=click.FloatRange(min=0), default=0.0, help="Open loop: messages/s; 0: closed loop."),
            _PERSISTENT,
            _DURABLE,
        ],
    ),
    "churn": (Churn, "Connections opened and closed per second.", [_messages(1000, "Connections.", "--connections")]),
    "declares": (
        Declares,
        "Queues declared and deleted per second.",
        [_messages(1000, "Queues.", "--queues"), _DURABLE],
    ),
    "idle": (
        Idle,
        "Memory of an idle connection with one channel; start the broker freshly.",
        [_messages(1000, "Connections.", "--connections")],
    ),
    "backlog": (
        Backlog,
        "Memory of a waiting message; start the broker freshly.",
        [_messages(200_000, "Messages."), _size(100), _PERSISTENT, _DURABLE],
    ),
}



def _targets() -> click.Option:
    settings = {"type": _named_url, "metavar": "NAME=URL", "multiple": True, "required": True}
    return _option("--target", "targets", help="Give two or more.", **settings)


def _timeout() -> click.Option:
    return _option("--timeout", type=click.FloatRange(min=0, min_open=True), default=300.0, help="Seconds for one run.")


def _json() -> click.Option:
    return _flag("--json", "One JSON object on stdout.")


@click.group()
def bench() -> None:
    """Load an AMQP 0-9-1 broker and report what it does."""


def _scenario_command(name: str) -> click.Command:
    build, help_line, options = SCENARIOS[name]

    def measure(url: BrokerUrl, pid: int | None, timeout: float, json: bool, **settings: Any) -> None:
        scenario = build(**settings)
        try:
            result = run(name, scenario, Target(url, pid, timeout))
        except BenchError as error:
            raise click.ClickException(str(error)) from None
        click.echo(report.as_json(result, scenario) if json else report.as_text(result))

    common = [
        _option("--url", type=_url, metavar="URL", default=DEFAULT_URL, help="The broker."),
        _option("--pid", type=_POSITIVE, default=None, help="The broker's process, for memory; found if it is local."),
        _timeout(),
        _json(),
    ]
    return click.Command(name, callback=measure, params=[*options, *common], help=help_line)


for _name in SCENARIOS:
    bench.add_command(_scenario_command(_name))


def _compare(
    targets: tuple[tuple[str, BrokerUrl], ...],
    rounds: int,
    timeout: float,
    json: bool,
    scenario: str,
    options: tuple[str, ...],
) -> None:
    if len(dict(targets)) < 2 or len(dict(targets)) < len(targets):
        raise click.UsageError("compare needs two or more --target NAME=URL with different names")
    build, _, parameters = SCENARIOS[scenario]
    with click.Command(scenario, params=list(parameters)).make_context(
        scenario, list(options), parent=click.get_current_context()
    ) as context:
        chosen = build(**context.params)
    try:
        comparison = compare(
            scenario,
            chosen,
            {name: Target(url, None, timeout) for name, url in targets},
            rounds,
            lambda number, name: click.echo(f"round {number}/{rounds}: {name}", err=True),
        )
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    click.echo(report.comparison_as_json(comparison, chosen) if json else report.comparison_as_text(comparison))


bench.add_command(
    click.Command(
        "compare",
        callback=_compare,
        help="Run SCENARIO with its OPTIONS against each target in turn; print medians and ratios.",
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
        params=[
            _targets(),
            _option("--rounds", type=_POSITIVE, default=5, help="Alternating runs per target."),
            _timeout(),
            _json(),
            click.Argument(["scenario"], type=click.Choice(list(SCENARIOS))),
            click.Argument(["options"], nargs=-1, type=click.UNPROCESSED),
        ],
    )
)
