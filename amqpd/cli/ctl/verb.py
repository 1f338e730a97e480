"""What a verb is, what it is asked, and how it can end: the vocabulary that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import IO, Any, Final

import attrs

from amqpd.cli.ctl.client import Client

# RabbitMQ's exit codes are those of sysexits.h.
USAGE: Final = 64
DATA: Final = 65
NO_USER: Final = 67
UNAVAILABLE: Final = 69
SOFTWARE: Final = 70
TEMPORARY: Final = 75


class Stop(Exception):
    """A verb ends without an answer: the exit code, and the text for standard error.

    `data` is what `--formatter json` has in place of the text, with UNAVAILABLE in place of the code: rabbitmqctl knows
    no finer codes there. None: the text as it is.
    """

    def __init__(self, code: int, text: str, data: object = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.data = data


class BadUse(Stop):
    """What was asked for makes no sense: the arguments and the usage are shown with it."""

    def __init__(self, text: str, code: int = USAGE, *, of_arguments: bool = True) -> None:
        super().__init__(code, text)
        self.of_arguments = of_arguments


class Needs(Enum):
    """In what state the broker has to be."""

    RUNNING = "running"
    STOPPED = "stopped"
    ANY = "there"
    NOTHING = "not even there"


@attrs.frozen
class Option:
    """One option of a verb: `kind` is bool for a switch, int for a number, str for a text."""

    name: str
    """With its dashes."""
    kind: type = str
    short: str = ""

    @property
    def key(self) -> str:
        return self.name.lstrip("-").replace("-", "_")


@attrs.define
class Request:
    """One command line, understood, and the broker that it is about."""

    arguments: list[str]
    options: Mapping[str, Any]
    """By the name of the option, without dashes and with underscores."""
    find: Callable[[], Client]
    stdin: IO[str]
    say: Callable[[str], None]
    """Tells a person how far it is; nothing in quiet mode."""
    verb: str = ""
    tool: str = "rabbitmqctl"
    default_formatter: str = "table"
    _client: Client | None = None
    _node: str | None = None

    @property
    def client(self) -> Client:
        """Raises Unreachable."""
        if self._client is None:
            self._client = self.find()
        return self._client

    @property
    def node(self) -> str:
        """The broker's name, or that which was asked for if it cannot be asked."""
        if self._node is None:
            path = ("control", "status") if self.client.is_local else ("overview",)
            self._node = str(self.client.get(*path)["node"])
        return self._node

    @property
    def vhost(self) -> str:
        return str(self.options.get("vhost", "/"))

    @property
    def formatter(self) -> str:
        return str(self.options.get("formatter", self.default_formatter))

    def local(self) -> Client:
        """The client, where HTTP won't do. Raises Stop."""
        if not self.client.is_local:
            text = "Error:\nthis is done over the control socket: run it on the broker's machine, without --url"
            raise Stop(UNAVAILABLE, text)
        return self.client


@attrs.frozen
class Rows:
    """An answer of rows: values by column, as JSON has them."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, object]]
    headed: bool = True
    """Whether tables have a line with the names of the columns; rabbitmqctl forgets it at times."""
    streamed: bool = False
    """Whether rabbitmqctl shows rows as they come: then it says nothing where there are none, else an empty line."""


@attrs.frozen
class Report:
    """An answer for people, and the same for programs."""

    text: str
    data: object
    """JSON, shown as it is."""


@attrs.frozen
class Value:
    """A single value, which programs get together with the node's name."""

    text: str
    data: object = None


@attrs.frozen
class Lines:
    """An answer that comes bit by bit, and is shown as it comes whatever the formatter."""

    lines: Iterator[str]


Answer = Rows | Report | Value | Lines | str | None
Banner = Callable[[Request], str]


@attrs.frozen
class Verb:
    """One verb of one tool."""

    name: str
    usage: str
    """What follows the name, as the usage shows it."""
    summary: str
    group: str
    run: Callable[[Request], Answer]
    banner: Banner | None = None
    least: int = 0
    most: int | None = 0
    """Arguments; None: any number."""
    options: tuple[Option, ...] = ()
    needs: Needs = Needs.RUNNING
    check: Callable[[Request], None] | None = None
    """Raises BadUse before anything is asked or said."""
    timeout: bool = False
    """Whether the time that it may take is said first."""
    formatter: str = "table"
    """Unless another is asked for."""

    @property
    def takes_vhost(self) -> bool:
        return "<vhost>" in self.usage
