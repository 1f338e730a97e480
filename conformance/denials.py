"""The texts with which a broker denies access, as the RabbitMQ version that it answers like words them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.targets import Target

NAMES_THE_RIGHT = (3, 12)
"""Since this version the text begins with the permission that is missing."""
RIGHTS = {"c": "configure", "w": "write", "r": "read"}


def denial(target: Target, right: str, entity: str, user: str, vhost: str = "/") -> str:
    """Return the text for `entity`, such as `queue 'q'`, and a right: c, w or r."""
    word = f"{RIGHTS[right]} " if target.version >= NAMES_THE_RIGHT else ""
    return f"ACCESS_REFUSED - {word}access to {entity} in vhost '{vhost}' refused for user '{user}'"


def topic_denial(target: Target, right: str, key: str, exchange: str, user: str, vhost: str = "/") -> str:
    """Return the text for a routing or binding key of a topic exchange."""
    return denial(target, right, f"topic '{key}' in exchange '{exchange}'", user, vhost)


def channel_limit_name(target: Target, user: str) -> str:
    """Who is named where a user has opened too many channels: RabbitMQ 4.0 names the node instead of the user."""
    if target.version != (4, 0):
        return user
    connection = target.connect()
    node: str = connection.start()["server_properties"]["cluster_name"]
    connection.abort()
    return node
