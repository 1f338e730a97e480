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
        """Whose password is checked where the user is unknown, or quicker to refuse than one who is, so that the time
        of an answer tells nothing.
        """

    def remembered(self, login: Login) -> User | None:
        user = self._users.get(login.name or "")
        return user if user is not None and self._accepted.knows(user, login.secret) else None

    def check(self, login: Login) -> Callable[[], User | None]:
        user = self._users.get(login.name or "") or self.nobody
        if user.hashing_algorithm == ARGON2 and not has_argon2():
            raise LoginRefused(f"the password of '{user.name}' is an argon2id hash, which amqpd[server] can check")
        return _Check(user, login.name, login.secret, self.nobody)

    def is_heavy(self, login: Login) -> bool:
        user = self._users.get(login.name or "") or self.nobody
        return is_slow(user.hashing_algorithm) or is_slow(self.nobody.hashing_algorithm)

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
    nobody: User

    def __call__(self) -> User | None:
        if self.user.accepts(self.secret) and self.user.name:
            return self.user
        if not self._took_as_long:
            self.nobody.accepts(self.secret)
        return None

    @property
    def _took_as_long(self) -> bool:
        """Whether this refusal was as much work as that of an unknown user: not for a hash of another kind, from a
        RabbitMQ's definitions for example, nor where there is none.
        """
        return bool(self.user.password_hash) and self.user.hashing_algorithm == self.nobody.hashing_algorithm


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
