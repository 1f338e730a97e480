"""Which queues move, as the management APIs of both sides tell, and why others don't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

import attrs

from amqpd.cli.ctl.client import Client

FIELDS: Final = "name,vhost,type,messages_ready,messages_unacknowledged,messages_delayed,exclusive,paused"


@attrs.frozen
class Move:
    """One queue of the source."""

    vhost: str
    name: str
    ready: int
    """Messages, as the source counted them last."""
    held: int = 0
    """Those that consumers had then and had not settled: they stay."""
    delayed: int = 0
    """Those that waited for their next try then: they stay too."""
    hindrance: str = ""
    """Why it stays; empty: it moves."""


def queues(source: Client, patterns: Sequence[str], vhosts: Sequence[str]) -> list[Move]:
    """All queues of the source that are asked for: `patterns` with * and ? for names, none for all. Raises Refused,
    Unreachable.
    """
    found = []
    for each in source.get("queues", columns=FIELDS):
        if vhosts and each["vhost"] not in vhosts:
            continue
        if patterns and not any(fnmatchcase(each["name"], pattern) for pattern in patterns):
            continue
        ready, held, delayed = (int(each.get(f"messages_{of}") or 0) for of in ("ready", "unacknowledged", "delayed"))
        found.append(Move(each["vhost"], each["name"], ready, held, delayed, _hindrance(each)))
    return sorted(found, key=lambda move: (move.vhost, move.name))


def without_target(moves: Sequence[Move], target: Client) -> list[Move]:
    """The same; what has no queue at the target stays."""
    there = {(each["vhost"], each["name"]) for each in target.get("queues", columns="name,vhost")}
    return [
        move
        if move.hindrance or (move.vhost, move.name) in there
        else attrs.evolve(move, hindrance="the target has no such queue")
        for move in moves
    ]


def _hindrance(queue: Mapping[str, Any]) -> str:
    if queue.get("exclusive"):
        return "it is exclusive: it belongs to a connection"
    if queue.get("type") == "stream":
        return "it is a stream: its messages are not taken off it"
    if queue.get("paused"):
        return "it is paused: it gives nothing to anybody"
    return ""
