"""``amqpd bench``: runs a scenario, or compares brokers by one, and tells how a failure is told.

A failed measurement is one line on stderr and exit code 1; a wrong option is click's usage error, exit code 2.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from amqpd.cli.bench import options, report
from amqpd.cli.bench.comparison import compare
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.progress import StatusLine
from amqpd.cli.bench.scenario import Scenario, Target, run
from amqpd.cli.bench.scenarios import SCENARIOS
from amqpd.cli.bench.url import DEFAULT_URL, BrokerUrl


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def bench() -> None:
    """Load an AMQP 0-9-1 broker and report what it does."""


def _build(name: str, settings: dict[str, Any]) -> Scenario:
    try:
        return SCENARIOS[name].build(**settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _tell(text: str, json: str, path: str | None) -> None:
    """Print the text, the JSON instead of it, or the text while the JSON goes to a file."""
    if path == options.STDOUT:
        click.echo(json)
        return
    if path:
        try:
            Path(path).write_text(json + "\n", encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"--json {path} cannot be written: {error.strerror or error}") from None
    click.echo(text)


def _scenario_command(name: str) -> click.Command:
    def measure(url: BrokerUrl, pid: int | None, timeout: float, json: str | None, **settings: Any) -> None:
        scenario = _build(name, settings)
        try:
            result = run(name, scenario, Target(url, pid, timeout, StatusLine(sys.stderr)))
        except BenchError as error:
            raise click.ClickException(str(error)) from None
        _tell(report.as_text(result), report.as_json(result, scenario), json)

    common = [
        options.option("-u", "--url", type=options.url, metavar="URL", default=DEFAULT_URL, help="The broker."),
        options.option(
            "--pid",
            type=options.POSITIVE,
            default=None,
            help="The broker's process, for its memory and processor time; found if it is local.",
        ),
        options.timeout(),
        options.json_output(),
    ]
    entry = SCENARIOS[name]
    return click.Command(name, callback=measure, params=[*entry.options, *common], help=entry.help)


for _name in SCENARIOS:
    bench.add_command(_scenario_command(_name))


def _compare(
    targets: tuple[tuple[str, BrokerUrl], ...],
    rounds: int,
    timeout: float,
    json: str | None,
    scenario: str,
    rest: tuple[str, ...],
) -> None:
    if len(dict(targets)) < 2 or len(dict(targets)) < len(targets):
        raise click.UsageError("compare needs two or more --target NAME=URL with different names")
    with click.Command(scenario, params=list(SCENARIOS[scenario].options)).make_context(
        scenario, list(rest), parent=click.get_current_context()
    ) as context:
        chosen = _build(scenario, context.params)
    try:
        comparison = compare(
            scenario,
            chosen,
            {name: Target(url, None, timeout, StatusLine(sys.stderr)) for name, url in targets},
            rounds,
            lambda number, name: click.echo(f"round {number}/{rounds}: {name}", err=True),
        )
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    _tell(report.comparison_as_text(comparison), report.comparison_as_json(comparison, chosen), json)


bench.add_command(
    click.Command(
        "compare",
        callback=_compare,
        help="Run SCENARIO with its OPTIONS against each target in turn; print medians and ratios.",
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
        params=[
            options.option(
                "--target",
                "targets",
                type=options.named_url,
                metavar="NAME=URL",
                multiple=True,
                required=True,
                help="Give two or more.",
            ),
            options.option("--rounds", type=options.POSITIVE, default=5, help="Alternating runs per target."),
            options.timeout(),
            options.json_output(),
            click.Argument(["scenario"], type=click.Choice(list(SCENARIOS))),
            click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS]..."),
        ],
    )
)
