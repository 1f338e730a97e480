"""Users and permissions as JSON. https://www.rabbitmq.com/docs/http-api-reference#get-apiusers"""

from __future__ import annotations

from heapq import nsmallest

from amqpd.broker.operations.exporting import patterns_of
from amqpd.broker.operations.limits import limits_of_user
from amqpd.broker.permissions import Permissions, TopicPermissions
from amqpd.broker.users import User


def user_view(user: User) -> dict[str, object]:
    """One user, with the hash of its password: whoever may see that may also export definitions."""
    return {
        "name": user.name,
        "password_hash": user.password_hash,
        "hashing_algorithm": user.hashing_algorithm,
        "tags": [*user.tags],
        "limits": limits_of_user(user),
    }


def user_at_work_view(user: User, vhosts: list[str], most: int) -> dict[str, object]:
    """The same, with the first of the virtual hosts in which it has permissions, and how many there are."""
    return {**user_view(user), "vhosts": nsmallest(most, vhosts), "vhost_count": len(vhosts)}


def permission_view(user: str, vhost: str, permissions: Permissions) -> dict[str, object]:
    """What a user may do in a vhost."""
    return {"user": user, "vhost": vhost, **patterns_of(permissions)}


def topic_permission_view(user: str, vhost: str, exchange: str, permissions: TopicPermissions) -> dict[str, object]:
    """What routing keys a user may use on an exchange."""
    return {
        "user": user,
        "vhost": vhost,
        "exchange": exchange,
        "write": permissions.write,
        "read": permissions.read,
    }
