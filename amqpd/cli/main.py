"""The command line: `amqpd serve`, what operates a running broker, and what works without one."""

from __future__ import annotations

import click

from amqpd.cli.bench.command import bench
from amqpd.cli.compat import compat
from amqpd.cli.completion import completion
from amqpd.cli.control import ctl
from amqpd.cli.convert.command import config
from amqpd.cli.journal import backup, journal
from amqpd.cli.ping import ping
from amqpd.cli.serve import serve
from amqpd.cli.top.command import top
from amqpd.cli.transfer.command import import_
from amqpd.compiled import description
from amqpd.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(f"{__version__} ({description()})", prog_name="amqpd")
def main() -> None:
    """An AMQP 0-9-1 broker that RabbitMQ's clients connect to unchanged."""


main.add_command(serve)
main.add_command(ctl)
main.add_command(top)
main.add_command(ping)
main.add_command(bench)
main.add_command(compat)
main.add_command(completion)
main.add_command(config)
main.add_command(import_)
main.add_command(journal)
main.add_command(backup)
