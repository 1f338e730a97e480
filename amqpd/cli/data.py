"""What the commands that work on a data directory share: which one, and errors as one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amqpd.cli.private import private_files

if TYPE_CHECKING:
    from amqpd.storage.engine import Engine


def folder_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument DIR to a command."""
    return click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))(command)


@contextmanager
def opened(folder: Path, *, new: bool = False) -> Iterator[Engine]:
    """The engine of a directory that no broker uses; `new`: one that holds nothing yet, and is made."""
    from amqpd.storage.engine import DirectoryInUse, UnknownFormat
    from amqpd.storage.folder import FORMAT
    from amqpd.storage.sqlite import SqliteEngine

    if new and folder.exists() and any(folder.iterdir()):
        raise click.ClickException(f"{folder} is not empty: name a directory that isn't there yet")
    if not new and not (folder / FORMAT).exists():
        raise click.ClickException(f"{folder} is no data directory: there is no file {FORMAT!r} in it")
    try:
        with private_files(), closing(SqliteEngine(folder)) as engine:
            yield engine
    except (DirectoryInUse, UnknownFormat, OSError) as error:
        raise click.ClickException(str(error)) from error
