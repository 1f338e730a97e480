"""How much the messages of queues are: queues know it of those that wait, and channels have those that are out.

Nothing is added up on the way of a message. So a look at queues is preceded by one at what is deep in them, and at what
is out on channels, in slices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from amqpd.broker.queue import Queue
from amqpd.broker.unacked import Delivery
from amqpd.broker.weights import NOTHING, Weight, of_messages
from amqpd.http.turns import SMALL, Slice
from amqpd.protocol.channel import Channel
from amqpd.protocol.node import Node
from amqpd.protocol.outstanding import queues_held

FIELDS: Final = ("message_bytes", "messages_persistent")
"""What fields begin with that need a weight."""
DEEP: Final = 16 * 1024
"""Messages of a queue from which on they are weighed in slices."""
PART: Final = 256
"""Deliveries that are looked at in one go."""


@attrs.frozen
class Weights:
    """Of the messages of queues, by queue, at about one moment."""

    out: Mapping[Queue, Weight]
    """Those that are delivered and not settled."""

    def out_of(self, queue: Queue) -> Weight:
        """Of one queue."""
        return self.out.get(queue, NOTHING)


def are_wanted(query: Mapping[str, str]) -> bool:
    """Whether the answer to a request shows any, or is sorted by it."""
    if query.get("disable_stats") == "true":
        return False
    columns = query.get("columns")
    return not columns or any(each.startswith(FIELDS) for each in (*columns.split(","), query.get("sort", "")))


async def weighed(node: Node, queues: Iterable[Queue], only: Queue | None = None) -> Weights:
    """Look at what is deep in these queues, and at what is out: of any queue, or of one."""
    turn = Slice()
    for count, queue in enumerate(queues):
        if queue.message_count > DEEP:
            for run in queue.unweighed():
                run.weight()
                await turn.rest()
        if count % SMALL == 0:
            await turn.rest()
    out: dict[Queue, Weight] = {}
    for connection in [*node.connections]:
        for channel in [*connection.channels.values()]:
            held = _held(channel, only)
            for start in range(0, len(held), PART):
                _add(out, held[start : start + PART])
                await turn.rest()
        await turn.rest()
    return Weights(out)


def _held(channel: Channel, only: Queue | None) -> list[Delivery]:
    """What is out there, and what an open transaction has settled."""
    transaction = channel.transaction
    settled = [] if transaction is None else [each.delivery for each in transaction.settlements]
    if not settled and (not len(channel.unacked) or (only is not None and only not in queues_held(channel))):
        return []
    return channel.unacked.deliveries() + settled


def _add(out: dict[Queue, Weight], deliveries: list[Delivery]) -> None:
    by_queue: dict[Queue, list[Delivery]] = {}
    for delivery in deliveries:
        by_queue.setdefault(delivery[1], []).append(delivery)
    for queue, found in by_queue.items():
        out[queue] = out.get(queue, NOTHING) + of_messages([message for message, *_ in found])
