"""The last events of the log."""

from __future__ import annotations

from typing import Final

import attrs

from amqpd.log_tail import CAPACITY, LEVELS, TAIL
from amqpd.management.api import Call
from amqpd.management.errors import bad_request

MILLISECONDS: Final = 1000
"""Times are in these, as in all of this API."""


async def events(call: Call) -> object:
    """Show the last events of the log: at most `count`, with numbers above `after`, from a `level` on.

    Whoever follows asks again with `after` set to the answer's `last`. Numbers begin anew when the broker does.
    """
    after, count, level = call.number("after", 0), call.number("count", CAPACITY), call.query.get("level", "debug")
    if level not in LEVELS:
        raise bad_request(f"'level' is '{level[:40]}': expected one of {', '.join(LEVELS)}")
    last = TAIL.last
    found = [*TAIL.after(after if after <= last else 0, level)]
    shown = found[-count:] if count else []
    entries = [{**attrs.asdict(each), "time": round(each.time * MILLISECONDS)} for each in shown]
    return {"last": last, "entries": entries}
