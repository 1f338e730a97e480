"""The last events of this process in memory, for whoever looks at the log without being at its machine.

An event is kept as texts and numbers alone: nothing it names is kept alive, and what could be a secret is masked
before it is kept. There are few of them, one for each thing that an operator acts on, and their number is bounded.
"""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from amqpd.clock import Clock, SystemClock

CAPACITY: Final = 1000
"""Events; the oldest one goes first."""
LONGEST: Final = 2000
"""Characters of a text or a value that are kept."""
MASK: Final = "***"
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
"""The least severe one first."""

_SECRET: Final = re.compile(r"(?i)passw|passphrase|secret|token|credential|authori[sz]ation|cookie|private|api_?key")
_LOGIN: Final = re.compile(r"(://[^\s:/@]*:)[^\s@]+(@)")
"""Name and password in a URL."""


@attrs.frozen
class Entry:
    """One event."""

    number: int
    """Counts up from 1 at the start of the process."""
    time: float
    """Seconds since the Unix epoch."""
    level: str
    logger: str
    event: str
    values: Mapping[str, str | int | float | bool | None]


class LogTail:
    """The last events. Any thread may add; whoever reads gets a copy."""

    def __init__(self, clock: Clock, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._numbers = itertools.count(1)

    def add(self, level: str, logger: str, event: str, values: Mapping[str, object], error: object = None) -> None:
        """Keep an event; `error`: the exception that came with it, of which its last line is kept."""
        shown = {key: _shown(key, value) for key, value in values.items()}
        if isinstance(error, BaseException):
            shown["exception"] = _text(f"{type(error).__name__}: {error}")
        entry = Entry(next(self._numbers), self._clock.wall(), level, logger, _text(event), shown)
        self._entries.append(entry)

    def after(self, number: int, least: str = "debug") -> Iterator[Entry]:
        """Events with a greater number, oldest first, from this level on."""
        severe = LEVELS[LEVELS.index(least) :]
        return (each for each in [*self._entries] if each.number > number and each.level in severe)

    @property
    def last(self) -> int:
        """The greatest number so far; 0 before the first event."""
        entries = self._entries
        return entries[-1].number if entries else 0


TAIL: Final = LogTail(SystemClock())
"""That of this process: all its brokers write one log."""


def _shown(key: str, value: object) -> str | int | float | bool | None:
    if _SECRET.search(key):
        return MASK
    return value if value is None or isinstance(value, bool | int | float) else _text(str(value))


def _text(text: str) -> str:
    masked = _LOGIN.sub(rf"\1{MASK}\2", text)
    return masked if len(masked) <= LONGEST else f"{masked[:LONGEST]}..."
