"""Which function plays which scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NoReturn

from interop.matrix import driver
from interop.tools.python import access, topology, watching
from interop.tools.python.stage import Login, Stage

SCENARIOS: Final[Mapping[str, Callable[[Stage], object]]] = {
    "overview": access.overview,
    "vhosts": access.vhosts,
    "users": access.users,
    "topology": topology.topology,
    "messages": watching.messages,
    "policies": topology.policies,
    "limits": topology.limits,
    "definitions": topology.definitions,
    "connections": watching.connections,
    "statistics": watching.statistics,
    "health": watching.health,
}


def main(login: Login, own: Mapping[str, Callable[[Stage], object]] | None = None) -> NoReturn:
    """Play a scenario with a tool, and end the process; `own` ones replace those from here."""
    played = {**SCENARIOS, **(own or {})}
    driver.play({name: partial(_play, login, scenario) for name, scenario in played.items()})


def _play(login: Login, scenario: Callable[[Stage], object]) -> None:
    scenario(Stage(login))
