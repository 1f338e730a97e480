"""The broker's own users."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

import attrs

from amqpd.broker.authentication.port import AuthBackend, Login
from amqpd.broker.passwords import ARGON2, has_argon2, is_slow
from amqpd.broker.users import User
from amqpd.clock import Clock
from amqpd.errors import LoginRefused

REMEMBERED: Final = 1024
"""Users whose last accepted password is remembered."""
FOR: Final = 60.0
"""Seconds for which it is."""


class InternalBackend(AuthBackend):
    """Checks passwords against the hashes of the broker's users."""

    name: ClassVar[str] = "internal"

    def __init__(self, users: Mapping[str, User], clock: Clock) -> None:
        self._users = users
        self._accepted = AcceptedPasswords(clock)
        self.nobody = User("")
        """Whose password is checked where the user is unknown, so that the time of an answer tells nothing."""

    def remembered(self, login: Login) -> User | None:
        user = self._users.get(login.name or "")
        return user if user is not None and self._accepted.knows(user, login.secret) else None

    def check(self, login: Login) -> Callable[[], User | None]:
        user = self._users.get(login.name or "") or self.nobody
        if user.hashing_algorithm == ARGON2 and not has_argon2():
            raise LoginRefused(f"the password of '{user.name}' is an argon2id hash, which amqpd[server] can check")
        return _Check(user, login.name, login.secret)

    def is_heavy(self, login: Login) -> bool:
        return is_slow((self._users.get(login.name or "") or self.nobody).hashing_algorithm)

    def accepted(self, login: Login, user: User) -> None:
        self._accepted.remember(user, login.secret)

    def authorise(self, name: str) -> User | None:
        return self._users.get(name)


@attrs.frozen
class _Check:
    """Equal ones, of the same user with the same password, are made once where many wait. The name that was said is
    part of it: that two names are both unknown does not show in the time that their answers take.
    """

    user: User
    name: str | None
    secret: bytes = attrs.field(repr=False)

    def __call__(self) -> User | None:
        return self.user if self.user.accepts(self.secret) and self.user.name else None


class AcceptedPasswords:
    """Remembers which passwords were accepted lately, so that a client that comes again needs no check.

    What is kept is a keyed digest, useless outside this process; a user that was replaced is another user.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._known: dict[User, tuple[bytes, float]] = {}

    def knows(self, user: User, password: bytes) -> bool:
        """Whether this very user logged in with this password a moment ago."""
        digest, until = self._known.get(user, (b"", 0.0))
        return until > self._clock.monotonic() and hmac.compare_digest(digest, self._digest(password))

    def remember(self, user: User, password: bytes) -> None:
        """Keep what was accepted."""
        self._known.pop(user, None)
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[user] = self._digest(password), self._clock.monotonic() + FOR

    def _digest(self, password: bytes) -> bytes:
        return hashlib.blake2b(password, key=self._key).digest()
