"""`amqpd compat`: what one RabbitMQ version answers, what changes between two of them, and what amqpd does beyond both.

What an answer is about is said by the docstring of its field in `Profile`, and nowhere else. Python keeps no docstrings
of fields, so the source of the class is read for them.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import zip_longest

import attrs
import click

from amqpd.broker.compat import EXTENSIONS, PROFILES, Profile

WIDTH = 66
"""Of the column that says what an answer is about, in characters; the others are as wide as their longest word."""


@click.command()
@click.argument("old", type=click.Choice(list(PROFILES)), required=False)
@click.argument("new", type=click.Choice(list(PROFILES)), required=False)
def compat(old: str | None, new: str | None) -> None:
    """Rehearse an upgrade of RabbitMQ: show what changes from version OLD to version NEW.

    With one version show all that it answers, with none the versions there are and amqpd's own extensions. What is
    shown is what `compat = "NEW"` in the configuration does.
    """
    if old is None:
        click.echo("profiles: " + ", ".join(PROFILES))
        for name, sentence in EXTENSIONS.items():
            click.echo(f"extension {name}: {sentence}")
        return
    columns = [old] if new is None else [old, new]
    rows = [
        (meaning, [shown(getattr(PROFILES[column], name)) for column in columns])
        for name, meaning in meanings().items()
    ]
    if new is not None:
        rows = [(meaning, values) for meaning, values in rows if values[0] != values[1]]
    if rows:
        click.echo(table(columns, rows))
    else:
        click.echo(f"nothing changes from {old} to {new}")


def meanings() -> dict[str, str]:
    """What each field of `Profile` is about, in the order of the fields: the docstrings that follow them."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(Profile))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, docstring in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match docstring:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[field.target.id] = " ".join(text.split())
    return {field.name: found[field.name] for field in attrs.fields(Profile)}


def shown(value: object) -> str:
    """An answer as the table has it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case None | ():
            return "none"
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def table(columns: list[str], rows: list[tuple[str, list[str]]]) -> str:
    """Lines of a table: what a row is about, then one value a column; an empty line between rows."""
    widths = [
        max(map(len, " ".join([column, *(values[place] for _, values in rows)]).split()))
        for place, column in enumerate(columns)
    ]
    layout = "  ".join(f"{{:<{width}}}" for width in (WIDTH, *widths))
    lines = [layout.format("", *columns), layout.format("-" * WIDTH, *("-" * width for width in widths))]
    for meaning, values in rows:
        cells = [_folded(meaning, WIDTH), *map(_folded, values, widths)]
        lines += [layout.format(*line) for line in zip_longest(*cells, fillvalue="")]
        lines.append("")
    return "\n".join(line.rstrip() for line in lines[:-1])


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)
