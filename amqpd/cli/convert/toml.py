"""Settings as a TOML file, section by section, in the order of the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from amqpd.cli.convert.conversion import Note
from amqpd.config.settings import settings


def written(values: Mapping[str, object], notes: list[Note]) -> Iterator[str]:
    """The lines; what has no counterpart stands at the end as comments."""
    section = ""
    for setting in settings():
        if setting.key not in values:
            continue
        if setting.section != section:
            section = setting.section
            yield ""
            yield f"[{section}]"
        yield f"{setting.field} = {_value(values[setting.key])}"
    if notes:
        yield ""
        yield "# What became no setting:"
        for note in notes:
            yield f"#   {note.entry.key} = {_shown(note)}: {note.why}".replace("\n", " ")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _shown(note: Note) -> str:
    """A value that is none of a secret."""
    secret = any(word in note.entry.key for word in ("pass", "secret", "key", "token"))
    return "..." if secret else note.entry.value
