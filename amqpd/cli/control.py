"""`amqpd ctl`: hands its words to the command that is also installed as `amqpctl`."""

from __future__ import annotations

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []},
    add_help_option=False,
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def ctl(words: tuple[str, ...]) -> None:
    """Operate a running broker, with rabbitmqctl's verbs: `amqpd ctl help` lists them."""
    from amqpd.cli.ctl.run import run

    raise SystemExit(run(words, "amqpd ctl"))
