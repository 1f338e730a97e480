"""The queues that the clients use, and what the checker has to know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

Argument = str | int

FAN: Final = "fan"
"""A fanout exchange."""
LATER: Final = "later"
"""An exchange that keeps messages for a while."""
DELAYS: Final = (0, 40, 300, 1)
"""Milliseconds for which it does, by turns."""
BARRIER: Final = "barrier"
"""A queue for messages whose confirm tells that what was sent before is durable."""


@attrs.frozen
class Queue:
    """A durable queue."""

    name: str
    quorum: bool = False
    dead_letters: str | None = None
    """The queue that gets what dies here."""
    ttl: int | None = None
    """Milliseconds."""
    ordered: bool = True
    """Whether what has never been delivered keeps its order."""
    stream: bool = False
    """Nothing leaves it."""
    delayed: bool = False
    """Whether its messages come from the exchange that keeps them for a while."""
    at_least_once: bool = False
    """Whether a dead letter may arrive more than once, and its message be seen again meanwhile."""
    arguments: Mapping[str, Argument] = attrs.field(factory=dict)
    """Beyond those that follow from the above."""

    def all_arguments(self) -> dict[str, Argument]:
        """For queue.declare."""
        found: dict[str, Argument] = dict(self.arguments)
        found["x-queue-type"] = "stream" if self.stream else "quorum" if self.quorum else "classic"
        if self.dead_letters is not None:
            found |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.dead_letters}
        if self.ttl is not None:
            found["x-message-ttl"] = self.ttl
        return found


UNLIMITED: Final = {"x-delivery-limit": -1}
WORK: Final = (
    Queue("work.classic"),
    Queue("work.quorum", quorum=True, arguments=UNLIMITED),
    Queue("priorities", ordered=False, arguments={"x-max-priority": 3}),
    Queue("delayed", ordered=False, delayed=True),
    Queue(
        "retries",
        quorum=True,
        arguments={**UNLIMITED, "x-delayed-retry-type": "all", "x-delayed-retry-min": 50, "x-delayed-retry-max": 500},
    ),
)
FANNED: Final = (
    Queue("fan.classic"),
    Queue("fan.quorum", quorum=True, arguments=UNLIMITED),
    Queue("fan.second"),
    Queue("fan.stream", stream=True),
)
"""Bound to the fanout exchange."""
MORTAL: Final = (
    Queue("dead.classic", dead_letters="dead.classic.target"),
    Queue("dead.quorum", quorum=True, dead_letters="dead.quorum.target", arguments={"x-delivery-limit": 3}),
    Queue("brief", ttl=400, dead_letters="brief.target"),
    Queue("short", dead_letters="short.target", arguments={"x-max-length": 20}),
    Queue("anywhere", ttl=400, dead_letters="anywhere.target", arguments={"x-message-expiry": "anywhere"}),
    Queue(
        "safe",
        quorum=True,
        dead_letters="safe.target",
        at_least_once=True,
        arguments={**UNLIMITED, "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"},
    ),
)
TARGETS: Final = (
    Queue("dead.classic.target"),
    Queue("dead.quorum.target"),
    Queue("brief.target", quorum=True, arguments=UNLIMITED),
    Queue("short.target"),
    Queue("anywhere.target"),
    Queue("safe.target"),
)
MANAGED: Final = (
    Queue("managed.classic", dead_letters="managed.classic.target", ordered=False),
    Queue("managed.quorum", quorum=True, dead_letters="managed.quorum.target", ordered=False, arguments=UNLIMITED),
)
"""Nobody but the operator takes anything from these, or from where their dead go: it moves messages to and fro."""
MANAGED_TARGETS: Final = (
    Queue("managed.classic.target", ordered=False),
    Queue("managed.quorum.target", quorum=True, ordered=False, arguments=UNLIMITED),
)
IDLE: Final = Queue("idle")
"""The operator pauses it and lets it go on."""
FULL: Final = Queue("full", arguments={"x-max-length": 20, "x-overflow": "reject-publish"})
OWN: Final = (Queue("own.classic"), Queue("own.quorum", quorum=True, arguments=UNLIMITED))
"""Each has one client, which empties and deletes it."""
LASTING: Final = (*WORK, *FANNED, *MORTAL, *TARGETS, *MANAGED, *MANAGED_TARGETS, FULL, IDLE, Queue(BARRIER))
"""Declared once for a data directory. In this order they are audited: what dies goes to a later one."""
QUEUES: Final = {queue.name: queue for queue in (*LASTING, *OWN)}


STREAM: Final = "fan.stream"


def places(queue: str) -> tuple[str, ...]:
    """Where a message that was routed to a queue may be: there, or where the dead go."""
    target = QUEUES[queue].dead_letters
    return (queue,) if target is None else (queue, target)
