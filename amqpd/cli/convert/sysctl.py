"""The format of rabbitmq.conf: a key and a value a line, `#` for comments, `$(NAME)` for the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

LINE: Final = re.compile(r"\s*(?P<key>[A-Za-z0-9_.\-/:@\[\]]+)\s*=\s*(?P<value>.*)")
VARIABLE: Final = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


class NotSysctl(Exception):
    """The file is something else; the text says which line, and what was expected."""


@attrs.frozen
class Entry:
    """One line that sets something."""

    key: str
    value: str
    line: int


def entries(lines: Iterable[str], environ: Mapping[str, str]) -> Iterator[Entry]:
    """All that a file sets, in its order. Raises NotSysctl."""
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        if found is None:
            hint = "rabbitmq.config and advanced.config are Erlang terms, and not read" if line[0] in "[{%" else ""
            said = f"line {number}, {line[:60]!r}, is no 'key = value'"
            raise NotSysctl(f"{said}: {hint}" if hint else said)
        yield Entry(found["key"], _value(found["value"], environ), number)


def _value(text: str, environ: Mapping[str, str]) -> str:
    """A value without quotes and comments, with variables put in where they are known."""
    if len(text) > 1 and text[0] == "'" and (end := text.find("'", 1)) > 0:
        text = text[1:end]
    else:
        text = re.split(r"\s+#", text, maxsplit=1)[0].strip()
    return VARIABLE.sub(lambda found: environ.get(found[1], found[0]), text)
