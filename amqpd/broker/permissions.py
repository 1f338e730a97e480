"""Who may configure, write and read what: three regular expressions for each user and vhost, and topic permissions.

Patterns search anywhere in the name; an empty one matches the empty name only. They are matched by `amqpd.patterns`,
whose work is bounded, because a pattern and a name come from people.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import attrs

from amqpd import patterns
from amqpd.broker import announce
from amqpd.broker.events import INTERNAL, Events
from amqpd.broker.recording import Recorder
from amqpd.broker.users import Authority, User

CONFIGURE: Final = "configure"
WRITE: Final = "write"
READ: Final = "read"
EVERYTHING: Final = ".*"


NOTHING: Final = patterns.compile("^$")
"""What an empty pattern means: the empty name alone. It is told from a pattern that says so by its identity."""


def _compiled(pattern: str) -> patterns.Pattern:
    return patterns.compile(pattern) if pattern else NOTHING


@attrs.frozen
class Permissions:
    """The three patterns of one user in one vhost."""

    configure: patterns.Pattern = attrs.field(converter=_compiled)
    write: patterns.Pattern = attrs.field(converter=_compiled)
    read: patterns.Pattern = attrs.field(converter=_compiled)

    def written(self) -> tuple[str, str, str]:
        """The three patterns as they were given."""
        configure, write, read = ["" if each is NOTHING else each.source for each in attrs.astuple(self, recurse=False)]
        return configure, write, read

    def allow(self, permission: str, name: str) -> bool:
        """Whether one of CONFIGURE, WRITE, READ covers a resource's name."""
        pattern: patterns.Pattern = getattr(self, permission)
        return pattern.search(name)


@attrs.frozen
class TopicPermissions:
    """Patterns for the routing keys of one topic exchange, with {username} and {vhost} expanded; a bad one denies."""

    write: str
    read: str

    def allow(self, permission: str, routing_key: str, user: str, vhost: str) -> bool:
        source = self.write if permission == WRITE else self.read
        for name, value in (("{username}", user), ("{vhost}", vhost)):
            source = source.replace(name, re.escape(value))
        try:
            return _compiled(source).search(routing_key)
        except patterns.PatternError:
            return False


class Access:
    """All users and permissions. `generation` rises with every change, so that caches know when they are stale."""

    def __init__(self, events: Events, recorder: Recorder) -> None:
        self._events = events
        self._recorder = recorder
        self.users: dict[str, User] = {}
        self.permissions: dict[tuple[str, str], Permissions] = {}
        self.topic_permissions: dict[tuple[str, str, str], TopicPermissions] = {}
        self.generation = 0

    def changed(self) -> None:
        self.generation += 1

    def of(self, user: User) -> Authority:
        """Who says what a user may do."""
        return self if user.authority is None else user.authority

    def enters(self, user: str, vhost: str) -> bool:
        return (user, vhost) in self.permissions

    def allows(self, user: str, vhost: str, permission: str, kind: str, name: str) -> bool:
        permissions = self.permissions.get((user, vhost))
        return permissions is not None and permissions.allow(permission, name)

    def rules_topics(self, user: str, vhost: str, exchange: str) -> bool:
        return (user, vhost, exchange) in self.topic_permissions

    def allows_topic(self, user: str, vhost: str, exchange: str, permission: str, routing_key: str) -> bool:
        topic = self.topic_permissions.get((user, vhost, exchange))
        return topic is None or topic.allow(permission, routing_key, user, vhost)

    def grant(
        self,
        user: str,
        vhost: str,
        configure: str = EVERYTHING,
        write: str = EVERYTHING,
        read: str = EVERYTHING,
        *,
        by: str = INTERNAL,
    ) -> None:
        """Set a user's permissions in a vhost. Raises patterns.PatternError for a pattern that can't be compiled."""
        self.permissions[user, vhost] = Permissions(configure, write, read)
        self._recorder.permissions(user, vhost, configure, write, read)
        self.changed()
        if self._events.heard:
            announce.permission_created(self._events, user, vhost, configure, write, read, by)

    def revoke(self, user: str, vhost: str, *, by: str = INTERNAL) -> None:
        """Clear a user's permissions in a vhost, if there are any."""
        self.permissions.pop((user, vhost), None)
        self._recorder.permissions_gone([(user, vhost)])
        self.changed()
        if self._events.heard:
            announce.permission_deleted(self._events, user, vhost, by)

    def grant_topic(
        self, user: str, vhost: str, exchange: str, write: str, read: str, *, by: str = INTERNAL
    ) -> None:
        """Set a user's permissions for the routing keys of a topic exchange."""
        permissions = self.topic_permissions[user, vhost, exchange] = TopicPermissions(write, read)
        self._recorder.topic_permissions(user, vhost, exchange, permissions)
        self.changed()
        if self._events.heard:
            announce.topic_permission_created(self._events, user, vhost, exchange, permissions, by)

    def revoke_topic(self, user: str, vhost: str, exchange: str | None = None, *, by: str = INTERNAL) -> None:
        """Clear them for one exchange, or for all exchanges of a vhost."""
        self._forget_topics(lambda key: key[:2] == (user, vhost) and exchange in (None, key[2]))
        self.changed()
        if self._events.heard:
            announce.topic_permission_deleted(self._events, user, vhost, exchange, by)

    def forget_user(self, user: str) -> None:
        """Drop all permissions of a user that is deleted."""
        gone = [key for key in self.permissions if key[0] == user]
        for key in gone:
            del self.permissions[key]
        self._recorder.permissions_gone(gone)
        self._forget_topics(lambda key: key[0] == user)
        self.changed()

    def forget_vhost(self, vhost: str, *, by: str = INTERNAL) -> None:
        """Drop all permissions in a vhost that is deleted."""
        for user, granted in list(self.permissions):
            if granted == vhost:
                self.revoke(user, vhost, by=by)
        self._forget_topics(lambda key: key[1] == vhost)
        self.changed()

    def _forget_topics(self, concerned: Callable[[tuple[str, str, str]], bool]) -> None:
        gone = [key for key in self.topic_permissions if concerned(key)]
        for key in gone:
            del self.topic_permissions[key]
        self._recorder.topic_permissions_gone(gone)
