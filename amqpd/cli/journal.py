"""`amqpd journal` and `amqpd backup`: what can be done with a data directory besides starting a broker on it."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import IO

import click

from amqpd.cli.data import folder_argument, opened
from amqpd.cli.places import default_folder
from amqpd.cli.private import private_files


@click.group()
def journal() -> None:
    """Look into the data directory of a stopped broker, or of a backup."""


@journal.command()
@folder_argument
def check(folder: Path) -> None:
    """Read everything in DIR, count it, and say what is damaged (exit status 1)."""
    from amqpd.broker.definitions import KINDS
    from amqpd.storage.holdings import Holdings

    with opened(folder) as engine:
        for kind in KINDS:
            found = len(engine.get(kind))
            if found:
                click.echo(f"{kind.name.replace('_', ' ')}: {found}")
        holdings = Holdings(engine)
        counts: Counter[int] = Counter()
        octets: Counter[int] = Counter()
        for queue, message in holdings.messages():
            if not holdings.holders[queue].is_stream:
                counts[queue] += 1
                octets[queue] += len(message.body)
        for stream, _, chunk in holdings.chunks():
            counts[stream] += chunk.count
            octets[stream] += sum(map(len, chunk.bodies))
        for queue, count in counts.items():
            holder = holdings.holders[queue]
            where = f"{holder.kind} {holder.name!r} in vhost {holder.vhost!r}"
            click.echo(f"{where}: {count} messages, {octets[queue]} bytes")
        damages = dict.fromkeys(engine.damages())  # it was read twice
        for damage in damages:
            click.echo(f"damaged: {damage.where}: {damage.what}", err=True)
    click.echo(f"{counts.total()} messages, {len(damages)} damages")
    if damages:
        raise SystemExit(1)


@journal.command()
@folder_argument
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
def export(folder: Path, file: IO[str]) -> None:
    """Write everything in DIR to FILE (or standard output), one JSON object a line."""
    from amqpd.storage.archive import exported

    with opened(folder) as engine:
        for line in exported(engine):
            file.write(line + "\n")


@journal.command(name="import")
@folder_argument
@click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
def import_(folder: Path, file: IO[str]) -> None:
    """Make the data directory DIR from what `export` wrote to FILE (or standard input)."""
    from amqpd.storage.archive import BadLine, load

    with opened(folder, new=True) as engine:
        try:
            count = load(engine, file)
        except BadLine as error:
            raise click.ClickException(f"{file.name}: {error}") from error
    click.echo(f"{count} messages", err=True)


@journal.command()
@folder_argument
def compact(folder: Path) -> None:
    """Write what DIR holds anew, and give the rest of its space back. It needs room for a copy of the messages."""
    from amqpd.storage.holdings import compacted

    with opened(folder) as engine:
        before = engine.octets
        compacted(engine)
        click.echo(f"{before} bytes before, {engine.octets} now")


@click.command()
@click.argument("destination", type=click.Path(path_type=Path))
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    envvar="AMQPD_DATA_DIR",
    default=default_folder,
    help="The directory to copy; by default the one that `amqpd serve` uses.",
)
def backup(destination: Path, data_dir: Path) -> None:
    """Copy the data directory to DESTINATION, also while a broker runs on it.

    To restore it, start a broker there: `amqpd serve --data-dir DESTINATION`.
    """
    from amqpd.storage.backup import backup as copy

    try:
        with private_files():
            copy(data_dir, destination, _progress)
    except OSError as error:
        raise click.ClickException(str(error)) from error


def _progress(name: str, copied: int, total: int) -> None:
    """One line on a terminal, written over and over; nothing where nobody looks."""
    if sys.stderr.isatty():
        click.echo(f"\r{name}: {100 * copied // total} %", nl=copied == total, err=True)
