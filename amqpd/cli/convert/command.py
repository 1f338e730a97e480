"""`amqpd config convert`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO

import click

from amqpd.cli.convert.conversion import Converted, convert
from amqpd.cli.convert.sysctl import NotSysctl, entries
from amqpd.cli.convert.toml import written
from amqpd.config import ConfigError, load


@click.group()
def config() -> None:
    """Make configuration files."""


@config.command(name="convert")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Where to write; by default standard output.")
@click.option("--strict", is_flag=True, help="Fail (exit status 1) if anything has no counterpart.")
def convert_(file: IO[str], output: Path | None, strict: bool) -> None:
    """Turn the rabbitmq.conf FILE into a TOML file of settings; what has none is named, with the reason."""
    try:
        made = convert(entries(file, os.environ))
    except NotSysctl as error:
        raise click.ClickException(f"{file.name}: {error}") from error
    text = "\n".join(written(made.values, made.notes)).lstrip("\n") + "\n"
    _check(made, text)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
    for note in made.lost:
        click.echo(f"{file.name}:{note.entry.line}: {note.entry.key} has no counterpart: {note.why}", err=True)
    click.echo(f"{len(made.values)} settings, {len(made.lost)} lines without a counterpart", err=True)
    if strict and made.lost:
        raise SystemExit(1)


def _check(made: Converted, text: str) -> None:
    """Say what amqpd will refuse as a whole: settings that don't go together."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "amqpd.toml")
        path.write_text(text, encoding="utf-8")
        try:
            load(path, {}, {})
        except ConfigError as error:
            click.echo(f"amqpd will not start with this: {error}".replace(f" (in {path})", ""), err=True)
