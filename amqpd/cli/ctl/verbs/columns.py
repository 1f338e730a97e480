"""The columns that a list is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from amqpd.cli.ctl.verb import BadUse, Request


def asked(request: Request) -> list[str]:
    """The names on the command line, each also with commas between several."""
    return [name for word in request.arguments for name in word.split(",") if name]


def chosen(request: Request, default: Sequence[str]) -> tuple[str, ...]:
    """What to show."""
    return (*dict.fromkeys(asked(request)),) or (*default,)


def columns_checked(known: Sequence[str]) -> Callable[[Request], None]:
    """A check that raises BadUse for names that are no columns."""

    def check(request: Request) -> None:
        unknown = sorted({each for each in asked(request) if each not in known})
        if unknown:
            raise BadUse(f"Info key(s) {','.join(unknown)} are not supported")

    return check
