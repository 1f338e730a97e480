"""The command line: `amqpd serve`, `amqpd bench`, `amqpd compat`."""

from __future__ import annotations

import click

from amqpd.cli.bench.command import bench
from amqpd.cli.compat import compat
from amqpd.cli.serve import serve
from amqpd.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="amqpd")
def main() -> None:
    """An AMQP 0-9-1 broker that RabbitMQ's clients connect to unchanged."""


main.add_command(serve)
main.add_command(bench)
main.add_command(compat)
