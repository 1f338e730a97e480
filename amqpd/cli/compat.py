"""`amqpd compat`: what the table of versions says, and what changes between two of them."""

from __future__ import annotations

import attrs
import click

from amqpd.broker.compat import EXTENSIONS, PROFILES


@click.command()
@click.argument("old", type=click.Choice(list(PROFILES)), required=False)
@click.argument("new", type=click.Choice(list(PROFILES)), required=False)
def compat(old: str | None, new: str | None) -> None:
    """Show what changes from one RabbitMQ version to another, or (with none given) amqpd's own extensions."""
    if old is None or new is None:
        click.echo("profiles: " + ", ".join(PROFILES))
        for name, sentence in EXTENSIONS.items():
            click.echo(f"extension {name}: {sentence}")
        return
    before, after = PROFILES[old], PROFILES[new]
    for field in attrs.fields(type(before)):
        values = getattr(before, field.name), getattr(after, field.name)
        if values[0] != values[1]:
            click.echo(f"{field.name}: {values[0]} -> {values[1]}")
