"""The scenarios of the contract, in the order of the matrix."""

from __future__ import annotations

import tomllib
from pathlib import Path

import attrs

FOLDER = Path(__file__).resolve().parent.parent
"""Where the clients are."""


@attrs.frozen
class Scenario:
    """What a driver is asked for; one that needs the broker `alone` may send the requests to the runner."""

    name: str
    title: str
    alone: bool = False
    prepared: str = ""
    """What the runner has to have ready: a name of `preparing`; empty is nothing."""
    only: tuple[str, ...] = ()
    """The keys of the clients that are asked for it, if not all are."""


def load(file: Path) -> tuple[Scenario, ...]:
    """Read a contract. Raises KeyError for a scenario without a title."""
    entries = tomllib.loads(file.read_text(encoding="utf-8"))
    return tuple(
        Scenario(name, each["title"], each.get("alone", False), each.get("prepared", ""), tuple(each.get("only", ())))
        for name, each in entries.items()
    )
