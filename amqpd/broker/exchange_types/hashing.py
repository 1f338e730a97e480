"""A hash that is the same in every process, on every machine and in every version of Python."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b


def hash64(octets: bytes) -> int:
    """64 bits that depend on the octets alone."""
    return int.from_bytes(blake2b(octets, digest_size=8).digest(), "big")


def key_octets(routing_keys: Sequence[str]) -> bytes:
    """The octets of several routing keys, such that no other keys give the same."""
    encoded = [key.encode("utf-8", "surrogateescape") for key in routing_keys]
    return b"".join([bytes((len(each),)) + each for each in encoded])
