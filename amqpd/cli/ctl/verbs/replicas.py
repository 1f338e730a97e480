"""rabbitmq-queues: the replicas of quorum queues and streams, of which a single node has one each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.output import Atom
from amqpd.cli.ctl.verb import UNAVAILABLE, Answer, Option, Request, Rows, Stop, Value, Verb
from amqpd.cli.ctl.verbs.errors import ERROR

GROUP: Final = "Replication"
KINDS: Final = ("all", "classic", "quorum")
OF_RAFT: Final = ("Log Index", "Commit Index", "Snapshot Index", "Term", "Machine Version")
"""Columns about a log between nodes: there is none, they are empty."""


def quorum_status(request: Request) -> Answer:
    try:
        queue = request.client.get("queues", request.vhost, request.arguments[0])
    except Refused as error:
        if error.status != 404:
            raise
        raise Stop(UNAVAILABLE, ERROR.format("not_found")) from None
    if queue["type"] == "classic":
        raise Stop(UNAVAILABLE, ERROR.format("Cannot get quorum status of a classic queue"))
    row = {"Node Name": Atom(queue.get("leader", request.node)), "Raft State": Atom("leader")}
    return Rows(("Node Name", "Raft State", *OF_RAFT), [row])


def rebalance(request: Request) -> Answer:
    """Nothing moves; the answer is what RabbitMQ says of its nodes afterwards."""
    quorum = sum(each["type"] == "quorum" for each in request.client.get("queues"))
    row = {"Node name": request.node, "Number of quorum queues": quorum, "Number of replicated classic queues": 0}
    if request.formatter == "json":
        return Value("", [[[key, value] for key, value in row.items()]])
    return Rows((*row,), [row])


def reclaim(request: Request) -> Answer:
    """There is no log in memory; queues are looked at all the same."""
    try:
        queue = request.client.get("queues", request.vhost, request.arguments[0])
    except Refused as error:
        if error.status != 404:
            raise
        text = f"Target queue was not found in virtual host '{request.vhost}'"
        raise Stop(UNAVAILABLE, ERROR.format(text)) from None
    if queue["type"] == "classic":
        raise Stop(UNAVAILABLE, ERROR.format("This operation is not applicable to classic queues"))
    return None


def kind_checked(request: Request) -> None:
    """Raises Stop for a kind of queues that there isn't."""
    kind = request.arguments[0]
    if kind not in KINDS:
        raise Stop(UNAVAILABLE, ERROR.format(f"type {kind} is not supported. Try one of {', '.join(KINDS)}."))


def nothing(_: Request) -> Answer:
    """There is no other node to grow to or to leave."""
    return None


def refused(_: Request) -> Answer:
    """A replica is on another node, or it is the only one."""
    raise Stop(UNAVAILABLE, ERROR.format("amqpd is a single node: every queue has one replica, and keeps it"))


def _on_node(text: str) -> Callable[[Request], str]:
    return lambda request: text.format(*request.arguments, node=request.node)


MATCHING: Final = (Option("--vhost-pattern"), Option("--queue-pattern"), Option("--errors-only", bool))
VERBS: Final = (
    Verb(
        "quorum_status",
        "[--vhost <vhost>] <queue>",
        "Show the replicas of a queue",
        GROUP,
        quorum_status,
        _on_node("Status of quorum queue {0} on node {node} ..."),
        1,
        1,
        formatter="pretty_table",
    ),
    Verb(
        "stream_status",
        "[--vhost <vhost>] [--tracking] <stream>",
        "The same for a stream",
        GROUP,
        quorum_status,
        _on_node("Status of stream {0} on node {node} ..."),
        1,
        1,
        (Option("--tracking", bool),),
        formatter="pretty_table",
    ),
    Verb(
        "rebalance",
        "<all | classic | quorum> [--vhost-pattern <pattern>] [--queue-pattern <pattern>]",
        "Spread leaders over nodes: there is one",
        "Cluster",
        rebalance,
        _on_node("Re-balancing leaders of {0} queues..."),
        1,
        1,
        MATCHING,
        check=kind_checked,
        formatter="pretty_table",
    ),
    Verb(
        "grow",
        "<node> <all | even> [--vhost-pattern <pattern>] [--queue-pattern <pattern>] [--errors-only]",
        "Nothing: there is one node",
        "Cluster",
        nothing,
        _on_node("Growing {1} quorum queues on {0}..."),
        2,
        2,
        MATCHING,
    ),
    Verb(
        "shrink",
        "<node> [--errors-only]",
        "Nothing: there is one node",
        "Cluster",
        nothing,
        _on_node("Shrinking quorum queues on {0}..."),
        1,
        1,
        MATCHING,
    ),
    Verb(
        "add_member",
        "[--vhost <vhost>] <queue> <node>",
        "Refused: there is one node",
        GROUP,
        refused,
        _on_node("Adding a replica for queue {0} on node {1}..."),
        2,
        2,
    ),
    Verb(
        "delete_member",
        "[--vhost <vhost>] <queue> <node>",
        "Refused: there is one node",
        GROUP,
        refused,
        _on_node("Removing a replica of queue {0} on node {1}..."),
        2,
        2,
    ),
    Verb(
        "reclaim_quorum_memory",
        "<queue>",
        "Nothing: there is no log in memory",
        "Operations",
        reclaim,
        _on_node("Will flush Raft WAL of quorum queue {0} ..."),
        1,
        1,
    ),
)
