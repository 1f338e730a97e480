"""The settings as Markdown for the docs, and the command that writes them into a page between two markers.

`python -m amqpd.config.reference docs/configuration.md` writes; a test holds that nothing was left to write.
"""

from __future__ import annotations

import sys
from inspect import getdoc
from pathlib import Path

from amqpd.config.model import Config
from amqpd.config.settings import Setting, sections, settings

BEGIN = "<!-- settings: begin (written by `make docs`) -->"
END = "<!-- settings: end -->"


def settings_tables() -> str:
    """Return a Markdown table of the top-level settings, then one a section under its heading."""
    parts = []
    for section, owner in (("", Config), *sections().items()):
        heading = f"### [{section}]" if section else "### Top level"
        summary = " ".join((getdoc(owner) or "").partition("\n\n")[0].split())
        rows = [_row(setting) for setting in settings() if setting.section == section]
        table = "\n".join(["| Setting | Default | Allowed | Meaning |", "| --- | --- | --- | --- |", *rows])
        parts.append(f"{heading}\n\n{summary}\n\n{table}\n")
    return "\n".join(parts)


def with_settings(page: str) -> str:
    """Return `page` with what stands between the markers replaced; raise ValueError if a marker is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks a marker: {BEGIN if not begin else END}")
    return f"{before}{BEGIN}\n\n{settings_tables()}\n{END}{after}"


def _row(setting: Setting) -> str:
    cells = (f"`{setting.key}`", f"`{setting.default_text}`", setting.allowed, setting.help)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(with_settings(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
