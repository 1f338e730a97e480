"""The users, virtual hosts and permissions that the tests need, as data, and as each broker wants to be told of them.

Decide who exists besides guest and what they may do. Refuse to know how a broker is started. `python -m
conformance.accounts rabbitmq` prints RabbitMQ's definitions file and `... amqpd` the access file, for a broker that was
started by hand (`--broker`).
"""

from __future__ import annotations

import json
import sys
from typing import Any, NamedTuple

PASSWORD = "of-the-suite"  # of brokers that live for one run


class VHost(NamedTuple):
    """A virtual host; a limit of None is no limit."""

    name: str
    max_connections: int | None = None
    max_queues: int | None = None


class User(NamedTuple):
    """A user who logs in with `PASSWORD`; a limit of None is no limit."""

    name: str
    tags: tuple[str, ...] = ()
    max_connections: int | None = None
    max_channels: int | None = None


class Permission(NamedTuple):
    """What a user may do in a virtual host: three patterns."""

    user: str
    vhost: str
    configure: str
    write: str
    read: str


class TopicPermission(NamedTuple):
    """The routing keys that a user may use on a topic exchange: two patterns."""

    user: str
    vhost: str
    exchange: str
    write: str
    read: str


# -- virtual hosts

SECOND = "second"
ODD_VHOST = "käse [日本] {x} 'y' /z ~p"
"""A name that error texts must quote as it is."""
THREE_QUEUES, ONE_CONNECTION, SHUT = "three-queues", "one-connection", "shut"

VHOSTS = (
    VHost("/"),
    VHost(SECOND),
    VHost(ODD_VHOST),
    VHost(THREE_QUEUES, max_queues=3),
    VHost(ONE_CONNECTION, max_connections=1),
    VHost(SHUT, max_connections=0),
)

# -- users

LETTERED = "lettered"
"""May do what the letters say that follow the last dot of a name: `x.cr` can be configured and read, `x.` nothing."""
NOTHING, CONFIGURER, WRITER, READER = "nothing", "configurer", "writer", "reader"
"""Everything may be configured, written to or read, the rest not; all that has a name is forbidden to the first."""
PARTS = "parts"
"""Patterns are searched, not matched: everything with `mid` anywhere, `start` in front and `end` at the end."""
STRANGER = "stranger"
"""Has no permission record for `/`, and an empty one for the second virtual host."""
SYSTEM = "system"
"""Configures generated queues and writes to the default exchange; reads and writes all that begins with `amq.`."""
TOPICAL = "topical.user"
"""Everything is allowed, but for the keys on amq.topic; the dot of the name must not be taken for a pattern."""
ODD_USER = "käse [日本] {x} 'y' ~p"
"""Nothing is allowed; the name is one that error texts must quote as it is."""
IMPERSONATOR = "impersonator"
TWO_CHANNELS, LONER, OUTCAST = "two-channels", "loner", "outcast"
"""Users with limits: two channels, one connection, no connection."""

USERS = (
    User("guest", ("administrator",)),
    User(LETTERED),
    *map(User, (NOTHING, CONFIGURER, WRITER, READER, PARTS, STRANGER, SYSTEM, TOPICAL, ODD_USER)),
    User(IMPERSONATOR, ("impersonator",)),
    User(TWO_CHANNELS, max_channels=2),
    User(LONER, max_connections=1),
    User(OUTCAST, max_connections=0),
)


def everything(user: str, vhost: str = "/") -> Permission:
    """Return the permission for all of a virtual host."""
    return Permission(user, vhost, ".*", ".*", ".*")


def lettered(vhost: str) -> Permission:
    """Return the permission that a name itself tells."""
    return Permission(LETTERED, vhost, r"\.[wr]*c[wr]*$", r"\.[cr]*w[cr]*$", r"\.[cw]*r[cw]*$")


PERMISSIONS = (
    *(everything("guest", vhost.name) for vhost in VHOSTS),
    lettered("/"),
    lettered(ODD_VHOST),
    Permission(NOTHING, "/", "", "", ""),
    Permission(CONFIGURER, "/", ".*", "", ""),
    Permission(WRITER, "/", "", ".*", ""),
    Permission(READER, "/", "", "", ".*"),
    Permission(PARTS, "/", "mid", "^start", "end$"),
    Permission(STRANGER, SECOND, "", "", ""),
    Permission(SYSTEM, "/", r"^amq\.gen-", r"^amq\.", r"^amq\."),
    everything(TOPICAL),
    everything(TOPICAL, SECOND),
    Permission(ODD_USER, "/", "^$", "^$", "^$"),
    *map(everything, (IMPERSONATOR, TWO_CHANNELS, LONER, OUTCAST)),
)
TOPIC_PERMISSIONS = (
    TopicPermission(TOPICAL, "/", "amq.topic", r"^({username}\.|open$)", r"^(read|#)"),
    TopicPermission(TOPICAL, "/", "amq.direct", "", ""),
    TopicPermission(TOPICAL, SECOND, "amq.topic", "^{vhost}$", "^{vhost}$"),
)


def response(user: str) -> bytes:
    """Return the PLAIN response with which a user logs in."""
    return f"\0{user}\0{'guest' if user == 'guest' else PASSWORD}".encode()


# -- as each broker wants it


def definitions() -> str:
    """Return RabbitMQ's definitions file."""
    return json.dumps(
        {
            "rabbit_version": "3.10.8",
            "users": [_definition_of_user(user) for user in USERS],
            "vhosts": [{"name": vhost.name} for vhost in VHOSTS],
            "permissions": [one._asdict() for one in PERMISSIONS],
            "topic_permissions": [one._asdict() for one in TOPIC_PERMISSIONS],
            "parameters": [
                {"vhost": vhost.name, "component": "vhost-limits", "name": "limits", "value": limits}
                for vhost in VHOSTS
                if (limits := _limits(vhost, "-", "max-connections", "max-queues"))
            ],
        },
        indent=1,
    )


def _definition_of_user(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "password": "guest" if user.name == "guest" else PASSWORD,
        "tags": list(user.tags),
        "limits": _limits(user, "-", "max-connections", "max-channels"),
    }


def access_file() -> str:
    """Return amqpd's access file; guest and the virtual host `/` are there without it."""
    tables = [("vhosts", _entry(vhost, "max_connections", "max_queues")) for vhost in VHOSTS[1:]]
    tables += [
        ("users", _entry(user, "max_connections", "max_channels") | {"password": PASSWORD, "tags": list(user.tags)})
        for user in USERS[1:]
    ]
    tables += [("permissions", one._asdict()) for one in PERMISSIONS[1:]]
    tables += [("topic_permissions", one._asdict()) for one in TOPIC_PERMISSIONS]
    return "\n".join(f"[[{table}]]\n{_toml(entry)}" for table, entry in tables)


def _entry(one: VHost | User, *limits: str) -> dict[str, Any]:
    return {"name": one.name, "limits": _limits(one, "_", *limits)}


def _limits(one: VHost | User, joint: str, *names: str) -> dict[str, int]:
    values = {name: getattr(one, name.replace("-", "_")) for name in names}
    return {name.replace("_", joint): value for name, value in values.items() if value is not None}


def _toml(entry: dict[str, Any]) -> str:
    return "".join(f"{key} = {_toml_value(value)}\n" for key, value in entry.items())


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {number}" for key, number in value.items()) + " }"
    return json.dumps(value)


def main() -> None:
    """Print the file for the broker that the first argument names."""
    writers = {"rabbitmq": definitions, "amqpd": access_file}
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in writers:
        raise SystemExit(f"the broker {name!r} is not known; there are: {', '.join(writers)}")
    sys.stdout.write(writers[name]() + "\n")


if __name__ == "__main__":
    main()
