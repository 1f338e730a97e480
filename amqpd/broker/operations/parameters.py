"""Runtime parameters: global ones as they are, and those of a vhost that amqpd's own features stand behind.

RabbitMQ keeps policies, operator policies and limits of vhosts as parameters of components of these names; here they
are shown as such and set through the functions that check them. https://www.rabbitmq.com/docs/parameters
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from amqpd.broker.broker import Broker
from amqpd.broker.events import INTERNAL
from amqpd.broker.operations import limits, policies
from amqpd.broker.operations.invalid import Invalid, Missing
from amqpd.broker.operations.lookup import once_durable
from amqpd.broker.pending import Pending
from amqpd.broker.policies import ALL, Policy
from amqpd.broker.vhost import VHost

POLICY: Final = "policy"
OPERATOR_POLICY: Final = "operator_policy"
VHOST_LIMITS: Final = "vhost-limits"
LIMITS: Final = "limits"
"""The only name of a parameter of that component."""


class Parameter(NamedTuple):
    """One parameter of a vhost."""

    vhost: str
    component: str
    name: str
    value: Mapping[str, object]


def parameters(vhost: VHost) -> Iterator[Parameter]:
    """Those of a vhost; its policies too, which lists leave out unless they are asked for."""
    set_limits = limits.limits_of_vhost(vhost)
    if set_limits:
        yield Parameter(vhost.name, VHOST_LIMITS, LIMITS, set_limits)
    for component, found in ((OPERATOR_POLICY, vhost.policies.operator), (POLICY, vhost.policies.ordinary)):
        for policy in found.values():
            yield Parameter(vhost.name, component, policy.name, policy_value(policy))


def policy_value(policy: Policy) -> dict[str, object]:
    """A policy as the value of a parameter."""
    return {
        "pattern": policy.pattern,
        "definition": dict(policy.definition),
        "priority": policy.priority,
        "apply-to": policy.apply_to,
    }


def set_parameter(
    broker: Broker, vhost: VHost, component: str, name: str, value: object, *, by: str = INTERNAL
) -> Pending[None] | None:
    """Set one. Raises Invalid for a component that is not there, Invalid or InvalidPolicy for a value that is wrong."""
    if component == VHOST_LIMITS:
        asked = limits.vhost_limits(_mapping(value))
        return limits.limit_vhost(broker, vhost, asked, by=by)
    if component in (OPERATOR_POLICY, POLICY):
        asked_for = _mapping(value)
        return policies.set_policy(
            broker,
            vhost,
            name,
            _required(asked_for, "pattern"),  # type: ignore[arg-type]  # the operation checks what it is
            _required(asked_for, "definition"),  # type: ignore[arg-type]  # the same
            priority=asked_for.get("priority", 0),  # type: ignore[arg-type]  # the same
            apply_to=asked_for.get("apply-to", ALL),  # type: ignore[arg-type]  # the same
            operator=component == OPERATOR_POLICY,
            by=by,
        )
    raise Invalid(f"Validation failed\n\ncomponent {component} not found\n")


def clear_parameter(
    broker: Broker, vhost: VHost, component: str, name: str, *, by: str = INTERNAL
) -> Pending[None] | None:
    """Clear one. Raises Missing."""
    found = any((each.component, each.name) == (component, name) for each in parameters(vhost))
    if not found:
        raise Missing(f"no parameter '{name}' of component '{component}' in vhost '{vhost.name}'")
    if component == VHOST_LIMITS:
        return limits.limit_vhost(broker, vhost, {}, by=by)
    return policies.clear_policy(broker, vhost, name, operator=component == OPERATOR_POLICY, by=by)


def set_global(broker: Broker, name: str, value: object, *, by: str = INTERNAL) -> bool | Pending[bool]:
    """Set a global parameter; return whether it is new."""
    new = name not in broker.global_parameters
    broker.set_global_parameter(name, value, by=by)
    return once_durable(broker.journal, new)


def clear_global(broker: Broker, name: str, *, by: str = INTERNAL) -> Pending[None] | None:
    """Clear a global parameter. Raises Missing."""
    if name not in broker.global_parameters:
        raise Missing(f"no global parameter '{name}'")
    broker.clear_global_parameter(name, by=by)
    return once_durable(broker.journal, None)


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise Invalid(f"the value is {value!r:.100}: expected an object")
    return value


def _required(value: Mapping[str, object], name: str) -> object:
    if name not in value:
        raise Invalid(f"[{{key_missing,{name}}}]")
    return value[name]
