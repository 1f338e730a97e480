"""The manual page, made from the commands and verbs themselves: `python -m amqpd.cli.manual FILE` writes it.

A test holds that the page in `packaging` says what the commands say.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from amqpd.cli.ctl.helping import GENERAL
from amqpd.cli.ctl.tools import OF_PLUGINS, OPERATING
from amqpd.cli.ctl.verb import Verb
from amqpd.cli.main import main

CODES: Final = (
    ("0", "done, or healthy"),
    ("64", "wrong usage, or the application has to be stopped or started first"),
    ("65", "a value that cannot be, or a virtual host that is not there"),
    ("67", "no such user"),
    ("69", "refused, not healthy, or no broker answers"),
    ("70", "it is there already"),
    ("75", "not in time"),
    ("77", "the login of --url is refused"),
)


def page() -> str:
    """The whole page in the language of man(7)."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield ".TH AMQPD 1"
    yield ".SH NAME"
    yield r"amqpd, amqpctl \- an AMQP 0-9-1 broker that RabbitMQ's clients connect to unchanged, and its command line"
    yield ".SH SYNOPSIS"
    yield r".B amqpd"
    yield r".I command"
    yield r"[\fIoptions\fR]"
    yield ".br"
    yield r".B amqpctl"
    yield r"[\fIoptions\fR] \fIverb\fR [\fIarguments\fR]"
    yield ".SH COMMANDS OF AMQPD"
    with click.Context(main, info_name="amqpd") as context:
        for name in main.list_commands(context):
            command = main.get_command(context, name)
            assert command is not None
            yield from _entry(f"amqpd {name}", command.get_short_help_str(200))
            if isinstance(command, click.Group):
                for inner in command.list_commands(context):
                    found = command.get_command(context, inner)
                    assert found is not None
                    yield from _entry(f"amqpd {name} {inner}", found.get_short_help_str(200))
    yield r".PP"
    yield r"\fBamqpd\fR \fIcommand\fR \fB\-\-help\fR tells all options; those of \fBamqpd serve\fR are its settings."
    yield ".SH VERBS OF AMQPCTL"
    yield r"Also as \fBamqpd ctl\fR, and by the names of RabbitMQ's tools: rabbitmqctl, rabbitmq-diagnostics,"
    yield "rabbitmq-queues, rabbitmq-streams and rabbitmq-upgrade."
    yield from _verbs([*OPERATING.values()])
    yield ".SH VERBS OF RABBITMQ-PLUGINS"
    yield from _verbs([*OF_PLUGINS.values()])
    yield ".SH OPTIONS OF AMQPCTL"
    for option, meaning in GENERAL:
        yield from _entry(option, meaning)
    yield ".SH EXIT STATUS"
    for code, meaning in CODES:
        yield from _entry(code, meaning)
    yield ".SH FILES"
    yield from _entry("control.sock", "in the data directory: the socket that amqpctl finds the broker by")
    yield ".SH SEE ALSO"
    yield r"https://www.rabbitmq.com/docs/man/rabbitmqctl.8"


def _verbs(verbs: list[Verb]) -> Iterator[str]:
    groups: dict[str, list[Verb]] = {}
    for verb in verbs:
        groups.setdefault(verb.group, []).append(verb)
    for group, found in groups.items():
        yield f".SS {_text(group)}"
        for verb in sorted(found, key=lambda each: each.name):
            yield from _entry(f"{verb.name} {verb.usage}".rstrip(), verb.summary)


def _entry(term: str, meaning: str) -> Iterator[str]:
    yield ".TP"
    yield rf"\fB{_text(term)}\fR"
    yield _text(meaning)


def _text(text: str) -> str:
    """A text without what man(7) would read as its own."""
    plain = re.sub(r"\s+", " ", text).replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{plain}" if plain[:1] in (".", "'") else plain


if __name__ == "__main__":
    for name_ in sys.argv[1:]:
        Path(name_).write_text(page(), encoding="utf-8", newline="\n")
