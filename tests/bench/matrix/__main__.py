"""`python -m tests.bench.matrix`: the standard matrix, or with `--growth` what size costs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from amqpd.cli.bench.idle import OTHER_FILES, allow_open_files
from tests.bench.matrix import cores
from tests.bench.matrix.brokers import Amqpd, BrokerError, Kind, RabbitMQ, default_amqpds
from tests.bench.matrix.growth import QUESTIONS, Sizes, growth_markdown, measure_growth
from tests.bench.matrix.measuring import Outcome, measure
from tests.bench.matrix.plot import draw
from tests.bench.matrix.rows import Measurement, standard
from tests.bench.matrix.table import cores_markdown, markdown

_ROUNDS, _GROWTH_ROUNDS = 5, 3


# A function, since `click.ParamType` is generic from click 8.4 on and not before: no base class fits both.
def named_python(value: Any) -> Amqpd:
    """Read NAME=PYTHON."""
    name, equals, python = value.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{value!r} is not NAME=PYTHON, such as compiled=.venv-compiled/bin/python")
    # Not resolved: the interpreter of a virtual environment is a link that must be followed by its name.
    return Amqpd(name, str(Path(python).absolute()) if "/" in python else python)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _kinds(amqpds: Sequence[Amqpd], *, with_rabbitmq: bool) -> list[Kind]:
    kinds: list[Kind] = []
    if with_rabbitmq:
        try:
            RabbitMQ().describe()
            kinds.append(RabbitMQ())
        except BrokerError as error:
            _say(f"without RabbitMQ: {error}")
    return [*kinds, *(amqpds or default_amqpds())]


def counts_of_cores(value: Any) -> list[int]:
    """Read 2,4,8."""
    try:
        counts = [int(each) for each in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r} is not one or more numbers of cores, such as 2,4,8") from None
    if not 0 < min(counts) <= max(counts) <= cores.available():
        raise click.BadParameter(f"{value!r} is not within the {cores.available()} cores that can be used here")
    return counts


def _matrix(
    kinds: list[Kind], rounds: int, only: str, scale: float, output: Path, counts: Sequence[int]
) -> bool:
    measurements = [each for each in standard(scale) if any(re.search(only, row.title) for row in each.rows)]
    if not measurements:
        raise click.UsageError(f"--only {only!r} matches no row")
    with cores.confined(counts[0]):
        outcome = measure(kinds, measurements, rounds, _say)
    more = _on_more_cores(kinds, measurements, rounds, counts[1:])
    data = outcome.as_data() | {"cores": counts[0], "more": {count: each.as_data() for count, each in more.items()}}
    _write(output, "matrix", markdown(outcome) + (cores_markdown(more) if more else ""), data)
    try:
        draw(outcome, output / "matrix.png")
    except ValueError as error:
        _say(f"no plot: {error}")
    except ImportError as error:
        _say(f"no plot: {error.name} is missing; pip install 'amqpd[bench]' brings it")
    return not any(each.failures for each in (outcome, *more.values()))


def _on_more_cores(
    kinds: list[Kind], measurements: Sequence[Measurement], rounds: int, counts: Sequence[int]
) -> dict[int, Outcome]:
    """What takes time again, on each further count of cores; memory is the same on any."""
    timed = [each for each in measurements if not each.fresh]
    outcomes: dict[int, Outcome] = {}
    for count in counts if timed else ():
        _say(f"on {count} cores")
        with cores.confined(count):
            outcomes[count] = measure(kinds, timed, rounds, _say)
    return outcomes


def _growth(kinds: list[Kind], rounds: int, only: str, sizes: Sizes, output: Path) -> bool:
    questions = [each for each in QUESTIONS if re.search(only, each.title)]
    if not questions:
        raise click.UsageError(f"--only {only!r} matches no question")
    # The brokers started from here inherit it: they hold the other ends of the idle connections.
    allow_open_files(sizes.idle_connections + OTHER_FILES)
    outcome = measure_growth(kinds, questions, sizes, rounds, _say)
    _write(output, "growth", growth_markdown(outcome, questions), outcome.as_data())
    return not outcome.failures


def _write(output: Path, name: str, table: str, data: dict[str, Any]) -> None:
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{name}.md").write_text(table, encoding="utf-8")
    (output / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    click.echo(table, nl=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--amqpd",
    "amqpds",
    type=named_python,
    multiple=True,
    metavar="NAME=PYTHON",
    help="An amqpd to measure, by the interpreter that has it; `interpreted` leaves compiled modules alone.  "
    "[default: interpreted, and compiled where .venv-compiled is]",
)
@click.option("--rabbitmq/--no-rabbitmq", default=None, help="Measure it too.  [default: in the matrix, not in growth]")
@click.option("--rounds", type=click.IntRange(min=1), help=f"[default: {_ROUNDS}; growth: {_GROWTH_ROUNDS}]")
@click.option("--only", default="", metavar="REGEX", help="Rows or questions whose titles match.")
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("build/bench"), help="Folder for table, JSON and plot."
)
@click.option("--scale", type=click.FloatRange(0, 1, min_open=True), default=1.0, help="Fewer messages, to try it out.")
@click.option(
    "--cores",
    "counts",
    type=counts_of_cores,
    metavar="N,...",
    help="Measure on so many cores; a second table has further counts.  [default: 2, and 4 and 8 where they are]",
)
@click.option("--growth", is_flag=True, help="Measure what size costs instead.")
@click.option("--idle", type=click.IntRange(min=1), default=Sizes.idle_connections, help="Growth: idle connections.")
@click.option("--queues", type=click.IntRange(min=1), default=Sizes.queues, help="Growth: other queues.")
@click.option("--bindings", type=click.IntRange(min=1), default=Sizes.bindings, help="Growth: other bindings.")
@click.option("--waiting", type=click.IntRange(min=1), default=Sizes.waiting, help="Growth: waiting messages.")
@click.option("--busy", type=click.IntRange(min=2), default=Sizes.busy_connections, help="Growth: busy connections.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=Sizes.seconds, help="Growth: of watching.")
def main(
    amqpds: tuple[Amqpd, ...],
    rabbitmq: bool | None,
    rounds: int | None,
    only: str,
    output: Path,
    scale: float,
    counts: list[int] | None,
    growth: bool,
    idle: int,
    queues: int,
    bindings: int,
    waiting: int,
    busy: int,
    seconds: float,
) -> None:
    """Measure amqpd beside RabbitMQ in alternating rounds; write a table, JSON and a plot, and print the table."""
    try:
        kinds = _kinds(amqpds, with_rabbitmq=not growth if rabbitmq is None else rabbitmq)
        if growth:
            sizes = Sizes(idle, queues, bindings, waiting, busy, max(50, int(Sizes.messages * scale)), seconds)
            complete = _growth(kinds, rounds or _GROWTH_ROUNDS, only, sizes, output)
        else:
            complete = _matrix(kinds, rounds or _ROUNDS, only, scale, output, counts or cores.default_counts())
    except BrokerError as error:
        raise click.ClickException(str(error)) from None
    if not complete:
        raise click.ClickException("some measurements failed; they are listed below the table")


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.matrix")
