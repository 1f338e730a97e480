"""Replicas of quorum queues: each has one, on the only node."""

from __future__ import annotations

from amqpd.broker.queue import Queue
from amqpd.http.message import Response
from amqpd.management.api import Call, text_of
from amqpd.management.errors import bad_request
from amqpd.management.handlers.answers import NO_CONTENT
from amqpd.management.handlers.overview import require_node
from amqpd.management.handlers.queues import find_queue
from amqpd.management.views.queues import QUORUM

STRATEGIES = ("all", "even")


async def status(call: Call) -> object:
    """Show the replicas of a quorum queue as `rabbitmq-queues quorum_status` does."""
    queue = _quorum_queue(call)
    return [
        {
            "Node Name": call.broker.name,
            "Raft State": "leader",
            "Membership": "voter",
            "Last Log Index": queue.last_number,
            "Last Written": queue.last_number,
            "Last Applied": queue.last_number,
            "Commit Index": queue.last_number,
            "Snapshot Index": 0,
            "Term": 1,
            "Machine Version": 0,
        }
    ]


async def add(call: Call) -> Response:
    """Put a replica on a node: it is on this one already, and there is no other."""
    _quorum_queue(call)
    _require_own(call, text_of(await call.body("node"), "node"))
    return NO_CONTENT


async def delete(call: Call) -> Response:
    """Take a replica away: the only one is never deleted."""
    queue = _quorum_queue(call)
    _require_own(call, text_of(await call.body("node"), "node"))
    raise bad_request(f"the only replica of queue '{queue.name}' cannot be deleted")


async def grow(call: Call) -> Response:
    """Put replicas of many queues on a node: they are there."""
    require_node(call)
    strategy = text_of(await call.body(), "strategy", STRATEGIES[0])
    if strategy not in STRATEGIES:
        raise bad_request(f"'strategy' is '{strategy[:40]}': expected one of {', '.join(STRATEGIES)}")
    return NO_CONTENT


async def shrink(call: Call) -> Response:
    """Take all replicas from a node: those of the only one are never deleted."""
    require_node(call)
    raise bad_request(f"node '{call.broker.name}' has the only replicas of its queues: they cannot be deleted")


def _quorum_queue(call: Call) -> Queue:
    queue = find_queue(call.vhost(), call.params["queue"])
    if queue.type.name != QUORUM:
        raise bad_request(f"queue '{queue.name}' is of type {queue.type.name}: only quorum queues have replicas")
    return queue


def _require_own(call: Call, node: str) -> None:
    if node != call.broker.name:
        raise bad_request(f"node '{node[:100]}' is not part of the cluster: there is '{call.broker.name}' alone")
