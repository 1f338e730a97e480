"""Sizes and numbers on the command line, with RabbitMQ's units."""

from __future__ import annotations

import re
from typing import Final

from amqpd.cli.ctl.verb import DATA, BadUse, Request

UNITS: Final = {
    "": 1,
    "k": 2**10,
    "kib": 2**10,
    "m": 2**20,
    "mib": 2**20,
    "g": 2**30,
    "gib": 2**30,
    "t": 2**40,
    "tib": 2**40,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
}
SHOWN: Final = {"b": 1, "bytes": 1, **{name: UNITS[name] for name in ("kb", "mb", "gb", "tb")}}


def octets(text: str) -> int:
    """Read `1GB`, `512MiB`, `1000`. Raises BadUse."""
    found = re.fullmatch(r"(\d+)([a-z]*)", text.lower())
    if found is None or found[2] not in UNITS:
        raise BadUse("Bad argument.", DATA)
    return int(found[1]) * UNITS[found[2]]


def positive(request: Request) -> None:
    """Raises BadUse for an argument that isn't a number above 0."""
    if not request.arguments[0].isdecimal() or int(request.arguments[0]) == 0:
        raise BadUse("Bad argument: Argument must be a positive integer", DATA)


def shown(count: float, unit: str) -> str:
    """Octets in one unit, four digits behind the point: `0.1331 gb`."""
    if unit in ("b", "bytes"):
        return f"{int(count)} bytes"
    return f"{trimmed(count / SHOWN[unit], 4)} {unit}"


def trimmed(number: float, digits: int) -> str:
    """A number as Elixir shows a float: at least one digit behind the point."""
    return repr(round(float(number), digits))
