"""What the scopes of a token allow: `read:VHOST/NAME`, `write:VHOST/NAME/ROUTING_KEY`, `configure:*/*`, `tag:TAG`.

Each part is a pattern in which `*` stands for anything, and may be percent-encoded. Scopes that say nothing here are
ignored: a token may be for others too. https://www.rabbitmq.com/docs/oauth2#scope-translation
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

import attrs

PERMISSIONS: Final = ("configure", "write", "read")
TAG: Final = "tag:"
ANYTHING: Final = "*"


@attrs.frozen
class Grant:
    """One scope: a permission on what the patterns match."""

    permission: str
    vhost: str
    name: str
    routing_key: str = ANYTHING


@attrs.frozen
class Scopes:
    """All scopes of one token, as an authority on what its bearer may do."""

    grants: tuple[Grant, ...]
    tags: tuple[str, ...]

    def enters(self, user: str, vhost: str) -> bool:
        return any(matches(each.vhost, vhost) for each in self.grants)

    def allows(self, user: str, vhost: str, permission: str, kind: str, name: str) -> bool:
        return any(self._covering(vhost, permission, name))

    def rules_topics(self, user: str, vhost: str, exchange: str) -> bool:
        return any(each.routing_key != ANYTHING for each in self.grants)

    def allows_topic(self, user: str, vhost: str, exchange: str, permission: str, routing_key: str) -> bool:
        return any(matches(each.routing_key, routing_key) for each in self._covering(vhost, permission, exchange))

    def _covering(self, vhost: str, permission: str, name: str) -> Iterable[Grant]:
        return (
            each
            for each in self.grants
            if each.permission == permission and matches(each.vhost, vhost) and matches(each.name, name)
        )


def read_scopes(scopes: Iterable[str], prefix: str) -> Scopes:
    """The scopes that begin with a prefix, without it."""
    own = [each.removeprefix(prefix) for each in scopes if each.startswith(prefix)]
    tags = dict.fromkeys(each.removeprefix(TAG) for each in own if each.startswith(TAG) and each != TAG)
    return Scopes(tuple(grant for each in own if (grant := _grant(each)) is not None), tuple(tags))


def _grant(scope: str) -> Grant | None:
    permission, _, where = scope.partition(":")
    parts = [unquote(part) for part in where.split("/")]
    if permission not in PERMISSIONS or len(parts) not in (2, 3):
        return None
    return Grant(permission, *parts)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern covers a text, in time that grows with their lengths alone: each piece between two `*` is
    looked for from where the one before it ended.
    """
    first, *rest = pattern.split(ANYTHING)
    if not rest:
        return pattern == text
    if not text.startswith(first):
        return False
    at = len(first)
    *inner, last = rest
    for piece in inner:
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return len(text) - at >= len(last) and text.endswith(last)
