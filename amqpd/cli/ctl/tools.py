"""Which verbs there are, and under what names the command answers: its own, and those of RabbitMQ's tools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from amqpd.cli.ctl.verb import Verb
from amqpd.cli.ctl.verbs import (
    attempts,
    cluster,
    definitions,
    encrypted,
    erlang,
    evaluate,
    hashing,
    health,
    listing,
    logs,
    node,
    objects,
    parameters,
    peek,
    permissions,
    plugins,
    replicas,
    status,
    surroundings,
    tls,
    upgrade,
    users,
    vhosts,
)

OPERATING: Final[Mapping[str, Verb]] = {
    verb.name: verb
    for module in (
        node,
        cluster,
        status,
        health,
        tls,
        logs,
        surroundings,
        attempts,
        listing,
        users,
        permissions,
        vhosts,
        parameters,
        definitions,
        objects,
        replicas,
        peek,
        hashing,
        upgrade,
        encrypted,
        erlang,
        evaluate,
    )
    for verb in module.VERBS
}
"""All but those about plugins: RabbitMQ spreads them over five tools, here each of these has all."""
OF_PLUGINS: Final[Mapping[str, Verb]] = {verb.name: verb for verb in plugins.VERBS}
OWN: Final = "amqpctl"
NAMES: Final = (
    OWN,
    "rabbitmqctl",
    "rabbitmq-diagnostics",
    "rabbitmq-queues",
    "rabbitmq-streams",
    "rabbitmq-upgrade",
    "rabbitmq-plugins",
)


def tool_of(program: str) -> str:
    """The tool that a program is called as: the end of its path, if that is one of the names."""
    name = Path(program).name.removesuffix(".exe").removesuffix(".bat")
    return name if name in NAMES else OWN


def verbs_of(tool: str) -> Mapping[str, Verb]:
    """The verbs that a tool has."""
    return OF_PLUGINS if tool == "rabbitmq-plugins" else OPERATING
