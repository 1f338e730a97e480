"""The access file: virtual hosts, users, permissions, topic permissions and default limits, declared in TOML.

Decides: the form of the file, and that everything in it is well-formed and refers to something that exists. Refuses to
know how a password is hashed or a permission is asked for. Every error is a ConfigError that names the entry, the key,
the value and what is allowed; entries go by their names (`users['app'].tags`), or by their place counted from 1
(`users[#2]`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import attrs

from amqpd.config.checks import Check, ShortText, Within
from amqpd.config.errors import ConfigError, bad_value, one_of, unknown_key
from amqpd.config.sources import read_toml
from amqpd.config.values import Names, describe, structure
from amqpd.patterns import PatternError
from amqpd.patterns import compile as compile_pattern

HashingAlgorithm = Literal[
    "rabbit_password_hashing_sha256", "rabbit_password_hashing_sha512", "rabbit_password_hashing_md5", "argon2id"
]
"""RabbitMQ's names: a hash is base64 of a salt of 4 bytes and the digest of salt and password. One of argon2id is
base64 of its usual text.
"""

_SALT_SIZE = 4
_DIGEST_SIZES = {
    "rabbit_password_hashing_sha256": 32,
    "rabbit_password_hashing_sha512": 64,
    "rabbit_password_hashing_md5": 16,
}
_EntryT = TypeVar("_EntryT")


class _AtMost32(Check):
    text = "at most 32 of them"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, tuple) and len(value) <= 32


class _Regex(Check):
    text = "a regular expression; empty, it matches no name but the empty one"

    def accepts(self, value: Any) -> bool:
        try:
            compile_pattern(value)
        except PatternError:
            return False
        return True


class _Password(Check):
    text = "not empty (leave it out for a user that cannot log in with a password)"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and value != ""


def _name() -> Any:
    return attrs.field(validator=ShortText())


def _regex() -> Any:
    return attrs.field(validator=_Regex())


def _limit() -> Any:
    return attrs.field(default=None, validator=Within(0))


@attrs.frozen(kw_only=True)
class VHostLimits:
    """The limits of a virtual host; None is no limit."""

    max_connections: int | None = _limit()
    max_queues: int | None = _limit()


@attrs.frozen(kw_only=True)
class VHostEntry:
    """A virtual host to create."""

    name: str = _name()
    description: str = ""
    tags: Names = attrs.field(default=(), validator=_AtMost32())
    default_queue_type: str | None = attrs.field(default=None, validator=ShortText())
    limits: VHostLimits | None = None
    """None: those of the first default limits that fit, if it is new."""


@attrs.frozen(kw_only=True)
class DefaultLimitsEntry:
    """The limits of new virtual hosts in whose name a regular expression is found; the first one that fits counts."""

    pattern: str = _regex()
    max_connections: int | None = _limit()
    max_queues: int | None = _limit()


@attrs.frozen(kw_only=True)
class UserLimits:
    """The limits of a user; None is no limit."""

    max_connections: int | None = _limit()
    max_channels: int | None = _limit()


@attrs.frozen(kw_only=True)
class UserEntry:
    """A user to create: with a password, with a hash as RabbitMQ exports it, or with neither, for EXTERNAL alone."""

    name: str = _name()
    password: str | None = attrs.field(default=None, validator=_Password(), repr=False)
    password_hash: str | None = attrs.field(default=None, repr=False)
    hashing_algorithm: HashingAlgorithm = "rabbit_password_hashing_sha256"
    tags: Names = attrs.field(default=(), validator=_AtMost32())
    limits: UserLimits = attrs.Factory(UserLimits)

    def __attrs_post_init__(self) -> None:
        """Refuse two passwords, and a hash that is none of its algorithm."""
        if self.password is not None and self.password_hash is not None:
            raise bad_value("password_hash", None, "either 'password' or 'password_hash', not both", secret=True)
        if self.hashing_algorithm == "argon2id":
            if self.password_hash and not _is_base64_of_argon2(self.password_hash):
                allowed = "base64 of a text that begins with $argon2id$, or empty for no password"
                raise bad_value("password_hash", None, allowed, secret=True)
            return
        size = _SALT_SIZE + _DIGEST_SIZES[self.hashing_algorithm]
        if self.password_hash and not _is_base64_of(size, self.password_hash):
            allowed = f"base64 of {size} bytes (salt and digest of {self.hashing_algorithm}), or empty for no password"
            raise bad_value("password_hash", None, allowed, secret=True)


@attrs.frozen(kw_only=True)
class PermissionEntry:
    """What a user may do in a virtual host: three regular expressions, searched in the name of the resource."""

    user: str = _name()
    vhost: str = _name()
    configure: str = _regex()
    write: str = _regex()
    read: str = _regex()


@attrs.frozen(kw_only=True)
class TopicPermissionEntry:
    """Which routing keys a user may use on a topic exchange; patterns may contain {username} and {vhost}."""

    user: str = _name()
    vhost: str = _name()
    exchange: str = _name()
    write: str = _regex()
    read: str = _regex()


@attrs.frozen(kw_only=True)
class AccessFile:
    """Everything that the file declares, in its order."""

    vhosts: tuple[VHostEntry, ...] = ()
    users: tuple[UserEntry, ...] = ()
    permissions: tuple[PermissionEntry, ...] = ()
    topic_permissions: tuple[TopicPermissionEntry, ...] = ()
    default_limits: tuple[DefaultLimitsEntry, ...] = ()


def load_access_file(path: Path, *, users: Collection[str] = (), vhosts: Collection[str] = ()) -> AccessFile:
    """Return what `path` declares.

    `users` and `vhosts` exist without the file (the default ones), so that permissions may name them. Raise ConfigError
    for a file that cannot be read, an unknown or missing key, a repeated entry, a bad value, and a permission for a
    user or virtual host that does not exist.
    """
    where = f"in {path}"
    document = read_toml(path)
    known = [each.name for each in attrs.fields(AccessFile)]
    for key, value in document.items():
        if key not in known:
            raise unknown_key(key, value, known, where)
    access = AccessFile(
        vhosts=_entries(VHostEntry, document, "vhosts", where),
        users=_entries(UserEntry, document, "users", where),
        permissions=_entries(PermissionEntry, document, "permissions", where),
        topic_permissions=_entries(TopicPermissionEntry, document, "topic_permissions", where),
        default_limits=_entries(DefaultLimitsEntry, document, "default_limits", where),
    )
    known_users = {*users, *(user.name for user in access.users)}
    known_vhosts = {*vhosts, *(vhost.name for vhost in access.vhosts)}
    for table, grants in (("permissions", access.permissions), ("topic_permissions", access.topic_permissions)):
        for grant in grants:
            _must_exist(grant.user, known_users, f"{table}[{_label(grant)}].user", where)
            _must_exist(grant.vhost, known_vhosts, f"{table}[{_label(grant)}].vhost", where)
    return access


def _entries(kind: type[_EntryT], document: Mapping[str, Any], table: str, where: str) -> tuple[_EntryT, ...]:
    rows = document.get(table, [])
    if not isinstance(rows, list):
        raise bad_value(table, rows, f"a list of tables: [[{table}]]", where)
    entries: dict[str, _EntryT] = {}
    for place, row in enumerate(rows, start=1):
        entry = _entry(kind, row, f"{table}[{_label_of_row(kind, row) or f'#{place}'}]", where)
        label = _label(entry)
        if label in entries:
            raise ConfigError(f"{table}[{label}] is there twice", key=f"{table}[{label}]", where=where)
        entries[label] = entry
    return tuple(entries.values())


def _entry(kind: type[_EntryT], row: object, path: str, where: str) -> _EntryT:
    fields = {field.name: field for field in attrs.fields(attrs.resolve_types(kind, include_extras=True))}  # type: ignore[type-var, arg-type]
    if not isinstance(row, Mapping):
        raise bad_value(path, row, f"a table with the keys {', '.join(fields)}", where)
    for key, value in row.items():
        if key not in fields:
            raise unknown_key(f"{path}.{key}", value, [f"{path}.{name}" for name in fields], where)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in row:
            values[name] = _value(field, row[name], f"{path}.{name}", where)
        elif field.default is attrs.NOTHING:
            raise ConfigError(f"'{path}.{name}' is missing", key=f"{path}.{name}", where=where, allowed=_allowed(field))
    try:
        return kind(**values)
    except ConfigError as error:  # keys that do not go together
        secret = error.key in _SECRETS
        raise bad_value(f"{path}.{error.key}", error.value, error.allowed or "", where, secret=secret) from error


_SECRETS = {"password", "password_hash"}


def _value(field: attrs.Attribute[Any], value: object, path: str, where: str) -> Any:
    kind: Any = field.type
    if attrs.has(kind):
        return _entry(kind, value, path, where)
    try:
        parsed = structure(value, kind)
    except ValueError as error:
        raise bad_value(path, value, _allowed(field), where, secret=field.name in _SECRETS) from error
    if isinstance(field.validator, Check) and parsed is not None and not field.validator.accepts(parsed):
        raise bad_value(path, value, _allowed(field), where, secret=field.name in _SECRETS)
    return parsed


def _allowed(field: attrs.Attribute[Any]) -> str:
    check = field.validator
    return f"{describe(field.type)}, {check.text}" if isinstance(check, Check) else describe(field.type)


def _label(entry: object) -> str:
    """Return the names that tell an entry from its neighbours, as error messages show them."""
    return ", ".join(repr(getattr(entry, name)) for name in _identity(type(entry)))


def _label_of_row(kind: type, row: object) -> str | None:
    names = [row.get(name) for name in _identity(kind)] if isinstance(row, Mapping) else [None]
    return ", ".join(map(repr, names)) if all(isinstance(name, str) for name in names) else None


def _identity(kind: type) -> tuple[str, ...]:
    known: dict[type, tuple[str, ...]] = {
        PermissionEntry: ("user", "vhost"),
        TopicPermissionEntry: ("user", "vhost", "exchange"),
        DefaultLimitsEntry: ("pattern",),
    }
    return known.get(kind, ("name",))


def _must_exist(name: str, known: Collection[str], key: str, where: str) -> None:
    if name not in known:
        allowed = one_of(sorted(known)) if known else "nothing, as none is declared"
        raise bad_value(key, name, allowed, where)


def _is_base64_of(size: int, text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == size
    except (binascii.Error, ValueError):
        return False


def _is_base64_of_argon2(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=True).startswith(b"$argon2id$")
    except (binascii.Error, ValueError):
        return False
