"""A queue as JSON. https://www.rabbitmq.com/docs/http-api-reference#get-apiqueues"""

from __future__ import annotations

from typing import Final

from amqpd.broker.capacities import Capacities
from amqpd.broker.json_tables import json_of
from amqpd.broker.policies import Matched
from amqpd.broker.queue import Queue
from amqpd.broker.queue_counts import lasting
from amqpd.broker.quorum_priorities import RETURNED, ReturnedFirstByPriority, TwoLevels
from amqpd.broker.quorum_queue import QuorumQueue
from amqpd.broker.stream.stream_queue import StreamQueue
from amqpd.broker.vhost import VHost
from amqpd.management.rates.counted import LENGTHS, QUEUE, of_queue
from amqpd.management.rates.details import Details, shown
from amqpd.management.views.connections import connection_details
from amqpd.management.views.consumers import consumer_view
from amqpd.management.views.counts import message_stats
from amqpd.protocol.connection import Connection
from amqpd.protocol.unsettled import Unsettled

QUORUM: Final = "quorum"
CLASSIC: Final = "classic"
MESSAGES: Final = QUEUE[len(LENGTHS) :]


def queue_view(
    vhost: VHost,
    queue: Queue,
    node: str,
    capacities: Capacities,
    details: Details | None,
    *,
    out: Unsettled | None = None,
    totals: bool = False,
) -> dict[str, object]:
    """What lists show. Without `details`: nothing that is counted, but with `totals` how many messages there are.

    `out`: what is out of queues; without it there are no sizes of messages, nor what is known of the first one.
    """
    matched = matched_of(vhost, queue)
    view: dict[str, object] = {
        "name": queue.name,
        "vhost": vhost.name,
        "type": queue.type.name,
        "node": node,
        "state": "running",
        "durable": queue.durable,
        "auto_delete": queue.auto_delete,
        "exclusive": queue.owner is not None,
        "internal": False,
        "internal_owner": None,
        "arguments": json_of(queue.arguments),
        "policy": None if matched.policy is None else matched.policy.name,
        "operator_policy": None if matched.operator is None else matched.operator.name,
        "effective_policy_definition": dict(matched.definition),
    }
    if details is None:
        return view | dict(zip(LENGTHS, of_queue(queue), strict=False)) if totals else view
    view |= _counts(queue, details) | _capacity(queue, capacities) | _of_type(queue, node) | _owner(queue)
    return view if out is None else view | _sizes(queue, out)


def queue_details(
    vhost: VHost,
    queue: Queue,
    node: str,
    capacities: Capacities,
    details: Details | None,
    *,
    out: Unsettled | None = None,
    totals: bool = False,
) -> dict[str, object]:
    """What a single queue shows beside that."""
    view = queue_view(vhost, queue, node, capacities, details, out=out, totals=totals)
    if details is not None:
        consumers = queue.consumers.members()
        view["consumer_details"] = [consumer_view(vhost, each, node) for each in consumers]
        view |= {"deliveries": [], "incoming": []}
    return view


def matched_of(vhost: VHost, queue: Queue) -> Matched:
    """The policies that a queue has."""
    return vhost.policies.of_queue(queue.name, queue.type)


def _counts(queue: Queue, details: Details) -> dict[str, object]:
    counts, consumers = of_queue(queue), queue.consumers
    active = consumers.active if consumers.single else None
    exclusive = queue.exclusive_consumer
    return {
        **shown(counts[: len(LENGTHS)], LENGTHS, details),
        "consumers": len(consumers) if queue.type.keeps_what_is_settled else queue.consumer_count,
        "exclusive_consumer_tag": None if exclusive is None else exclusive.tag,
        "single_active_consumer_tag": None if active is None else active.tag,
        "paused": queue.paused,
        "messages_delayed": queue.delayed,
        **details.idle,
        **message_stats(MESSAGES, counts[len(LENGTHS) :], details),
    }


def _capacity(queue: Queue, capacities: Capacities) -> dict[str, object]:
    """In what share of the time consumers took what came at once, under both of its names. Streams have none: each
    reader is at a place of its own.
    """
    if queue.type.keeps_what_is_settled:
        return {}
    return dict.fromkeys(("consumer_capacity", "consumer_utilisation"), capacities.of(queue))


def _of_type(queue: Queue, node: str) -> dict[str, object]:
    if queue.type.name == CLASSIC:
        return {"storage_version": 2} | _in_memory(queue)
    replicas: dict[str, object] = {"leader": node, "members": [node], "online": [node]}
    if queue.type.name == QUORUM:
        limit = queue.delivery_limit
        replicas |= {"delivery_limit": "unlimited" if limit is None else limit, "messages_dlx": queue.dying}
        return replicas | _by_priority(queue)
    if isinstance(queue, StreamQueue):
        return replicas | {
            "readers": {node: queue.readers},
            "segments": queue.segments,
            "committed_offset": queue.last_number - 1,
            "positions": dict(queue.positions),
        }
    return {}


def _by_priority(queue: Queue) -> dict[str, object]:
    """How many messages wait at which level, since there are levels: two of them, or more."""
    if not isinstance(queue, QuorumQueue) or not isinstance(queue.ready, ReturnedFirstByPriority):
        return {}
    counts = queue.ready.counts()
    returned: dict[str, object] = {"messages_ready_returned": counts.pop(RETURNED, 0)}
    if isinstance(queue.ready, TwoLevels):
        return returned | {"messages_ready_high": counts.get(1, 0), "messages_ready_normal": counts.get(0, 0)}
    by_priority = {str(priority): counts[priority] for priority in sorted(counts)}
    return returned | {"messages_by_priority": by_priority, "messages_active_priorities": len(by_priority)}


def _sizes(queue: Queue, unsettled: Unsettled) -> dict[str, object]:
    """Octets of the bodies of messages, and when the first one was sent. Streams don't know theirs; persistent ones are
    those that a restart leaves.
    """
    if queue.type.name not in (CLASSIC, QUORUM):
        return {}
    ready, out = queue.weight(), unsettled.of(queue)
    dying = queue.dying_weight()
    of_all = ready + out + dying
    persistent, persistent_octets = lasting(queue, of_all)
    view: dict[str, object] = {
        "message_bytes": of_all.octets,
        "message_bytes_ready": ready.octets,
        "message_bytes_unacknowledged": out.octets,
        "message_bytes_ram": of_all.octets - of_all.paged,
        "message_bytes_persistent": persistent_octets,
        "messages_persistent": persistent,
    }
    if queue.type.name == CLASSIC:
        return view | {"message_bytes_paged_out": of_all.paged, "head_message_timestamp": unsettled.first_sent(queue)}
    return view | {"message_bytes_dlx": dying.octets}


def _in_memory(queue: Queue) -> dict[str, object]:
    """How many messages are in memory, and not on disk alone; what is out always is."""
    ready, out, paged = queue.message_count, queue.unacked - queue.returning, queue.paged
    return {
        "messages_ram": ready + out - paged,
        "messages_ready_ram": ready - paged,
        "messages_unacknowledged_ram": out,
        "messages_paged_out": paged,
    }


def _owner(queue: Queue) -> dict[str, object]:
    owner = None if queue.owner is None else queue.owner.peer
    if not isinstance(owner, Connection):
        return {}
    return {"owner_pid_details": connection_details(owner)}
