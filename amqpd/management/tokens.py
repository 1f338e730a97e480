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
MOST_OF_ONE: Final = 1000
"""Of more of one user, its own oldest is: nobody logs others out by logging in."""
OCTETS: Final = 32


class Tokens:
    """Those of one broker."""

    def __init__(self, clock: Clock, lifetime: float) -> None:
        """`lifetime`: seconds, RabbitMQ's management.login_session_timeout."""
        self._clock = clock
        self._lifetime = lifetime
        self._known: dict[bytes, tuple[User, User | None, float]] = {}
        """By digest: for whom, as whom the broker itself knew it, and until when. The oldest first."""
        self._of: dict[str, dict[bytes, None]] = {}
        """The digests of each user's, by its name. The oldest first."""

    def issue(self, user: User, users: Mapping[str, User]) -> str:
        """A new token for somebody who has just logged in; `users` are those that the broker itself knows, by name."""
        token = secrets.token_urlsafe(OCTETS)
        digest, own = _digest(token), self._of.get(user.name, {})
        if len(own) >= MOST_OF_ONE:
            self._forget(next(iter(own)))
        elif len(self._known) >= MOST:
            self._forget(next(iter(self._known)))
        self._known[digest] = user, users.get(user.name), self._clock.monotonic() + self._lifetime
        self._of.setdefault(user.name, {})[digest] = None
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
        self._forget(_digest(token))

    def _forget(self, digest: bytes) -> None:
        user, _, _ = self._known.pop(digest, (None, None, 0.0))
        if user is not None:
            del self._of[user.name][digest]
            if not self._of[user.name]:
                del self._of[user.name]


def _login(user: User | None) -> tuple[object, ...]:
    """What a login rests on, and what it opened."""
    return () if user is None else (user.password_hash, user.hashing_algorithm, user.tags)


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=OCTETS).digest()
