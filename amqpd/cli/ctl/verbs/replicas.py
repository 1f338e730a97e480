"""rabbitmq-queues: the replicas of quorum queues and streams, of which a single node has one each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.output import Atom, compact
from amqpd.cli.ctl.verb import UNAVAILABLE, Answer, BadUse, Option, Request, Rows, Stop, Value, Verb
from amqpd.cli.ctl.verbs.errors import ERROR

GROUP: Final = "Replication"
KINDS: Final = ("all", "classic", "quorum")
QUORUM, STREAM = "quorum", "stream"
TYPES: Final = {"classic": "a classic queue", QUORUM: "a quorum queue", STREAM: "a stream"}
RESULTS: Final = ("vhost", "name", "size", "result")
LAST: Final = "error: the last node cannot be removed"
OF_RAFT: Final = ("Log Index", "Commit Index", "Snapshot Index", "Term", "Machine Version")
"""Columns about a log between nodes: there is none, they are empty."""


def quorum_status(request: Request) -> Answer:
    _of_type(request, QUORUM, "Cannot get quorum status of {}")
    row = {"Node Name": Atom(request.node), "Raft State": Atom("leader")}
    return Rows(("Node Name", "Raft State", *OF_RAFT), [row])


def stream_status(request: Request) -> Answer:
    stream = _of_type(request, STREAM, "Cannot get stream status of {}")
    if request.options.get("tracking"):
        offsets = request.client.get("stream", request.vhost, request.arguments[0], "tracking")["offsets"]
        rows = [{"type": Atom("offset"), "reference": name, "value": offset} for name, offset in offsets.items()]
        return Rows(("type", "reference", "value"), rows)
    last = stream["committed_offset"]
    row = {
        "role": Atom("writer"),
        "node": Atom(request.node),
        "offset": last,
        "committed_offset": last,
        "first_offset": last + 1 - stream["messages"],
        "readers": sum(stream["readers"].values()),
        "segments": stream["segments"],
    }
    return Rows((*row,), [row])


def rebalance(request: Request) -> Answer:
    """Nothing moves; the answer is what RabbitMQ says of its nodes afterwards."""
    quorum = sum(each["type"] == "quorum" for each in request.client.get("queues"))
    row = {"Node name": request.node, "Number of quorum queues": quorum, "Number of replicated classic queues": 0}
    if request.formatter == "json":
        return Value("", [[[key, value] for key, value in row.items()]])
    return Rows((*row,), [row])


def reclaim(request: Request) -> Answer:
    """There is no log in memory; queues are looked at all the same."""
    missing = f"Target queue was not found in virtual host '{request.vhost}'"
    if _queue(request, missing)["type"] == "classic":
        raise Stop(UNAVAILABLE, ERROR.format("This operation is not applicable to classic queues"))
    return None


def kind_checked(request: Request) -> None:
    """Raises Stop for a kind of queues that there isn't."""
    kind = request.arguments[0]
    if kind not in KINDS:
        raise Stop(UNAVAILABLE, ERROR.format(f"type {kind} is not supported. Try one of {', '.join(KINDS)}."))


def grow(_: Request) -> Answer:
    """This node has a replica of every queue, and another one that could is not there."""
    return Rows(RESULTS, [])


def shrink(request: Request) -> Answer:
    """What is on this node is all there is."""
    here = request.arguments[0] == request.node
    found = [each for each in request.client.get("queues") if here and each["type"] == QUORUM]
    return Rows(RESULTS, [{**each, "size": 1, "result": LAST} for each in found])


def strategy_checked(request: Request) -> None:
    """Raises BadUse for a choice of queues that there isn't."""
    strategy = request.arguments[1]
    if strategy not in ("all", "even"):
        raise BadUse(f"\"strategy '{strategy}' is not recognised.\"")


def add(kind: str, refusal: str) -> Callable[[Request], Answer]:
    """The verb that adds a replica of one type of queues: on this node there is one already."""

    def run(request: Request) -> Answer:
        _of_type(request, kind, refusal)
        if request.arguments[1] != request.node:
            raise Stop(UNAVAILABLE, ERROR.format("node_not_running"))
        return None

    return run


def delete_member(request: Request) -> Answer:
    _of_type(request, QUORUM, "Cannot add members to {}")
    if request.arguments[1] == request.node:
        raise Stop(UNAVAILABLE, ERROR.format("last_node"))
    return None


def delete_replica(request: Request) -> Answer:
    _of_type(request, STREAM, "Cannot delete replicas from {}")
    here = request.arguments[1] == request.node
    raise Stop(UNAVAILABLE, ERROR.format("Cannot delete the last member of a stream" if here else "node_not_running"))


def set_retention(request: Request) -> Answer:
    """RabbitMQ changes an argument of the stream behind its declaration; here policies are the way."""
    name, policy = request.arguments
    _queue(request)
    definition = compact({"max-age": policy})
    text = f"a policy does it: set_policy <policy> '^{name}$' '{definition}' --apply-to queues"
    raise Stop(UNAVAILABLE, ERROR.format(text))


def _queue(request: Request, missing: str = "not_found") -> Any:
    """The queue that is named first. Raises Stop."""
    try:
        return request.client.get("queues", request.vhost, request.arguments[0])
    except Refused as error:
        if error.status != 404:
            raise
        raise Stop(UNAVAILABLE, ERROR.format(missing)) from None


def _of_type(request: Request, kind: str, refusal: str) -> Any:
    """The queue that is named first. Raises Stop unless it is of one type."""
    queue = _queue(request)
    if queue["type"] != kind:
        raise Stop(UNAVAILABLE, ERROR.format(refusal.format(TYPES.get(queue["type"], queue["type"]))))
    return queue


def _on_node(text: str) -> Callable[[Request], str]:
    return lambda request: text.format(*request.arguments, node=request.node)


MATCHING: Final = (Option("--vhost-pattern"), Option("--queue-pattern"))
ERRORS: Final = Option("--errors-only", bool)
TIMEOUT: Final = " [--timeout <timeout>]"
ADDING: Final = "Adding a replica for queue {0} on node {1}..."
REMOVING: Final = "Removing a replica of queue {0} on node {1}..."
ADDED: Final = "Nothing on this node, which has one; refused for another"
DELETED: Final = "Refused on this node, which has the only one"
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
        stream_status,
        _on_node("Status of stream {0} on node {node} ..."),
        1,
        1,
        (Option("--tracking", bool),),
        formatter="pretty_table",
    ),
    Verb(
        "rebalance",
        "< all | classic | quorum > [--vhost-pattern <pattern>] [--queue-pattern <pattern>]",
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
        "<node> <all | even> [--vhost-pattern <pattern>] [--queue-pattern <pattern>]",
        "Nothing: there is one node",
        "Cluster",
        grow,
        _on_node("Growing {1} quorum queues on {0}..."),
        2,
        2,
        (*MATCHING, ERRORS),
        check=strategy_checked,
    ),
    Verb(
        "shrink",
        "<node> [--errors-only]",
        "Nothing, or refused queue by queue: there is one node",
        "Cluster",
        shrink,
        _on_node("Shrinking quorum queues on {0}..."),
        1,
        1,
        (ERRORS,),
    ),
    *(
        Verb(name, f"[--vhost <vhost>] <queue> <node>{timeout}", summary, GROUP, run, _on_node(banner), 2, 2)
        for name, timeout, summary, run, banner in (
            ("add_member", TIMEOUT, ADDED, add(QUORUM, "Cannot add members to {}"), ADDING),
            ("delete_member", "", DELETED, delete_member, REMOVING),
            ("add_replica", TIMEOUT, ADDED, add(STREAM, "Cannot add replicas to {}"), ADDING),
            ("delete_replica", "", DELETED, delete_replica, REMOVING),
        )
    ),
    Verb(
        "set_stream_retention_policy",
        "[--vhost <vhost>] <name> <policy>",
        "Refused: a policy with max-age does it",
        "Policies",
        set_retention,
        _on_node("Setting retention policy of stream queue {0} to {1} ..."),
        2,
        2,
    ),
    Verb(
        "reclaim_quorum_memory",
        " [--vhost <vhost>] <quorum queue>",
        "Nothing: there is no log in memory",
        "Operations",
        reclaim,
        _on_node("Will flush Raft WAL of quorum queue {0} ..."),
        1,
        1,
    ),
)
