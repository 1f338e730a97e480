"""How much may be in a body: JSON is read in one turn, in which nobody else has one, and what costs time there are
values, not octets. What looks into them goes down level by level, for which there is not much room.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Final

from amqpd.http.turns import Slice
from amqpd.management.errors import bad_request

MOST_VALUES: Final = 50_000
"""With the names of fields: they are read in a few hundredths of a second."""
MOST_LEVELS: Final = 128
MARKS: Final = (b",", b"[", b"{")
"""What stands before a value that is no text."""


_TEXT: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_STEPS: Final = bytes(octet for octet in range(256) if octet not in _STEPS)


def check_depth(body: bytes) -> None:
    """Raise ApiError for JSON that is nested too deeply."""
    if body.count(b"[") + body.count(b"{") > MOST_LEVELS:
        steps = _TEXT.sub(b"", body).translate(None, _NO_STEPS)
        if max(accumulate(map(_STEPS.__getitem__, steps)), default=0) > MOST_LEVELS:
            raise bad_request(f"the body has more than {MOST_LEVELS} levels of arrays and objects")


async def check_size(body: bytes) -> None:
    """Raise ApiError for JSON with too many values. A long text is one value, whatever it looks like."""
    if len(body) > MOST_VALUES and sum(map(body.count, (b'"', *MARKS))) > MOST_VALUES:
        turn, values, at = Slice(), 0, 0
        while 0 <= at < len(body):
            begin = body.find(b'"', at)
            end = len(body) if begin < 0 else begin
            values += 1 + sum(body.count(each, at, end) for each in MARKS)
            if values > MOST_VALUES:
                raise bad_request(f"the body has more than {MOST_VALUES} values: they are too many for one request")
            at = end if begin < 0 else await _behind(body, begin + 1, turn)
            await turn.rest()


async def _behind(body: bytes, at: int, turn: Slice) -> int:
    """Where a text has ended that begins there; -1: nowhere."""
    while (quote := body.find(b'"', at)) >= 0:
        part = body[at:quote]
        at = quote + 1
        if (len(part) - len(part.rstrip(b"\\"))) % 2 == 0:  # else the quote is part of the text
            return at
        await turn.rest()
    return -1
