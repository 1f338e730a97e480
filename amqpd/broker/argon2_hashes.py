"""argon2id, from the library of the extra `server`: what it costs is decided here.

OWASP's second choice of parameters: 19 MiB, two passes, one lane. A check takes some 20 ms of one processor, without
the interpreter's lock. https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

from __future__ import annotations

from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

HASHER: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
MEMORY: Final = 64 * 1024
PASSES: Final = 10
"""The most that a hash from elsewhere may ask for (KiB and passes): it may come with definitions."""


def made(password: bytes) -> str:
    """A new hash, as text."""
    return HASHER.hash(password)


def fits(stored: bytes, password: bytes) -> bool:
    """Whether a hash is this password's; False also for one that is damaged, or asks for too much."""
    try:
        text = stored.decode("ascii")
        cost = argon2.extract_parameters(text)
        if cost.type is not argon2.Type.ID or cost.memory_cost > MEMORY or cost.time_cost > PASSES:
            return False
        return HASHER.verify(text, password)
    except (VerificationError, InvalidHashError, ValueError):
        return False
