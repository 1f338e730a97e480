"""Users and how their passwords are checked, in RabbitMQ's own hash format.

A stored password is base64(salt ‖ hash(salt ‖ password)) with a salt of four octets; the check value of RabbitMQ's
documentation is in the tests. Salts come from `secrets`, never from a seeded source.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any, Final

import attrs

SHA256: Final = "rabbit_password_hashing_sha256"
ALGORITHMS: Final[dict[str, Callable[[bytes], Any]]] = {
    SHA256: hashlib.sha256,
    "rabbit_password_hashing_sha512": hashlib.sha512,
    "rabbit_password_hashing_md5": lambda data: hashlib.md5(data, usedforsecurity=False),
}
SALT: Final = 4
REMEMBERED: Final = 1024
"""Users whose last accepted password is remembered."""


@attrs.frozen
class User:
    """One user. `password_hash` is empty for one who can't log in with a password."""

    name: str
    password_hash: str = attrs.field(default="", repr=False)
    hashing_algorithm: str = attrs.field(default=SHA256, validator=attrs.validators.in_(ALGORITHMS))
    tags: tuple[str, ...] = ()
    max_connections: int | None = None
    max_channels: int | None = None

    @classmethod
    def with_password(cls, name: str, password: str, tags: tuple[str, ...] = ()) -> User:
        """A user whose password is hashed with a fresh salt."""
        return cls(name, hash_password(password), tags=tags)

    def accepts(self, password: bytes) -> bool:
        """Whether this is the password; never for an empty one."""
        if not password or not self.password_hash:
            return False
        try:
            stored = base64.b64decode(self.password_hash, validate=True)
        except binascii.Error:
            return False
        digest: bytes = ALGORITHMS[self.hashing_algorithm](stored[:SALT] + password).digest()
        return hmac.compare_digest(digest, stored[SALT:])


def hash_password(password: str, *, salt: bytes | None = None, algorithm: str = SHA256) -> str:
    """The stored form of a password. Raises ValueError for an unknown algorithm."""
    if algorithm not in ALGORITHMS:
        raise ValueError(f"unknown hashing algorithm {algorithm!r}: expected one of {', '.join(ALGORITHMS)}")
    salt = secrets.token_bytes(SALT) if salt is None else salt
    digest: bytes = ALGORITHMS[algorithm](salt + password.encode("utf-8", "surrogateescape")).digest()
    return base64.b64encode(salt + digest).decode("ascii")


class AcceptedPasswords:
    """Remembers which passwords were accepted lately, so that a client that comes again needs no check off the loop.

    What is kept is a keyed digest, useless outside this process; a user that was replaced is another user.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: dict[User, bytes] = {}

    def knows(self, user: User, password: bytes) -> bool:
        """Whether this very user logged in with this password before."""
        digest = self._known.get(user)
        return digest is not None and hmac.compare_digest(digest, self._digest(password))

    def remember(self, user: User | None, password: bytes) -> User | None:
        """Keep what was accepted (None: nothing was); return the user as it came."""
        if user is not None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[user] = self._digest(password)
        return user

    def _digest(self, password: bytes) -> bytes:
        return hashlib.blake2b(password, key=self._key).digest()
