"""What has gone through a queue, read from numbers that it has anyway.

The way of a message counts nothing here. How many came in is the queue's last number; how many went out without
acknowledgement is what came in and is neither there, nor acknowledged, nor gone in one of the ways that are rare or
slow enough to be counted one by one: those are the tally. Queues that none of it has happened to have none.

Names and meanings are those of RabbitMQ's message_stats (https://www.rabbitmq.com/docs/management-cli).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue
    from amqpd.broker.weights import Weight

DISABLED: Final = "disabled"
"""There is no dead-letter exchange."""
AT_MOST_ONCE: Final = "at_most_once"
AT_LEAST_ONCE: Final = "at_least_once"

Death = tuple[str, str]
"""Why a message died, as in x-death, and the strategy of its queue: one of those above."""


class QueueTally:
    """What happened to single messages of a queue, since the broker started."""

    __slots__ = (
        "buried",
        "died",
        "get_empty",
        "gets",
        "gets_no_ack",
        "held",
        "numbers",
        "redelivered",
        "removed",
        "returned",
    )

    def __init__(self) -> None:
        self.numbers = 0
        """Those up to the queue's last one that no publish got: from before a restart, or given to what came back."""
        self.held = 0
        """Messages that it had when the broker started."""
        self.returned = 0
        """Unsettled messages that came back, whatever became of them then."""
        self.redelivered = 0
        self.died: dict[Death, int] = {}
        self.buried = 0
        """Of those that must arrive: how many did."""
        self.removed = 0
        """Purged, taken out by an operator, or lost by the disk."""
        self.gets = 0
        """basic.get with acknowledgement that found something."""
        self.gets_no_ack = 0
        self.get_empty = 0

    def dies(self, reason: str, strategy: str) -> None:
        """Count one death."""
        key = reason, strategy
        self.died[key] = self.died.get(key, 0) + 1

    def deaths(self, reason: str) -> int:
        """How many died for one reason."""
        return sum([count for (each, _), count in self.died.items() if each == reason])


NOTHING: Final = QueueTally()
"""That of queues that have none; nobody changes it."""


@attrs.frozen
class QueueCounts:
    """Totals of one queue since the broker started, or of several of them; all are messages."""

    publish: int = 0
    deliver: int = 0
    """Delivered to consumers that acknowledge."""
    deliver_no_ack: int = 0
    get: int = 0
    get_no_ack: int = 0
    get_empty: int = 0
    """Not messages but answers."""
    redeliver: int = 0
    ack: int = 0

    @property
    def deliver_get(self) -> int:
        return self.deliver + self.deliver_no_ack + self.get + self.get_no_ack

    def __add__(self, other: QueueCounts) -> QueueCounts:
        return QueueCounts(
            self.publish + other.publish,
            self.deliver + other.deliver,
            self.deliver_no_ack + other.deliver_no_ack,
            self.get + other.get,
            self.get_no_ack + other.get_no_ack,
            self.get_empty + other.get_empty,
            self.redeliver + other.redeliver,
            self.ack + other.ack,
        )


def held(queue: Queue) -> int:
    """All its messages: ready, out, waiting for their next try, or dead with a dead letter on its way."""
    return queue.message_count + queue.unacked - queue.returning + queue.delayed + queue.dying


def lasting(queue: Queue, weight: Weight) -> tuple[int, int]:
    """How many of its messages, which are of that weight, a restart leaves, and the octets of their bodies."""
    if not queue.durable:
        return 0, 0
    return (held(queue), weight.octets) if queue.type.persists_all else (weight.persistent, weight.persistent_octets)


def published(queue: Queue) -> int:
    """Messages that were published to it and not refused."""
    tally = queue.tally
    return queue.last_number if tally is None else queue.last_number - tally.numbers


def delivered(queue: Queue) -> int:
    """Deliveries to consumers that acknowledge: what was settled in any way, and what is out."""
    tally = queue.tally
    if tally is None:
        return queue.acked + queue.unacked
    return queue.acked + queue.unacked + tally.returned + tally.deaths("rejected") - tally.gets


def delivered_no_ack(queue: Queue) -> int:
    """Deliveries to consumers that don't: what came in and didn't leave, or stay, in any other way."""
    if queue.type.keeps_what_is_settled:
        return 0
    there = queue.message_count + queue.delayed - queue.returning + queue.unacked + queue.acked
    tally = queue.tally
    if tally is None:
        return queue.last_number - there
    gone = tally.gets_no_ack + tally.removed + sum(tally.died.values())
    return queue.last_number - tally.numbers + tally.held - there - gone


def counts_of(queue: Queue) -> QueueCounts:
    """All of them, at one instant."""
    tally = queue.tally or NOTHING
    return QueueCounts(
        publish=published(queue),
        deliver=delivered(queue),
        deliver_no_ack=delivered_no_ack(queue),
        get=tally.gets,
        get_no_ack=tally.gets_no_ack,
        get_empty=tally.get_empty,
        redeliver=tally.redelivered,
        ack=queue.acked,
    )
