"""What is about several nodes: there is one, and each verb ends with the exit code that such a node of RabbitMQ has."""

from __future__ import annotations

from typing import Final

from amqpd.cli.ctl.client import Unreachable
from amqpd.cli.ctl.verb import DATA, SOFTWARE, UNAVAILABLE, USAGE, Answer, BadUse, Needs, Option, Request, Stop, Verb
from amqpd.cli.ctl.verbs.errors import ERROR

GROUP: Final = "Cluster"
ALONE: Final = "amqpd is a single node: there is no cluster to join, leave or change"
KINDS: Final = ("disc", "ram")
NO_KIND: Final = "Bad argument: The node type must be either disc or ram."
ITSELF: Final = "Error: cannot cluster node with itself: {}"
HALTED: Final = "this command requires the target node to be stopped."


def join(request: Request) -> Answer:
    if request.arguments[0] == request.node:
        raise Stop(SOFTWARE, ERROR.format(ITSELF.format(request.node)))
    raise Stop(UNAVAILABLE, ERROR.format(ALONE))


def change_type(request: Request) -> Answer:
    if request.arguments[0] == "ram":
        raise Stop(UNAVAILABLE, ERROR.format("{:not_clustered, 'Non-clustered nodes can only be disc nodes.'}"))
    return "Node type is already disc"


def forget(request: Request) -> Answer:
    if request.arguments[0] == request.node:
        raise Stop(UNAVAILABLE, ERROR.format(ALONE))
    raise Stop(UNAVAILABLE, ERROR.format("{:not_a_cluster_node, 'The node selected is not in the cluster.'}"))


def rename(_: Request) -> Answer:
    raise Stop(UNAVAILABLE, ERROR.format(ALONE))


def force_boot(_: Request) -> Answer:
    """Do nothing: no other node is waited for."""
    return None


def one_kind(request: Request) -> None:
    """Raises BadUse for a node that is to be of both types."""
    if request.options.get("disc") and request.options.get("ram"):
        raise BadUse(NO_KIND, DATA)


def kind_checked(request: Request) -> None:
    """Raises BadUse for a type of nodes that there isn't."""
    if request.arguments[0] not in KINDS:
        raise BadUse(NO_KIND, DATA)


def halted_if_offline(request: Request) -> None:
    """Raises BadUse where the broker answers although it is to be changed while it is away."""
    if request.options.get("offline"):
        _halted(request)


def renamed(request: Request) -> None:
    """Raises BadUse for an odd number of names, and where the broker answers."""
    if len(request.arguments) % 2:
        text = "Bad argument: Argument list should contain even number of nodes"
        raise BadUse(text, DATA, of_arguments=False)
    _halted(request)


def _halted(request: Request) -> None:
    try:
        request.client.get("control", "status")
    except Unreachable:
        return
    raise BadUse(HALTED, USAGE, of_arguments=False)


VERBS: Final = (
    Verb("join_cluster", "[--disc|--ram] <existing_cluster_member>", "Refused: amqpd is a single node", GROUP, join,
         lambda request: f"Clustering node {request.node} with {request.arguments[0]}", 1, 1,
         (Option("--disc", bool), Option("--ram", bool)), needs=Needs.STOPPED, check=one_kind),
    Verb("update_cluster_nodes", "<seed_node>", "Refused: amqpd is a single node", GROUP, join,
         lambda request: f"Will seed {request.node} from {request.arguments[0]} on next start", 1, 1,
         needs=Needs.STOPPED),
    Verb("change_cluster_node_type", "<disc | ram>", "Nothing for disc, which the node is; refused for ram", GROUP,
         change_type, lambda request: f"Turning {request.node} into a {request.arguments[0]} node", 1, 1,
         needs=Needs.STOPPED, check=kind_checked),
    Verb("forget_cluster_node", "[--offline] <existing_cluster_member_node>", "Refused: amqpd is a single node", GROUP,
         forget, lambda request: f"Removing node {request.arguments[0]} from the cluster", 1, 1,
         (Option("--offline", bool),), needs=Needs.ANY, check=halted_if_offline),
    Verb("rename_cluster_node", "<oldnode1> <newnode1> [oldnode2] [newnode2] ...", "Refused: amqpd is a single node",
         GROUP, rename, None, 2, None, needs=Needs.NOTHING, check=renamed),
    Verb("force_boot", "", "Nothing: no other node is waited for", GROUP, force_boot, needs=Needs.STOPPED),
)  # fmt: skip
