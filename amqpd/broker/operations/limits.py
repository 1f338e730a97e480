"""The limits of virtual hosts and users, by their names in RabbitMQ: set and cleared one by one, checked as a whole.

https://www.rabbitmq.com/docs/vhosts#limits https://www.rabbitmq.com/docs/user-limits
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from amqpd import erlang
from amqpd.broker.broker import Broker
from amqpd.broker.events import INTERNAL
from amqpd.broker.operations.invalid import Invalid, Missing
from amqpd.broker.operations.lookup import once_durable
from amqpd.broker.pending import Pending
from amqpd.broker.users import User
from amqpd.broker.vhost import VHost

OF_VHOSTS: Final = ("max-connections", "max-queues")
OF_USERS: Final = ("max-connections", "max-channels")


def limits_of_vhost(vhost: VHost) -> dict[str, int]:
    """Those that are set."""
    return _set({"max-connections": vhost.max_connections, "max-queues": vhost.max_queues})


def limits_of_user(user: User) -> dict[str, int]:
    """Those that are set."""
    return _set({"max-connections": user.max_connections, "max-channels": user.max_channels})


def vhost_limits(asked: Mapping[str, object]) -> dict[str, int]:
    """Check all limits of a vhost. Raises Invalid with RabbitMQ's text."""
    return _checked(asked, OF_VHOSTS, "Validation failed\n\n{}\n", "limits")


def user_limits(asked: Mapping[str, object]) -> dict[str, int]:
    """Check all limits of a user. Raises Invalid with RabbitMQ's text."""
    return _checked(asked, OF_USERS, "{}", "user-limits")


def limit_vhost(broker: Broker, vhost: VHost, limits: Mapping[str, int], *, by: str = INTERNAL) -> Pending[None] | None:
    """Let a vhost have these limits and no others."""
    queues, connections = limits.get("max-queues"), limits.get("max-connections")
    broker.limit_vhost(vhost, max_connections=connections, max_queues=queues, by=by)
    return once_durable(broker.journal, None)


def set_vhost_limit(
    broker: Broker, vhost: VHost, name: str, value: object, *, by: str = INTERNAL
) -> Pending[None] | None:
    """Set one limit of a vhost, or (None) clear it. Raises Invalid."""
    asked = {**limits_of_vhost(vhost), name: value}
    return limit_vhost(broker, vhost, vhost_limits(_without_none(asked)), by=by)


def set_user_limit(broker: Broker, name: str, limit: str, value: object, *, by: str = INTERNAL) -> Pending[None] | None:
    """Set one limit of a user, or (None) clear it. Raises Invalid, Missing."""
    user = broker.access.users.get(name)
    if user is None:
        raise Missing(f"no user '{name}'")
    limits = user_limits(_without_none({**limits_of_user(user), limit: value}))
    connections, channels = limits.get("max-connections"), limits.get("max-channels")
    broker.add_user(attrs.evolve(user, max_connections=connections, max_channels=channels), by=by)
    return once_durable(broker.journal, None)


def _set(limits: Mapping[str, int | None]) -> dict[str, int]:
    return {name: limit for name, limit in limits.items() if limit is not None}


def _without_none(asked: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in asked.items() if value is not None}


def _checked(asked: Mapping[str, object], known: tuple[str, ...], form: str, what: str) -> dict[str, int]:
    unknown = [f"{{{_term(name)},{_term(value)}}}" for name, value in asked.items() if name not in known]
    if unknown:
        raise Invalid(form.format(f"Unrecognised terms [{','.join(unknown)}] in {what}"))
    limits: dict[str, int] = {}
    for name, value in asked.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid(form.format(f"{name} should be a number, actually was {_term(value)}"))
        limits[name] = value
    return limits


def _term(value: object) -> str:
    return erlang.json(value).decode("utf-8", "replace")
