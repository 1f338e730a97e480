"""A client's standing in one vhost: who it is, what it may do, and the exclusive queues that live as long as it.

One session a connection. Permission verdicts are remembered until permissions change anywhere. Checks come before
existence is looked at, so that a refusal says nothing about what exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.broker.permissions import CONFIGURE, READ, WRITE, Access
from amqpd.broker.users import User
from amqpd.errors import AccessRefused

if TYPE_CHECKING:
    from amqpd.broker.compat import Profile
    from amqpd.broker.ports import Peer
    from amqpd.broker.queue import Queue
    from amqpd.broker.vhost import VHost

EXCHANGE: Final = "exchange"
QUEUE: Final = "queue"
CACHE: Final = 256
IMPERSONATOR: Final = "impersonator"


def shown(exchange: str) -> str:
    """An exchange's name in permission checks and texts: the default one is called amq.default there."""
    return exchange or "amq.default"


class Session:
    """One connection as the model knows it."""

    __slots__ = (
        "_generation",
        "_profile",
        "_verdicts",
        "access",
        "exclusive_queues",
        "name",
        "peer",
        "pid",
        "user",
        "vhost",
    )

    def __init__(
        self, name: str, user: User, vhost: VHost, access: Access, profile: Profile, peer: Peer, pid: str = ""
    ) -> None:
        self.name = name
        self.pid = pid
        """What events call the connection."""
        self.user = user
        self.vhost = vhost
        self.peer = peer
        self.exclusive_queues: dict[Queue, None] = {}
        self.access = access
        self._profile = profile
        self._generation = access.generation
        self._verdicts: dict[tuple[str, str, str], bool] = {}

    @property
    def access_generation(self) -> int:
        """Rises when a verdict may have changed."""
        return self.access.generation

    def require(self, permission: str, kind: str, name: str) -> None:
        """Raise AccessRefused unless the user has one permission on an exchange or queue, which may not exist."""
        resource = shown(name) if kind == EXCHANGE else name
        if self._allows(permission, kind, resource):
            return
        raise self._refusal(permission, f"{kind} '{resource}' in vhost '{self.vhost.name}'")

    def require_any(self, kind: str, name: str) -> None:
        """Raise AccessRefused unless the user has at least one permission on a resource."""
        resource = shown(name) if kind == EXCHANGE else name
        if any(self._allows(permission, kind, resource) for permission in (READ, WRITE, CONFIGURE)):
            return
        raise self._refusal(CONFIGURE, f"{kind} '{resource}' in vhost '{self.vhost.name}'")

    def require_topic(self, permission: str, exchange: str, routing_key: str) -> None:
        """Raise AccessRefused unless the user's topic permissions, if it has any there, cover a routing key."""
        user = self.user
        if self.access.of(user).allows_topic(user.name, self.vhost.name, exchange, permission, routing_key):
            return
        raise self._refusal(
            permission, f"topic '{routing_key}' in exchange '{exchange}' in vhost '{self.vhost.name}'"
        )

    def has_topic_rules(self, exchange: str) -> bool:
        """Whether routing keys matter to this user's right to publish to a topic exchange."""
        return self.access.of(self.user).rules_topics(self.user.name, self.vhost.name, exchange)

    def may_impersonate(self, user_id: str) -> bool:
        """Whether a message may carry this user-id."""
        return user_id == self.user.name or IMPERSONATOR in self.user.tags

    def _allows(self, permission: str, kind: str, resource: str) -> bool:
        if self._generation != self.access.generation or len(self._verdicts) > CACHE:
            self._generation = self.access.generation
            self._verdicts.clear()
        key = (permission, kind, resource)
        verdict = self._verdicts.get(key)
        if verdict is None:
            authority = self.access.of(self.user)
            verdict = authority.allows(self.user.name, self.vhost.name, permission, kind, resource)
            self._verdicts[key] = verdict
        return verdict

    def _refusal(self, permission: str, what: str) -> AccessRefused:
        word = f"{permission} access" if self._profile.refusals_name_permission else "access"
        return AccessRefused(f"{word} to {what} refused for user '{self.user.name}'")
