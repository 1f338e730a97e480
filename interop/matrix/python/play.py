"""Which function plays which scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NoReturn

from interop.matrix import driver
from interop.matrix.driver import Run
from interop.matrix.python import connections, consuming, contents, publishing, topology
from interop.matrix.python.port import Client, Scenario, Stage

SCENARIOS: Final[Mapping[str, tuple[Scenario, ...]]] = {
    "connect-options": (connections.connect_options,),
    "declare-bind": (topology.declare_bind,),
    "publish-consume": (contents.publish_consume,),
    "header-types": (contents.header_types,),
    "confirms": (publishing.confirms,),
    "mandatory": (publishing.mandatory, publishing.mandatory_confirmed),
    "get": (consuming.get,),
    "requeue": (consuming.requeue,),
    "prefetch": (consuming.prefetch,),
    "transactions": (publishing.transactions,),
    "exclusive": (topology.exclusive,),
    "cancel": (consuming.cancel,),
    "reply-to": (consuming.reply_to,),
    "large-message": (contents.large_message,),
    "heartbeats": (connections.heartbeats,),
    "reconnect": (connections.reconnect,),
    "blocked": (connections.blocked,),
    "tls": (connections.tls,),
}


def main(client: Callable[[str], Client], own: Mapping[str, Callable[[Run], object]] | None = None) -> NoReturn:
    """Play a scenario with the client of a variant, and end the process; `own` ones replace those from here."""
    shared = {name: partial(_play, client, parts) for name, parts in SCENARIOS.items()}
    driver.main({**shared, **(own or {})})


def _play(client: Callable[[str], Client], parts: tuple[Scenario, ...], run: Run) -> None:
    played = client(run.variant)
    for part in parts:
        stage = Stage(played, run.prefix, run.plain, run.tls, run.ca_file)
        part(stage)
        stage.strike()
