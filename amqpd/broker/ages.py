"""Ages as streams write them: a number and a unit, `7D`, `12h`. https://www.rabbitmq.com/docs/streams#retention"""

from __future__ import annotations

import re
from typing import Final

SECOND: Final = 1000
DAY: Final = 24 * 60 * 60 * SECOND
UNITS: Final = {"Y": 365 * DAY, "M": 30 * DAY, "D": DAY, "h": 60 * 60 * SECOND, "m": 60 * SECOND, "s": SECOND}
"""Milliseconds. A year has 365 days and a month 30, as RabbitMQ reckons."""

DIGITS: Final = 20
"""Of a longer number the first ones are enough: it is older than everything either way."""

_AGE: Final = re.compile("([0-9]*)(.*)")


def milliseconds(text: str) -> int | None:
    """The age in milliseconds; None if it is none: no number above 0, or no unit."""
    match = _AGE.match(text)
    assert match is not None
    digits, unit = match[1].lstrip("0"), match[2]
    return int(digits[:DIGITS]) * UNITS[unit] if digits and unit in UNITS else None


def starts_with_digit(text: str) -> bool:
    """Whether there is a number at all; RabbitMQ crashed where there is none."""
    return text[:1] in tuple("0123456789")
