"""What each event says: RabbitMQ's names, fields and order of fields, and who acts.

One function an event. The caller has asked `Events.heard` and calls it once the change is complete. Sources: RabbitMQ
3.10.8, observed on its event exchange; https://www.rabbitmq.com/docs/event-exchange
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, cast

from amqpd.broker.events import INTERNAL, Events, Value

if TYPE_CHECKING:
    from amqpd.broker.bindings import Binding
    from amqpd.broker.consumers import Consumer
    from amqpd.broker.exchange import Exchange
    from amqpd.broker.permissions import TopicPermissions
    from amqpd.broker.policies import Policy
    from amqpd.broker.queue import Queue
    from amqpd.broker.users import User
    from amqpd.broker.vhost import VHost

ACTOR: Final = "user_who_performed_action"
OPERATOR_POLICY: Final = "operator_policy"
DELETING_EXCHANGE: Final = "exchange-delete-in-progress"

# -- what a vhost holds ------------------------------------------------------------------------------------------------


def queue_created(vhost: VHost, queue: Queue, by: str) -> None:
    """A queue is there; it is declared again without a word."""
    fields: dict[str, Value] = {
        "vhost": vhost.name,
        "name": queue.name,
        "durable": queue.durable,
        "auto_delete": queue.auto_delete,
    }
    further: dict[str, Value] = {
        "arguments": queue.arguments,
        "exclusive": queue.owner is not None,
        "owner_pid": "" if queue.owner is None else queue.owner.pid,
        "type": queue.type.module,
    }
    fields |= {name: further[name] for name in queue.type.telling.created}
    vhost.events.emit("queue.created", fields | {ACTOR: by})


def queue_deleted(vhost: VHost, queue: Queue, by: str) -> None:
    """A queue is gone, after its consumers and bindings."""
    fields: dict[str, Value] = {"vhost": vhost.name, "name": queue.name}
    if vhost.context.compat.profile.tells_type_of_deleted_queue:
        fields["type"] = queue.type.module
    vhost.events.emit("queue.deleted", fields | {ACTOR: by})


def exchange_created(vhost: VHost, exchange: Exchange, by: str) -> None:
    """An exchange is there; it is declared again without a word."""
    vhost.events.emit(
        "exchange.created",
        {
            "vhost": vhost.name,
            "name": exchange.name,
            "type": exchange.type_name,
            "durable": exchange.durable,
            "auto_delete": exchange.auto_delete,
            "internal": exchange.internal,
            "arguments": exchange.arguments,
            "policy": "",
            ACTOR: by,
        },
    )


def deleting_exchange(vhost: VHost, name: str, by: str, *, begins: bool) -> None:
    """An exchange is being deleted, or not any more: a runtime parameter of RabbitMQ's, also where there is none."""
    if begins:
        parameter_set(vhost.events, vhost.name, DELETING_EXCHANGE, name, value=True, by=by)
    else:
        parameter_cleared(vhost.events, vhost.name, DELETING_EXCHANGE, name, by=by)


def binding_created(vhost: VHost, binding: Binding, by: str) -> None:
    """A binding is there that wasn't; the ones of the default exchange are not told."""
    vhost.events.emit("binding.created", _binding(vhost, binding, by))


def removed(vhost: VHost, exchanges: Iterable[Exchange], bindings: Iterable[Binding], by: str) -> None:
    """Exchanges and bindings are gone: by source, each exchange before what was bound to it, last bindings first."""
    gone = dict.fromkeys(exchanges)
    sources: dict[Exchange, list[Binding]] = {exchange: [] for exchange in gone}
    for binding in bindings:
        sources.setdefault(binding.source, []).append(binding)
    for source, its in sources.items():
        if source in gone:
            vhost.events.emit("exchange.deleted", {"vhost": vhost.name, "name": source.name, ACTOR: by})
        for binding in reversed(its):
            vhost.events.emit("binding.deleted", _binding(vhost, binding, by))


def _binding(vhost: VHost, binding: Binding, by: str) -> dict[str, Value]:
    return {
        "source_name": binding.source.name,
        "source_kind": binding.source.kind,
        "destination_name": binding.destination.name,
        "destination_kind": binding.destination.kind,
        "routing_key": binding.routing_key,
        "arguments": binding.arguments.sorted(),
        "vhost": vhost.name,
        ACTOR: by,
    }


def consumer_created(vhost: VHost, consumer: Consumer, by: str) -> None:
    """A consumer is there; one that waits for direct replies is not told, nor is one of some queue types."""
    if not consumer.queue.type.telling.new_consumers:
        return
    vhost.events.emit(
        "consumer.created",
        {
            "consumer_tag": consumer.tag,
            "exclusive": consumer.exclusive,
            "ack_required": not consumer.no_ack,
            "channel": consumer.channel_pid,
            "vhost": vhost.name,
            "queue": consumer.queue.name,
            "prefetch_count": consumer.prefetch_count,
            "arguments": consumer.arguments,
            ACTOR: by,
        },
    )


def consumer_deleted(vhost: VHost, consumer: Consumer, by: str | None) -> None:
    """A consumer is gone. When its queue is deleted, RabbitMQ says so for the channel, which names nobody (None), and
    with some queue types for the queue as well.
    """
    fields: dict[str, Value] = {
        "consumer_tag": consumer.tag,
        "channel": consumer.channel_pid,
        "vhost": vhost.name,
        "queue": consumer.queue.name,
    }
    if by is not None:
        fields[ACTOR] = by if consumer.queue.type.telling.canceller else INTERNAL
    vhost.events.emit("consumer.deleted", fields)


# -- the broker --------------------------------------------------------------------------------------------------------


def vhost_created(vhost: VHost, node: str, by: str) -> None:
    """A vhost is there, after its exchanges."""
    vhost.events.emit(
        "vhost.created",
        {
            "name": vhost.name,
            "default_queue_type": vhost.default_queue_type or "undefined",
            "metadata": "#{description => <<>>,tags => <<>>}",
            "tracing": vhost.tracing,
            "cluster_state": {node: "running"},
            ACTOR: by,
            "description": "",
            "tags": "",
        },
    )


def vhost_deleted(events: Events, name: str, node: str, by: str) -> None:
    """A vhost is gone, after all in it; that it has stopped is an event of its own."""
    events.emit("vhost.deleted", {"name": name, ACTOR: by})
    events.emit("vhost.down", {"name": name, "node": node, ACTOR: INTERNAL})


def vhost_limits(events: Events, vhost: str, limits: Mapping[str, int | None], by: str) -> None:
    """The limits of a vhost were set, or (none is left) cleared; a runtime parameter of RabbitMQ's as well."""
    limited: dict[str, Value] = {name: limit for name, limit in limits.items() if limit is not None}
    if limited:
        parameter_set(events, vhost, "vhost-limits", "limits", value=limited, by=by)
        events.emit("vhost.limits.set", {"name": "limits", ACTOR: by, **limited})
    else:
        parameter_cleared(events, vhost, "vhost-limits", "limits", by=by)
        events.emit("vhost.limits.cleared", {"name": "limits", ACTOR: by})


def user_changed(events: Events, before: User | None, user: User, by: str) -> None:
    """A user is there, or is another than before: one event for each thing that differs."""
    fields: dict[str, Value] = {"name": user.name, ACTOR: by}
    if before is None:
        events.emit("user.created", fields)
    elif before.password_hash != user.password_hash:
        events.emit("user.password.changed" if user.password_hash else "user.password.cleared", fields)
    if user.tags != (before.tags if before else ()):
        events.emit("user.tags.set", {"name": user.name, "tags": list(user.tags), ACTOR: by})
    limits = _user_limits(user)
    if limits != (_user_limits(before) if before else {}):
        name = "user.limits.set" if limits else "user.limits.cleared"
        events.emit(name, {"name": "limits", ACTOR: by, "username": user.name, **limits})


def _user_limits(user: User) -> dict[str, int]:
    limits = {"max-connections": user.max_connections, "max-channels": user.max_channels}
    return {name: limit for name, limit in limits.items() if limit is not None}


def user_deleted(events: Events, name: str, by: str) -> None:
    """A user is gone, with its permissions, which are not told."""
    events.emit("user.deleted", {"name": name, ACTOR: by})


def permission_created(
    events: Events, user: str, vhost: str, configure: str, write: str, read: str, by: str
) -> None:
    """A user's permissions in a vhost were set."""
    patterns = {"configure": configure, "write": write, "read": read}
    events.emit("permission.created", {"user": user, "vhost": vhost, **patterns, ACTOR: by})


def permission_deleted(events: Events, user: str, vhost: str, by: str) -> None:
    """A user's permissions in a vhost were cleared, if there were any."""
    events.emit("permission.deleted", {"user": user, "vhost": vhost, ACTOR: by})


def topic_permission_created(
    events: Events, user: str, vhost: str, exchange: str, permissions: TopicPermissions, by: str
) -> None:
    """A user's permissions for the routing keys of a topic exchange were set."""
    keys = {"exchange": exchange, "write": permissions.write, "read": permissions.read}
    events.emit("topic.permission.created", {"user": user, "vhost": vhost, **keys, ACTOR: by})


def topic_permission_deleted(events: Events, user: str, vhost: str, exchange: str | None, by: str) -> None:
    """They were cleared. RabbitMQ calls it `permission.deleted` where that was done for one exchange."""
    name = "topic.permission.deleted" if exchange is None else "permission.deleted"
    events.emit(name, {"user": user, "vhost": vhost, ACTOR: by})


def alarm(events: Events, resource: str, node: str, *, short: bool) -> None:
    """A resource is short, or isn't any more."""
    events.emit("alarm.set" if short else "alarm.cleared", {"source": resource, "node": node})


# -- policies ----------------------------------------------------------------------------------------------------------


def policy_set(vhost: VHost, policy: Policy, queues: Iterable[Queue], by: str, *, operator: bool) -> None:
    """A policy was set that changed what these queues have; one of an operator's is a runtime parameter as well."""
    rule: dict[str, Value] = {
        "pattern": policy.pattern,
        "definition": cast("Mapping[str, Value]", policy.definition),
        "priority": int(policy.priority) if policy.priority == int(policy.priority) else policy.priority,
        "apply-to": policy.apply_to,
    }
    if operator:
        value = dict(reversed(rule.items()))
        parameter_set(vhost.events, vhost.name, OPERATOR_POLICY, policy.name, value=value, by=by)
    for queue in queues:
        vhost.events.emit("queue.policy.updated", _policy_of(vhost, queue, by) | rule)
    vhost.events.emit("policy.set", {"name": policy.name, "vhost": vhost.name, ACTOR: by} | rule)


def policy_cleared(vhost: VHost, name: str, queues: Iterable[Queue], by: str, *, operator: bool) -> None:
    """A policy was cleared that these queues had."""
    if operator:
        parameter_cleared(vhost.events, vhost.name, OPERATOR_POLICY, name, by=by)
    for queue in queues:
        vhost.events.emit("queue.policy.cleared", _policy_of(vhost, queue, by))
    fields: dict[str, Value] = {"name": name, "vhost": vhost.name, ACTOR: by}
    vhost.events.emit("operator.policy.cleared" if operator else "policy.cleared", fields)


def _policy_of(vhost: VHost, queue: Queue, by: str) -> dict[str, Value]:
    return {"name": queue.name, "vhost": vhost.name, "type": queue.type.module, ACTOR: by}


# -- parameters --------------------------------------------------------------------------------------------------------


def parameter_set(events: Events, vhost: str, component: str, name: str, *, value: Value, by: str) -> None:
    """A runtime parameter was set."""
    events.emit(
        "parameter.set", {"vhost": vhost, "component": component, "name": name, "value": value, ACTOR: by}
    )


def parameter_cleared(events: Events, vhost: str, component: str, name: str, *, by: str) -> None:
    """A runtime parameter was cleared."""
    events.emit("parameter.cleared", {"vhost": vhost, "component": component, "name": name, ACTOR: by})


def global_parameter_set(events: Events, name: str, value: object, by: str) -> None:
    """A global parameter was set."""
    events.emit("parameter.set", {"name": name, "value": cast("Value", value), ACTOR: by})


def global_parameter_cleared(events: Events, name: str, by: str) -> None:
    """A global parameter was cleared."""
    events.emit("parameter.cleared", {"name": name, ACTOR: by})
