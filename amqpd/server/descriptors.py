"""File descriptors: how many connections there is room for, and who gives way where there is none.

A connection that has not logged in yet gives way to a new one, the oldest first: so a crowd that says nothing keeps
nobody out. Where all are logged in, new ones wait until one goes, and what else needs files (the journal, the HTTP
API) goes on: that is RabbitMQ's file descriptor alarm.
"""

from __future__ import annotations

import sys
from typing import Final

from amqpd.log import get_logger
from amqpd.protocol.node import Node

log = get_logger(__name__)

RESERVE: Final = 64
"""Descriptors that are not for connections, beside a tenth of all; fewer where there are few."""
CLEAR: Final = 0.95
"""The share of the room below which the alarm is over."""
UNLIMITED: Final = sys.maxsize


def raise_limit() -> int:
    """Let this process have as many descriptors as it may; return for how many connections that is."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return UNLIMITED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    except (OSError, ValueError):  # macOS has a lower one that it does not tell
        pass
    return UNLIMITED if soft == resource.RLIM_INFINITY else max(1, soft - soft // 10 - min(RESERVE, soft // 4))


class Room:
    """Room for so many connections."""

    def __init__(self, node: Node, connections: int = UNLIMITED) -> None:
        self._node = node
        self.connections = connections
        """How many there is room for."""
        self.is_short = False
        """Whether new connections wait."""

    def is_there(self, count: int) -> bool:
        """Whether one more may be accepted beside `count`; the oldest that has not logged in gives way to it."""
        if count < self.connections:
            if self.is_short and count < self.connections * CLEAR:
                self.is_short = False
                log.info("file descriptor alarm cleared", connections=count)
            return True
        if self.give_way():
            return True
        if not self.is_short:
            self.is_short = True
            hint = "raise the limit of open files"
            log.warning("file descriptor alarm raised: new connections wait", connections=count, hint=hint)
        return False

    def give_way(self) -> bool:
        """Drop the oldest connection that has not logged in; False: there is none."""
        oldest = next(iter(self._node.opening), None)
        if oldest is None:
            return False
        log.info("connection dropped before its login: others need its file descriptor", connection=oldest.name)
        oldest.abort()
        return True
