"""Users, their tags and passwords, and what they may do: created, replaced and deleted by an operator.

Who may is decided by the door that the operator comes through. https://www.rabbitmq.com/docs/access-control
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

import attrs

from amqpd.broker.broker import Broker
from amqpd.broker.events import INTERNAL
from amqpd.broker.operations.invalid import Invalid, Missing
from amqpd.broker.operations.limits import user_limits
from amqpd.broker.operations.lookup import once_durable
from amqpd.broker.operations.names import short
from amqpd.broker.passwords import ALGORITHMS, SHA256
from amqpd.broker.pending import Pending, following
from amqpd.broker.users import User
from amqpd.patterns import PatternError
from amqpd.patterns import compile as compile_pattern

MAX_TAGS: Final = 32


def put_user(
    broker: Broker,
    name: str,
    *,
    tags: tuple[str, ...],
    password: str | None = None,
    password_hash: str | None = None,
    algorithm: str = SHA256,
    limits: Mapping[str, object] | None = None,
    by: str = INTERNAL,
) -> bool | Pending[bool]:
    """Create or replace a user; return whether it is new. One with neither password nor hash cannot log in with a
    password; limits stay as they are unless some are given. A password is stored as the broker stores new ones;
    `algorithm` is that of a hash. Raises Invalid.
    """
    if not name:
        raise Invalid("a user's name cannot be empty", "name_cannot_be_empty")
    short("a user's name", name)
    if len(tags) > MAX_TAGS:
        raise Invalid(f"{len(tags)} tags: a user has at most {MAX_TAGS}", "too_many_tags")
    if algorithm not in ALGORITHMS:
        known = ", ".join(ALGORITHMS)
        raise Invalid(f"unknown hashing algorithm '{algorithm}': expected one of {known}")
    if password_hash:
        _check_hash(password_hash)
    user = User(name, password_hash or "", algorithm, tags)
    given = None if limits is None else user_limits(limits)
    if password is None:
        return _store(broker, user, given, by)
    refusal = broker.authentication.rules.refusal(password)
    if refusal is not None:
        raise Invalid(refusal)
    hashing = broker.authentication.hashing

    def store(stored: str) -> bool | Pending[bool]:
        hashed = attrs.evolve(user, password_hash=stored, hashing_algorithm=hashing)
        return _store(broker, hashed, given, by)

    return following(broker.authentication.hash(password), store)


def _store(broker: Broker, user: User, given: Mapping[str, int] | None, by: str) -> bool | Pending[bool]:
    before = broker.access.users.get(user.name)
    if given is not None:
        user = attrs.evolve(
            user, max_connections=given.get("max-connections"), max_channels=given.get("max-channels")
        )
    elif before is not None:
        user = attrs.evolve(user, max_connections=before.max_connections, max_channels=before.max_channels)
    broker.add_user(user, by=by)
    return once_durable(broker.journal, before is None)


def delete_user(broker: Broker, name: str, *, by: str = INTERNAL) -> Pending[None] | None:
    """Delete a user; its connections are closed. Raises Missing."""
    require_user(broker, name)
    broker.delete_user(name, by=by)
    return once_durable(broker.journal, None)


def delete_users(broker: Broker, names: list[str], *, by: str = INTERNAL) -> Pending[None] | None:
    """Delete users, all or (one of them is unknown) none. Raises Invalid."""
    for name in names:
        if name not in broker.access.users:
            raise no_such_user(name)
    for name in dict.fromkeys(names):
        broker.delete_user(name, by=by)
    return once_durable(broker.journal, None)


def require_user(broker: Broker, name: str) -> User:
    """Raises Missing."""
    user = broker.access.users.get(name)
    if user is None:
        raise Missing(f"no user '{name}'")
    return user


def no_such_user(name: str) -> Invalid:
    """The error for a user who isn't there, where a request is about something else."""
    return Invalid(f"no user '{name}'", ["no_such_user", name])


def grant(
    broker: Broker, user: str, vhost: str, configure: str, write: str, read: str, *, by: str = INTERNAL
) -> bool | Pending[bool]:
    """Set a user's permissions in a vhost; return whether it had none. Raises Invalid."""
    require_both(broker, user, vhost)
    for pattern in (configure, write, read):
        _check_pattern(pattern, [*pattern.encode("utf-8", "surrogateescape")])
    new = (user, vhost) not in broker.access.permissions
    broker.access.grant(user, vhost, configure, write, read, by=by)
    return once_durable(broker.journal, new)


def revoke(broker: Broker, user: str, vhost: str, *, by: str = INTERNAL) -> Pending[None] | None:
    """Clear them. Raises Missing if there are none."""
    if (user, vhost) not in broker.access.permissions:
        raise Missing(f"user '{user}' has no permissions in vhost '{vhost}'")
    broker.access.revoke(user, vhost, by=by)
    return once_durable(broker.journal, None)


def grant_topic(
    broker: Broker, user: str, vhost: str, exchange: str, write: str, read: str, *, by: str = INTERNAL
) -> bool | Pending[bool]:
    """Set a user's permissions for routing keys of an exchange; return whether it had none in the vhost."""
    require_both(broker, user, vhost)
    for pattern in (write, read):
        _check_pattern(pattern, pattern)
    new = not any(key[:2] == (user, vhost) for key in broker.access.topic_permissions)
    broker.access.grant_topic(user, vhost, exchange, write, read, by=by)
    return once_durable(broker.journal, new)


def revoke_topic(
    broker: Broker, user: str, vhost: str, exchange: str | None = None, *, by: str = INTERNAL
) -> Pending[None] | None:
    """Clear them for one exchange, or all of a vhost. Raises Missing if there are none."""
    keys = broker.access.topic_permissions
    if not any(key[:2] == (user, vhost) and exchange in (None, key[2]) for key in keys):
        where = f"vhost '{vhost}'" if exchange is None else f"exchange '{exchange}' of vhost '{vhost}'"
        raise Missing(f"user '{user}' has no topic permissions in {where}")
    broker.access.revoke_topic(user, vhost, exchange, by=by)
    return once_durable(broker.journal, None)


def _check_hash(password_hash: str) -> None:
    try:
        base64.b64decode(password_hash, validate=True)
    except (binascii.Error, ValueError):
        # It goes into the log without what was given, which may be a password in the wrong place.
        raise Invalid("the hash of a password is no base64", ["not_base64", password_hash]) from None


def _check_pattern(pattern: str, shown: object) -> None:
    try:
        compile_pattern(pattern)
    except PatternError as error:
        reason, place = error.pcre
        text = f"'{pattern}' is no regular expression: {reason} at {place}"
        raise Invalid(text, ["invalid_regexp", shown, [[*reason.encode()], place]]) from None


def require_both(broker: Broker, user: str, vhost: str) -> None:
    """Raise Invalid unless both are there."""
    if user not in broker.access.users or vhost not in broker.vhosts:
        raise Invalid(f"no user '{user}', or no vhost '{vhost}'", "vhost_or_user_not_found")
