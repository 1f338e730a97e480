"""The view as text for a terminal of any size."""

from __future__ import annotations

from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from amqpd.cli.top.figures import Figures, Row, ordered
from amqpd.visible import visible

HEADERS: Final = ("queue", "vhost", "type", "ready", "unacked", "in/s", "out/s", "ack/s", "redel/s", "cons.")
ABOVE: Final = 6
"""Lines that the summary and the table's own frame take."""


def screen(figures: Figures, order: str, height: int) -> RenderableType:
    """The whole view, with as many queues as there is room for."""
    return Group(_summary(figures), queue_table(ordered(figures.queues, order), max(1, height - ABOVE)))


def _summary(figures: Figures) -> RenderableType:
    counts, rates = figures.counts, figures.rates
    alarms = Text(f"alarm: {', '.join(figures.alarms)}", "bold white on red") if figures.alarms else Text("no alarms")
    first = Text.assemble(
        (figures.node, "bold"), f"  {figures.version}  up {duration(figures.uptime)}  ", alarms
    )
    second = (
        f"memory {octets(figures.memory)} of {octets(figures.memory_limit)}  disk free {octets(figures.disk_free)}  "
        f"connections {counts.get('connections', 0)}  channels {counts.get('channels', 0)}  "
        f"consumers {counts.get('consumers', 0)}  queues {counts.get('queues', 0)}"
    )
    third = (
        f"ready {figures.ready:,}  unacknowledged {figures.unacknowledged:,}  "
        f"in {rates['publish']:,.0f}/s  out {rates['deliver_get']:,.0f}/s  acknowledged {rates['ack']:,.0f}/s"
    )
    return Group(first, Text(second), Text(third))


def queue_table(rows: list[Row], room: int) -> Table:
    """Queues, the first ones; how many more there are stands below."""
    left = len(rows) - room
    table = Table(box=None, pad_edge=False, caption=f"and {left:,} more" if left > 0 else None, caption_justify="left")
    for place, name in enumerate(HEADERS):
        numeric = place > 2
        # Where the terminal is narrow, the columns that may wrap give way: names. Numbers cut off would be others.
        table.add_column(name, justify="right" if numeric else "left", overflow="ellipsis", no_wrap=place > 1)
    for row in rows[:room]:
        rates = row.rates
        shown = _name(row.name + (" (paused)" if row.paused else ""), "yellow" if row.paused else "")
        numbers = (f"{row.ready:,}", f"{row.unacknowledged:,}")
        changes = (f"{rates[each]:,.0f}" for each in ("publish", "deliver_get", "ack", "redeliver"))
        table.add_row(shown, _name(row.vhost), row.type, *numbers, *changes, str(row.consumers))
    return table


def _name(name: str, style: str = "") -> Text:
    """On one line, however long it is."""
    return Text(visible(name), style, no_wrap=True, overflow="ellipsis")


def octets(count: float) -> str:
    """A size in the unit that suits it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def duration(seconds: int) -> str:
    """A time in its two largest units."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
