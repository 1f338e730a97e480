"""What may be missing where rows of a journal are: the numbers of messages, by queue, that no row tells of.

Rows and the numbers of a queue both rise one by one. So behind a gap in the rows, the first new number of a queue shows
how many were given in between. Some of those may have been settled, or transient: nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from amqpd.storage.batch import decode_queues


class Loss(NamedTuple):
    """Messages of a queue that may be missing, by number."""

    queue: int
    first: int
    last: int


def losses(rows: Iterable[tuple[int, bytes]]) -> Iterator[Loss]:
    """What may be missing from rows that are read in order."""
    highest: dict[int, int] = {}
    unsure: set[int] = set()
    before = 0
    behind_a_gap = False
    for seq, data in rows:
        if before and seq > before + 1:
            behind_a_gap = True
            unsure.update(highest)
        before = seq
        for records in decode_queues(data):
            queue, high = records.queue, highest.get(records.queue)
            fresh = [number for number in records.numbers if high is None or number > high]
            if not fresh:
                continue
            if behind_a_gap and (high is None or queue in unsure) and min(fresh) > (high or 0) + 1:
                yield Loss(queue, (high or 0) + 1, min(fresh) - 1)
            unsure.discard(queue)
            highest[queue] = max(fresh)
