"""What a broker starts with: the default user and virtual host, and all that the access file declares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from amqpd import patterns
from amqpd.access_file import AccessFile, load_access_file
from amqpd.broker.broker import Broker
from amqpd.broker.event_exchange import EventExchange
from amqpd.broker.node_limits import DefaultLimits
from amqpd.broker.users import User
from amqpd.config import Config
from amqpd.config.errors import bad_value, one_of

if TYPE_CHECKING:
    from amqpd.storage.journal import EngineJournal


def populate(broker: Broker, config: Config, storage: EngineJournal | None = None) -> None:
    """Give a broker that has nothing the virtual hosts and users that it starts with. Raises ConfigError."""
    restored = storage is not None and storage.restore_access(broker)
    fill(broker, config, declared(broker, config, restored=restored), restored=restored)


def declared(broker: Broker, config: Config, *, restored: bool) -> AccessFile:
    """What the access file says, if there is one, to a broker that has what was restored or nothing yet. Raises
    ConfigError.
    """
    if config.access_file is None:
        return AccessFile()
    users = tuple(broker.access.users) if restored else (config.default.user,)
    vhosts = tuple(broker.vhosts) if restored else (config.default.vhost,)
    access = load_access_file(config.access_file, users=users, vhosts=vhosts)
    _check_queue_types(broker, access, config.access_file)
    return access


def fill(broker: Broker, config: Config, access: AccessFile, *, restored: bool = False) -> None:
    """Give a broker what is declared, and the defaults unless something was restored. Raises ConfigError."""
    broker.limits = attrs.evolve(broker.limits, vhosts=_default_limits(access))
    if not restored:
        _add_defaults(broker, config)
    _add_declared(broker, access)
    if broker.compat.extends("event-exchange") if config.events.exchange is None else config.events.exchange:
        vhost = broker.vhosts.get(config.default.vhost)  # somebody may have deleted it before a restart
        if vhost is not None:
            EventExchange(broker.events, vhost)


def _add_defaults(broker: Broker, config: Config) -> None:
    default = config.default
    broker.add_vhost(default.vhost)
    hashing = broker.authentication.hashing
    broker.add_user(User.with_password(default.user, default.password, default.user_tags, hashing))
    for permission in ("configure", "write", "read"):
        pattern = getattr(default, permission)
        try:
            patterns.compile(pattern)
        except patterns.PatternError as error:
            raise bad_value(f"default.{permission}", pattern, f"a regular expression ({error})") from error
    broker.access.grant(default.user, default.vhost, default.configure, default.write, default.read)


def _default_limits(access: AccessFile) -> tuple[DefaultLimits, ...]:
    return tuple(
        DefaultLimits(patterns.compile(each.pattern), each.max_connections, each.max_queues)
        for each in access.default_limits
    )


def _check_queue_types(broker: Broker, access: AccessFile, path: Path) -> None:
    for vhost in access.vhosts:
        if vhost.default_queue_type is not None and vhost.default_queue_type not in broker.queue_types:
            key, allowed = f"vhosts[{vhost.name!r}].default_queue_type", one_of(broker.queue_types)
            raise bad_value(key, vhost.default_queue_type, allowed, f"in {path}")


def _add_declared(broker: Broker, access: AccessFile) -> None:
    for vhost in access.vhosts:
        made, limits = broker.add_vhost(vhost.name), vhost.limits
        broker.set_default_queue_type(made, vhost.default_queue_type)
        said = made.metadata  # what the file doesn't say stays as somebody has set it since
        description, tags = vhost.description or said.description, vhost.tags or said.tags
        broker.describe_vhost(made, attrs.evolve(said, description=description, tags=tags))
        if limits is not None:
            broker.limit_vhost(made, max_connections=limits.max_connections, max_queues=limits.max_queues)
    for entry in access.users:
        user = User.with_password(entry.name, entry.password or "", entry.tags, broker.authentication.hashing)
        if entry.password is None:
            user = attrs.evolve(
                user, password_hash=entry.password_hash or "", hashing_algorithm=entry.hashing_algorithm
            )
        broker.add_user(
            attrs.evolve(
                user, max_connections=entry.limits.max_connections, max_channels=entry.limits.max_channels
            )
        )
    for permission in access.permissions:
        broker.access.grant(
            permission.user, permission.vhost, permission.configure, permission.write, permission.read
        )
    for topic in access.topic_permissions:
        broker.access.grant_topic(topic.user, topic.vhost, topic.exchange, topic.write, topic.read)
