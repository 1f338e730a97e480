"""Tokens that stand for a login: what `/api/login` gives, for as long as the broker runs and the user stays as it is.

They are random, held as digests alone, and end some hours after they were made, or with the credential that they were
given for. Changing the password or the tags of a user that the broker knows ends all of its tokens, also where another
backend says what the user may do; other changes, such as of its limits, do not.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Final

from amqpd.broker.users import User
from amqpd.clock import Clock

MOST: Final = 10_000
"""Of more, the oldest is forgotten."""
OCTETS: Final = 32


class Tokens:
    """Those of one broker."""

    def __init__(self, clock: Clock, lifetime: float) -> None:
        """`lifetime`: seconds, RabbitMQ's management.login_session_timeout."""
        self._clock = clock
        self._lifetime = lifetime
        self._known: dict[bytes, tuple[User, User | None, float]] = {}
        """By digest: for whom, as whom the broker itself knew it, and until when. The oldest first."""

    def issue(self, user: User, users: Mapping[str, User]) -> str:
        """A new token for somebody who has just logged in; `users` are those that the broker itself knows, by name."""
        token = secrets.token_urlsafe(OCTETS)
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[_digest(token)] = user, users.get(user.name), self._clock.monotonic() + self._lifetime
        return token

    def user_of(self, token: str, users: Mapping[str, User]) -> User | None:
        """Who logged in for it; None: nobody, or too long ago, or somebody who was changed since."""
        found = self._known.get(_digest(token))
        if found is None:
            return None
        user, then, until = found
        if self._clock.monotonic() >= until:
            return None
        if user.expires is not None and self._clock.wall() >= user.expires:
            return None
        now = users.get(user.name)
        if _login(now) != _login(then):
            return None
        return now if then is user else user

    def revoke(self, token: str) -> None:
        """Let it stand for nobody any more."""
        self._known.pop(_digest(token), None)


def _login(user: User | None) -> tuple[object, ...]:
    """What a login rests on, and what it opened."""
    return () if user is None else (user.password_hash, user.hashing_algorithm, user.tags)


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=OCTETS).digest()
