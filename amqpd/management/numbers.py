"""Numbers in paths, queries and texts."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 18
"""Digits: enough for 64 bits, too few for a number that takes long to read."""


def is_number(text: str) -> bool:
    """Whether a text is a whole number, not negative, of a size that makes sense."""
    return len(text) <= LONGEST and text.isascii() and text.isdecimal()
