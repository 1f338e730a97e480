"""How much the messages of queues are: queues know it of those that wait, and channels have those that are out.

Nothing is added up on the way of a message. So a look at queues is preceded by one at what is deep in them, and at what
is out on channels, in slices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from amqpd.broker.queue import Queue
from amqpd.http.turns import SMALL, Slice
from amqpd.protocol.node import Node
from amqpd.protocol.unsettled import Unsettled

FIELDS: Final = ("message_bytes", "messages_persistent", "head_message_timestamp")
"""What fields begin with that need a look at what is out."""
DEEP: Final = 16 * 1024
"""Messages of a queue from which on they are weighed in slices."""


def are_wanted(query: Mapping[str, str]) -> bool:
    """Whether the answer to a request shows any, or is sorted by it."""
    if query.get("disable_stats") == "true":
        return False
    columns = query.get("columns")
    return not columns or any(each.startswith(FIELDS) for each in (*columns.split(","), query.get("sort", "")))


async def weighed(node: Node, queues: Iterable[Queue], only: Queue | None = None) -> Unsettled:
    """Look at what is deep in these queues, and at what is out: of any queue, or of one."""
    turn = Slice()
    for count, queue in enumerate(queues):
        if queue.message_count > DEEP:
            for run in queue.unweighed():
                run.weight()
                await turn.rest()
        if count % SMALL == 0:
            await turn.rest()
    out = Unsettled(node, only)
    for _ in out.collect():
        await turn.rest()
    return out
