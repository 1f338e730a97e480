"""Texts of strangers for a terminal: what would move its cursor, change its title or begin a line is written out."""

from __future__ import annotations


def visible(text: str, kept: str = "") -> str:
    """The text with escapes in place of what can't be printed, other than the characters in `kept`."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in kept else each.encode("unicode_escape").decode("ascii") for each in text
    )
