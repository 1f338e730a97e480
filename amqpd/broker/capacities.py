"""In what share of the time the consumers of a queue took what came at once: RabbitMQ's consumer_capacity.

RabbitMQ reads a clock whenever a message finds no consumer and whenever one can take messages again, which with a
window of one is twice for each message. Here the way of a message has nothing of it: as long as somebody asks, a timer
looks at the queues in question, a few times a second and never at the same distance, and the answer is the average of
what it saw, of which what is HALF_LIFE old counts half. A look costs the same however many messages pass.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

from amqpd.broker.queue import Queue
from amqpd.broker.timers import Timers

HALF_LIFE: Final = 5.0
"""Seconds. RabbitMQ's is 1, but it sees every change: of some twenty looks in this time the average is good to 0.07."""
SHORTEST, LONGEST = 0.15, 0.35
"""Seconds between two looks."""
GOLDEN: Final = 0.618033988749895
"""Multiples of it are spread evenly between whole numbers: the looks are in step with no client."""
LOOKS: Final = 128
"""Queues that are looked at in one go, some 40 us; of more, each is looked at less often."""
INTEREST: Final = 300.0
"""Seconds for which a queue is looked at after somebody has asked."""
MOST: Final = 20_000
"""Of more queues, some are told as they are at the moment."""


def takes_at_once(queue: Queue) -> bool:
    """Whether nothing waits in it for want of a consumer that can take it."""
    if not queue.message_count:
        return True
    if queue.paused:
        return False
    consumers = queue.consumers
    if consumers.single:
        return consumers.active is not None and consumers.active.able
    return any(each.able for each in consumers.members())


@attrs.define(eq=False)
class _Watched:
    queue: Queue
    share: float
    looked: float
    """When it was last looked at, on the monotonic clock."""
    asked: float


class Capacities:
    """Those of all queues that somebody asks for."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._watched: dict[Queue, _Watched] = {}
        self._ring: deque[_Watched] = deque()
        """The same, the one that was looked at longest ago first."""
        self._looks = 0

    def __len__(self) -> int:
        """How many queues are looked at."""
        return len(self._watched)

    def of(self, queue: Queue) -> float:
        """From 0 to 1, and 0 without consumers. The first answer for a queue is about the moment alone."""
        if not len(queue.consumers):
            return 0.0
        found, now = self._watched.get(queue), self._timers.now()
        if found is not None:
            found.asked = now
            return found.share
        share = float(takes_at_once(queue))
        if len(self._watched) < MOST:
            watched = self._watched[queue] = _Watched(queue, share, looked=now, asked=now)
            self._ring.append(watched)
            if len(self._ring) == 1:
                self._look_later()
        return share

    def _look_later(self) -> None:
        self._looks += 1
        self._timers.after(SHORTEST + (LONGEST - SHORTEST) * (self._looks * GOLDEN % 1), self._look)

    def _look(self) -> None:
        now, ring = self._timers.now(), self._ring
        for _ in range(min(LOOKS, len(ring))):
            each = ring.popleft()
            queue = each.queue
            if queue.deleted or not len(queue.consumers) or now - each.asked > INTEREST:
                del self._watched[queue]
                continue
            kept = 0.5 ** ((now - each.looked) / HALF_LIFE)
            each.share = each.share * kept + takes_at_once(queue) * (1 - kept)
            each.looked = now
            ring.append(each)
        if ring:
            self._look_later()
