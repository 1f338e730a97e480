"""Runtime parameters: global ones as they are, and those of a vhost that amqpd's own features stand behind.

RabbitMQ keeps policies, operator policies and limits of vhosts as parameters of components of these names; here they
are shown as such and set through the functions that check them. https://www.rabbitmq.com/docs/parameters
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from amqpd import erlang
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
MANDATORY: Final = ("definition", "pattern", "priority")
"""Of the value of an operator's policy."""


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
    if component == POLICY:
        raise Invalid("policies may not be set using this method")
    if component == VHOST_LIMITS:
        if name != LIMITS:
            raise Invalid(f"Validation failed\n\n{component} has no parameter {name}: the only one is {LIMITS}\n")
        return limits.limit_vhost(broker, vhost, limits.vhost_limits(_mapping(name, value)), by=by)
    if component == OPERATOR_POLICY:
        asked = _complete(name, _mapping(name, value))
        return policies.set_policy(
            broker,
            vhost,
            name,
            asked["pattern"],  # type: ignore[arg-type]  # the operation checks what it is
            asked["definition"],  # type: ignore[arg-type]  # the same
            priority=asked["priority"],  # type: ignore[arg-type]  # the same
            apply_to=asked.get("apply-to", ALL),  # type: ignore[arg-type]  # the same
            operator=True,
            by=by,
        )
    raise Invalid(f"Validation failed\n\ncomponent {component} not found\n")


def clear_parameter(
    broker: Broker, vhost: VHost, component: str, name: str, *, by: str = INTERNAL
) -> Pending[None] | None:
    """Clear one. Raises Missing, and Invalid for a policy."""
    if component == POLICY:
        raise Invalid("policies may not be cleared using this method")
    found = any((each.component, each.name) == (component, name) for each in parameters(vhost))
    if not found:
        raise Missing(f"no parameter '{name}' of component '{component}' in vhost '{vhost.name}'")
    if component == VHOST_LIMITS:
        return limits.limit_vhost(broker, vhost, {}, by=by)
    return policies.clear_policy(broker, vhost, name, operator=True, by=by)


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


def _mapping(name: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise Invalid(f"Validation failed\n\n{name} not a list {_term(value):.100}\n")
    return value


def _complete(name: str, value: Mapping[str, object]) -> Mapping[str, object]:
    """A policy that says everything it has to, and nothing else. Raises Invalid in RabbitMQ's words."""
    lines = [f'Key "{key}" not found in {name}\n' for key in MANDATORY if key not in value]
    unknown = [f"{{{_term(key)},{_term(each)}}}" for key, each in value.items() if key not in (*MANDATORY, "apply-to")]
    if unknown:
        lines.append(f"Unrecognised terms [{','.join(unknown)}] in {name}\n")
    if lines:
        raise Invalid("Validation failed\n\n" + "".join(lines))
    return value


def _term(value: object) -> str:
    return erlang.json(value).decode("utf-8", "replace")
