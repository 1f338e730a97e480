"""How passwords are stored and checked: RabbitMQ's salted hashes, and argon2id where the library is installed.

RabbitMQ's form is base64(salt ‖ hash(salt ‖ password)) with a salt of four octets; the check value of its documentation
is in the tests. argon2id's is base64 of the usual text (`$argon2id$v=19$...`), which RabbitMQ imports and exports again
without knowing it: decision 0027. Salts come from `secrets`, never from a seeded source.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

SHA256: Final = "rabbit_password_hashing_sha256"
ARGON2: Final = "argon2id"
SALTED: Final[dict[str, Callable[[bytes], Any]]] = {
    SHA256: hashlib.sha256,
    "rabbit_password_hashing_sha512": hashlib.sha512,
    "rabbit_password_hashing_md5": lambda data: hashlib.md5(data, usedforsecurity=False),
}
ALGORITHMS: Final = (*SALTED, ARGON2)
SALT: Final = 4


def has_argon2() -> bool:
    """Whether argon2id can be computed here."""
    return find_spec("argon2") is not None


def is_slow(algorithm: str) -> bool:
    """Whether a hash takes long enough to be made off the broker's thread."""
    return algorithm == ARGON2


def hash_password(password: str, *, salt: bytes | None = None, algorithm: str = SHA256) -> str:
    """The stored form of a password. Raises ValueError for an unknown algorithm."""
    octets = password.encode("utf-8", "surrogateescape")
    if algorithm == ARGON2:
        from amqpd.broker import argon2_hashes

        return base64.b64encode(argon2_hashes.made(octets).encode()).decode("ascii")
    if algorithm not in SALTED:
        raise ValueError(f"unknown hashing algorithm {algorithm!r}: expected one of {', '.join(ALGORITHMS)}")
    salt = secrets.token_bytes(SALT) if salt is None else salt
    digest: bytes = SALTED[algorithm](salt + octets).digest()
    return base64.b64encode(salt + digest).decode("ascii")


def is_password(password: bytes, stored: str, algorithm: str) -> bool:
    """Whether this is the password of a stored hash; never an empty one. Raises ImportError for an argon2id hash where
    the library is missing.
    """
    if not password or not stored:
        return False
    try:
        octets = base64.b64decode(stored, validate=True)
    except binascii.Error:
        return False
    if algorithm == ARGON2:
        from amqpd.broker import argon2_hashes

        return argon2_hashes.fits(octets, password)
    digest: bytes = SALTED[algorithm](octets[:SALT] + password).digest()
    return hmac.compare_digest(digest, octets[SALT:])
