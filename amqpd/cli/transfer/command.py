"""`amqpd import`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import click

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.url import DEFAULT_URL, BrokerUrl, parse_url
from amqpd.cli.ctl import target as control
from amqpd.cli.ctl.client import Client, Refused, Unreachable
from amqpd.cli.transfer.mover import Mover
from amqpd.cli.transfer.plan import Move, queues, without_target

MANAGEMENT: Final = 15672
MANAGEMENT_TLS: Final = 15671
BY_DEFAULT: Final = "by default port 15672 of its host, or 15671 for amqps"
WILD: Final = "* and ? stand for any characters"
MANY: Final = "May be given several times"


@click.command(name="import")
@click.argument("source")
@click.option("--management", metavar="URL", help=f"The source's management API; {BY_DEFAULT}.")
@click.option("--to", "target", default=DEFAULT_URL, show_default=True, help="Where the messages go.")
@click.option("--socket", help="The target's control socket, if it is not where it is by default.")
@click.option("--queue", "patterns", multiple=True, metavar="NAME", help=f"Only queues of this name; {WILD}. {MANY}.")
@click.option("--vhost", "vhosts", multiple=True, help=f"Only queues of this virtual host. {MANY}.")
@click.option("--definitions/--no-definitions", default=True, help="Move users, virtual hosts, queues and so on.")
@click.option("--messages/--no-messages", default=True, help="Move messages.")
@click.option("--dry-run", is_flag=True, help="Say what would move, and change nothing.")
def import_(
    source: str,
    management: str | None,
    target: str,
    socket: str | None,
    patterns: tuple[str, ...],
    vhosts: tuple[str, ...],
    definitions: bool,
    messages: bool,
    dry_run: bool,
) -> None:
    """Move definitions and messages here from the broker at SOURCE (amqp://user:password@host, or amqps), a RabbitMQ
    or amqpd.

    Definitions go through its management API, messages over AMQP: each leaves its queue only after it was confirmed
    here. Stop publishers and consumers first, or run it again until nothing is left. Messages keep their properties
    and order; they come from the default exchange, with the name of the queue as their routing key.
    """
    try:
        from_, to = parse_url(source), parse_url(target)
        if messages and _place(from_) == _place(to):
            where = f"{from_.host}:{from_.port}"
            raise ValueError(f"messages of {where} would go to {where}, where they are: say with --to where amqpd is")
        theirs = Client.of_url(management or _management_of(from_))
        options = {} if socket is None else {"socket": socket}
        ours = None if dry_run else control.find(options, os.environ)
        moves = queues(theirs, patterns, vhosts)
        if definitions:
            _definitions(theirs, ours)
        if messages:
            _messages(moves if ours is None else without_target(moves, ours), from_, to, dry_run=dry_run)
    except (ValueError, BenchError, Unreachable) as error:
        raise click.ClickException(str(error)) from error
    except Refused as error:
        raise click.ClickException(error.plain) from error


def _place(url: BrokerUrl) -> tuple[str, int]:
    """Where a broker listens; this machine has several names."""
    return "127.0.0.1" if url.host in ("localhost", "::1") else url.host, url.port


def _management_of(url: BrokerUrl) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    scheme, port = ("https", MANAGEMENT_TLS) if url.tls else ("http", MANAGEMENT)
    return f"{scheme}://{quote(url.user, safe='')}:{quote(url.password, safe='')}@{host}:{port}"


def _definitions(theirs: Client, ours: Client | None) -> None:
    document: Mapping[str, Any] = theirs.get("definitions")
    lists = {name: found for name, found in document.items() if isinstance(found, list) and found}
    counts = ", ".join(f"{len(found)} {name}" for name, found in lists.items())
    if ours is None:
        click.echo(f"definitions: {counts}")
        return
    ours.post("definitions", body=document)
    click.echo(f"definitions moved: {counts}")


def _messages(moves: list[Move], source: BrokerUrl, target: BrokerUrl, *, dry_run: bool) -> None:
    staying = [move for move in moves if move.hindrance]
    for move in staying:
        click.echo(f"{_shown(move)} stays: {move.hindrance}", err=True)
    going = [move for move in moves if not move.hindrance]
    if dry_run:
        for move in going:
            click.echo(f"{_shown(move)}: {_counted(move.ready)}")
        return
    total = 0
    for vhost in dict.fromkeys(move.vhost for move in going):
        with ExitStack() as opened:
            from_ = opened.enter_context(Connection(_within(source, vhost)))
            to = opened.enter_context(Connection(_within(target, vhost)))
            mover = Mover(from_, to)
            for move in going:
                if move.vhost == vhost:
                    total += _move(mover, move)
    click.echo(f"{_counted(total)} of {len(going)} queue{'' if len(going) == 1 else 's'} moved")
    if not moves:
        click.echo("no queue is chosen: see --queue and --vhost", err=True)


def _within(url: BrokerUrl, vhost: str) -> BrokerUrl:
    """The same broker and user in another virtual host."""
    return replace(url, vhost=vhost)


def _move(mover: Mover, move: Move) -> int:
    def progress(moved: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{_shown(move)}: {moved} of {max(move.ready, moved)}", nl=False, err=True)

    moved = mover.move(move.name, progress)
    if sys.stderr.isatty():
        click.echo("\r", nl=False, err=True)
    if moved:
        click.echo(f"{_shown(move)}: {_counted(moved)} moved")
    if move.held or move.delayed:
        waiting = f"{_counted(move.held)} held by consumers and {move.delayed} waiting for the next try"
        click.echo(f"{_shown(move)}: {waiting} stay, as the source counted them last", err=True)
    return moved


def _counted(messages: int) -> str:
    return f"{messages} message{'' if messages == 1 else 's'}"


def _shown(move: Move) -> str:
    return f"queue '{move.name}' of vhost '{move.vhost}'"

