"""rabbitmq-upgrade: what is done to a node before and after it gets another version; Kubernetes' pods end with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.verb import Answer, Report, Request, Value, Verb

GROUP: Final = "Upgrade"
ALONE: Final = "Target node seems to be the only one in a single node cluster, the {} does not apply"
REASON: Final = "Node is being put into maintenance mode"
TIMEOUT: Final = "[--timeout <timeout>]"
PATIENCE: Final = 120
"""Seconds that RabbitMQ waits for other nodes."""


def single_node(request: Request) -> Answer:
    if {"quiet", "silent"} & request.options.keys():  # rabbitmqctl takes it for one of the words around an answer
        return None
    return Report(ALONE.format("command"), {"message": ALONE.format("check"), "result": "ok"})


def post_upgrade(request: Request) -> Answer:
    request.say("Rebalancing queue masters...")
    quorum = sum(each["type"] == "quorum" for each in request.client.get("queues"))
    counts = {"Number of quorum queues": quorum, "Number of replicated classic queues": 0}
    shown = [f'{{"Node name", :{request.node}}}', *(f'{{"{key}", {count}}}' for key, count in counts.items())]
    return Value(f"[{', '.join(shown)}]", [[["Node name", request.node], *map(list, counts.items())]])


def drain(request: Request) -> Answer:
    """Take no new clients, and send away those that are there."""
    request.local().post("control", "listeners", "suspend")
    for each in request.client.get("connections"):
        try:
            request.client.delete("connections", each["name"], headers={"x-reason": REASON})
        except Refused as error:
            if error.status != 404:  # it went by itself
                raise
    return None


def revive(request: Request) -> Answer:
    request.local().post("control", "listeners", "resume")
    return None


def _waiting(what: str) -> Callable[[Request], str]:
    return lambda request: f"Will wait for {what} for {int(request.options.get('timeout', PATIENCE))} seconds..."


VERBS: Final = (
    Verb("await_online_quorum_plus_one", "", "Nothing: there is no other node to wait for", GROUP, single_node,
         _waiting("a quorum + 1 of nodes to be online for all quorum queues")),
    Verb("await_online_synchronized_mirror", "", "The same for mirrored queues", GROUP, single_node,
         _waiting("a synchronised mirror be online for all classic mirrored queues")),
    Verb("post_upgrade", "", "Nothing: one node has all queues", GROUP, post_upgrade,
         lambda _: "Executing post upgrade tasks..."),
    Verb("drain", TIMEOUT, "Take no new clients, and close the connections of the others", GROUP, drain,
         lambda request: (
             f"Will put node {request.node} into maintenance mode. The node will no longer serve any client traffic!"
         )),
    Verb("revive", TIMEOUT, "Take clients again", GROUP, revive,
         lambda request: (
             f"Will put node {request.node} back into regular operating mode. "
             "The node will again serve client traffic and host primary queue replicas."
         )),
)  # fmt: skip
