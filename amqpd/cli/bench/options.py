"""The options of the scenarios, spelled as users of RabbitMQ's PerfTest and lavinmqperf would guess."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from amqpd.cli.bench.frames import TableValue
from amqpd.cli.bench.url import DEFAULT_URL, BrokerUrl, parse_url

POSITIVE = click.IntRange(min=1)
COUNT = click.IntRange(min=0)
RATE = click.FloatRange(min=0)
SECONDS = click.FloatRange(min=0, min_open=True)
PREFETCH = click.IntRange(0, 65535)

STDOUT = "-"


# Functions, since `click.ParamType` is generic from click 8.4 on and not before: no base class fits both.
def url(value: Any) -> BrokerUrl:
    """Read a URL given on the command line."""
    try:
        return parse_url(value, tls=False)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def named_url(value: Any) -> tuple[str, BrokerUrl]:
    """Read NAME=URL."""
    name, equals, rest = value.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{value!r} is not NAME=URL, such as ours={DEFAULT_URL}")
    return name, url(rest)


def header(value: Any) -> tuple[str, TableValue]:
    """Read KEY=VALUE; a whole number is sent as one, anything else as text."""
    key, equals, text = value.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{value!r} is not KEY=VALUE, such as kind=order")
    try:
        return key, int(text)
    except ValueError:
        return key, text


def pattern(value: Any) -> tuple[int, int]:
    """Read P:C, two numbers of 1 or more."""
    publishers, _, consumers = value.partition(":")
    if not (publishers.isdecimal() and consumers.isdecimal() and int(publishers) and int(consumers)):
        raise click.BadParameter(f"{value!r} is not PUBLISHERS:CONSUMERS, such as 1:10")
    return int(publishers), int(consumers)


def option(*names: str, **settings: Any) -> click.Option:
    """Return an option that shows its default."""
    return click.Option(list(names), show_default=True, **settings)


def optional_value(*names: str, alone: object, **settings: Any) -> click.Option:
    """Return an option that may stand without a value and then means `alone`."""
    return click.Option(list(names), is_flag=False, flag_value=alone, **settings)


def flag(name: str, meaning: str) -> click.Option:
    """Return a switch."""
    return click.Option([name], is_flag=True, help=meaning)


def messages(meaning: str, default: str) -> Iterable[click.Option]:
    """Return the two ways to say how long a load lasts; they exclude each other."""
    return (
        click.Option(["-C", "--messages"], type=POSITIVE, help=f"{meaning}  [default: {default}]"),
        click.Option(["-z", "--time"], type=SECONDS, help="Seconds; instead of --messages."),
    )


def size(default: int) -> click.Option:
    """Return the option for the length of a body."""
    return option("-s", "--size", type=COUNT, default=default, help="Octets of a message's body.")


def durable() -> click.Option:
    """Return the switch for durable queues and exchanges."""
    return flag("--durable", "Declare durable queues and exchanges.")


def persistent() -> click.Option:
    """Return the switch for persistent messages."""
    return flag("--persistent", "Publish with delivery mode 2.")


def queue_type() -> click.Option:
    """Return the option for x-queue-type."""
    return option("--queue-type", default="", help="x-queue-type, such as quorum (needs --durable).")


def headers() -> click.Option:
    """Return the option for headers of every message."""
    return click.Option(
        ["--headers", "headers"],
        type=header,
        multiple=True,
        metavar="KEY=VALUE",
        help="A header of every message; may be given again.",
    )


def confirm(default: int = 1000) -> click.Option:
    """Return the option for publisher confirms."""
    return optional_value(
        "-c",
        "--confirm",
        alone=default,
        type=COUNT,
        default=0,
        metavar="[WINDOW]",
        help=f"Publisher confirms, with at most so many messages unconfirmed ({default} if no number follows).",
    )


def timeout() -> click.Option:
    """Return the option that bounds one run."""
    return option("--timeout", type=SECONDS, default=300.0, help="Seconds for one run.")


def json_output() -> click.Option:
    """Return the option for results as JSON."""
    return optional_value(
        "--json",
        alone=STDOUT,
        metavar="[FILE]",
        help="Every option and figure as one JSON object, to a file or, with - or nothing, to stdout.",
    )
