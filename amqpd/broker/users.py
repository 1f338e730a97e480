"""Users, and who says what they may do."""

from __future__ import annotations

from typing import Protocol

import attrs

from amqpd.broker.passwords import ALGORITHMS, SHA256, hash_password, is_password


class Authority(Protocol):
    """Says what a user may do: the broker's own permissions, or something that a user brings along, such as a token.

    It answers at once, on the broker's thread, or raises `undecided.Undecided` where somebody has to be asked first:
    then it is asked again. Verdicts are remembered until permissions change anywhere (`Access.changed`).
    """

    def enters(self, user: str, vhost: str) -> bool:
        """Whether a user may open a virtual host."""
        ...

    def allows(self, user: str, vhost: str, permission: str, kind: str, name: str) -> bool:
        """Whether a user may configure, write or read the resource of this name; `kind`: exchange or queue."""
        ...

    def rules_topics(self, user: str, vhost: str, exchange: str) -> bool:
        """Whether routing keys of a topic exchange matter to what a user may do."""
        ...

    def allows_topic(self, user: str, vhost: str, exchange: str, permission: str, routing_key: str) -> bool:
        """Whether a user may use a routing key of a topic exchange."""
        ...


@attrs.frozen
class User:
    """One user. `password_hash` is empty for one who can't log in with a password."""

    name: str
    password_hash: str = attrs.field(default="", repr=False)
    hashing_algorithm: str = attrs.field(default=SHA256, validator=attrs.validators.in_(ALGORITHMS))
    tags: tuple[str, ...] = ()
    max_connections: int | None = None
    max_channels: int | None = None
    authority: Authority | None = attrs.field(default=None, eq=False, repr=False)
    """Who says what it may do; None: the broker's own permissions."""
    expires: float | None = None
    """When its login ends, in seconds since the Unix epoch."""

    @classmethod
    def with_password(cls, name: str, password: str, tags: tuple[str, ...] = (), algorithm: str = SHA256) -> User:
        """A user whose password is hashed with a fresh salt."""
        return cls(name, hash_password(password, algorithm=algorithm), algorithm, tags)

    def accepts(self, password: bytes) -> bool:
        """Whether this is the password; never for an empty one. Raises ImportError where its library is missing."""
        return is_password(password, self.password_hash, self.hashing_algorithm)
