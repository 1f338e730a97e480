"""Definitions as one JSON document: everything that an operator or a client declared, and no message.

What RabbitMQ leaves out is left out: exclusive queues, the broker's own exchanges, bindings of the default exchange.
Lists are made item by item, so that whoever writes them down can let others have their turn in between.
https://www.rabbitmq.com/docs/definitions
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from amqpd.broker.bindings import Binding
from amqpd.broker.broker import Broker
from amqpd.broker.exchange import Exchange
from amqpd.broker.json_tables import json_of
from amqpd.broker.operations.limits import limits_of_user, limits_of_vhost
from amqpd.broker.operations.parameters import POLICY, Parameter, parameters, policy_value
from amqpd.broker.permissions import Permissions
from amqpd.broker.policies import Policy
from amqpd.broker.predeclared import is_predeclared
from amqpd.broker.queue import Queue
from amqpd.broker.queue_arguments import CLASSIC
from amqpd.broker.users import User
from amqpd.broker.vhost import VHost

Items = Iterator[Mapping[str, object]]


def all_sections(broker: Broker) -> dict[str, Callable[[], Items]]:
    """The lists of a whole broker's definitions, by their names, in RabbitMQ's order."""
    access = broker.access
    return {
        "users": lambda: map(_user, [*access.users.values()]),
        "vhosts": lambda: map(_vhost, [*broker.vhosts.values()]),
        "permissions": lambda: (
            {"user": user, "vhost": vhost} | patterns_of(granted)
            for (user, vhost), granted in [*access.permissions.items()]
        ),
        "topic_permissions": lambda: (
            {"user": user, "vhost": vhost, "exchange": exchange, "write": granted.write, "read": granted.read}
            for (user, vhost, exchange), granted in [*access.topic_permissions.items()]
        ),
        "parameters": lambda: _of_all(broker, _parameters),
        "global_parameters": lambda: (
            {"name": name, "value": value} for name, value in [*broker.global_parameters.items()]
        ),
        "policies": lambda: _of_all(broker, _policies),
        "queues": lambda: _of_all(broker, _queues),
        "exchanges": lambda: _of_all(broker, _exchanges),
        "bindings": lambda: _of_all(broker, _bindings),
    }


def vhost_sections(vhost: VHost) -> dict[str, Callable[[], Items]]:
    """The same of one virtual host: its items don't name it."""
    return {
        "parameters": lambda: map(_bare, _parameters(vhost)),
        "policies": lambda: map(_bare, _policies(vhost)),
        "queues": lambda: map(_bare, _queues(vhost)),
        "exchanges": lambda: map(_bare, _exchanges(vhost)),
        "bindings": lambda: map(_bare, _bindings(vhost)),
    }


def patterns_of(permissions: Permissions) -> dict[str, object]:
    """The three patterns by their names."""
    return dict(zip(("configure", "write", "read"), permissions.written(), strict=True))


def _of_all(broker: Broker, items: Callable[[VHost], Items]) -> Items:
    for vhost in [*broker.vhosts.values()]:
        yield from items(vhost)


def _bare(item: Mapping[str, object]) -> Mapping[str, object]:
    return {key: value for key, value in item.items() if key != "vhost"}


def _user(user: User) -> Mapping[str, object]:
    return {
        "name": user.name,
        "password_hash": user.password_hash,
        "hashing_algorithm": user.hashing_algorithm,
        "tags": [*user.tags],
        "limits": limits_of_user(user),
    }


def _vhost(vhost: VHost) -> Mapping[str, object]:
    said = vhost.metadata
    metadata: dict[str, object] = {"description": said.description, "tags": [*said.tags]}
    if vhost.default_queue_type is not None:
        metadata["default_queue_type"] = vhost.default_queue_type
    if said.protected:
        metadata["protected_from_deletion"] = True
    limits = limits_of_vhost(vhost)
    return {
        "name": vhost.name,
        "description": said.description,
        "tags": [*said.tags],
        **({} if vhost.default_queue_type is None else {"default_queue_type": vhost.default_queue_type}),
        "metadata": metadata,
        "limits": [{"name": name, "value": value} for name, value in limits.items()],
        "tracing": vhost.tracing,
    }


def _parameters(vhost: VHost) -> Items:
    return (_parameter(each) for each in [*parameters(vhost)] if each.component != POLICY)


def _parameter(parameter: Parameter) -> Mapping[str, object]:
    return {
        "value": parameter.value,
        "vhost": parameter.vhost,
        "component": parameter.component,
        "name": parameter.name,
    }


def _policies(vhost: VHost) -> Items:
    return (policy_item(vhost, each) for each in [*vhost.policies.ordinary.values()])


def policy_item(vhost: VHost, policy: Policy) -> Mapping[str, object]:
    """A policy as definitions have it."""
    value = policy_value(policy)
    return {
        "vhost": vhost.name,
        "name": policy.name,
        "pattern": value["pattern"],
        "apply-to": value["apply-to"],
        "definition": value["definition"],
        "priority": value["priority"],
    }


def _queues(vhost: VHost) -> Items:
    return (_queue(vhost, each) for each in [*vhost.queues.values()] if _is_shared(each))


def _is_shared(queue: Queue) -> bool:
    return queue.owner is None and not queue.deleted


def _queue(vhost: VHost, queue: Queue) -> Mapping[str, object]:
    said = vhost.context.compat.profile.injects_queue_type or queue.type.name != CLASSIC
    return {
        "name": queue.name,
        "vhost": vhost.name,
        "durable": queue.durable,
        "auto_delete": queue.auto_delete,
        "arguments": ({"x-queue-type": queue.type.name} if said else {}) | json_of(queue.arguments),
    }


def _exchanges(vhost: VHost) -> Items:
    return (_exchange(vhost, each) for each in [*vhost.exchanges.values()] if not is_predeclared(each.name))


def _exchange(vhost: VHost, exchange: Exchange) -> Mapping[str, object]:
    return {
        "name": exchange.name,
        "vhost": vhost.name,
        "type": exchange.type_name,
        "durable": exchange.durable,
        "auto_delete": exchange.auto_delete,
        "internal": exchange.internal,
        "arguments": json_of(exchange.arguments),
    }


def _bindings(vhost: VHost) -> Items:
    for exchange in [*vhost.exchanges.values()]:
        for binding in [*exchange.outgoing.values()]:
            destination = binding.destination
            if not isinstance(destination, Queue) or _is_shared(destination):
                yield _binding(vhost, binding)


def _binding(vhost: VHost, binding: Binding) -> Mapping[str, object]:
    return {
        "source": binding.source.name,
        "vhost": vhost.name,
        "destination": binding.destination.name,
        "destination_type": binding.destination.kind,
        "routing_key": binding.routing_key,
        "arguments": json_of(binding.arguments),
    }
