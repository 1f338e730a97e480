"""A client's connection, which logs what it does before it does it and what it reads after it was read.

Here is what all sessions have in common; each client has a module of its own. A session has one channel, and ends with
`Gone` when its broker does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from tests.crash.log import (
    Event,
    How,
    Log,
    Opened,
    Sent,
    Settled,
)
from tests.crash.log import Received as Delivered
from tests.crash.topology import BARRIER, DELAYS, FAN, LATER, QUEUES

PATIENCE: Final = 30.0
"""Seconds that a broker which lives may take to answer."""
SMALL: Final = 1
"""Octets of a message that is there for its confirm."""
SHUTDOWN: Final = 320
"""What a broker says that is stopped in order."""
PRIORITIES: Final = 4
"""From 0 on: to a quorum queue they are all the same."""


class Gone(Exception):
    """The broker doesn't live any more."""


@attrs.frozen
class Life:
    """One process of the broker."""

    number: int
    port: int
    socket: Path
    """Where its operator asks."""


@attrs.frozen
class Delivery:
    """A message that is to be settled."""

    queue: str
    message: str
    tag: int


def body_of(message: str) -> bytes:
    """The body that belongs to an id, which ends with its size."""
    size = int(message.rpartition(".")[2])
    unit = message.encode()
    return (unit * (size // len(unit) + 1))[:size]


class Session(ABC):
    """What a worker does on its connection."""

    def __init__(self, log: Log, life: Life, worker: str, *, audit: bool = False) -> None:
        self._log = log
        self._opened = Opened(log.new_connection(), life.number, worker, audit)
        self._numbers = 0
        self._transaction: int | None = None
        log.add(self._opened)

    def publish(self, prefix: str, queues: tuple[str, ...], size: int) -> str:
        """Publish a persistent message, by the fanout exchange if there are several queues, or where it is delayed if
        the queue gets it from there. Its id begins so.
        """
        self._numbers += 1
        message = f"{prefix}.{self._opened.connection}.{self._numbers}.{size}"
        self._add(Sent(self._opened.connection, message, queues, self._transaction))
        if len(queues) > 1:
            self._publish(FAN, "", message)
        elif QUEUES[queues[0]].delayed:
            self._publish(LATER, queues[0], message, {"x-delay": DELAYS[self._numbers % len(DELAYS)]})
        else:
            self._publish("", queues[0], message)
        return message

    def barrier(self, prefix: str) -> None:
        """Return when all that was sent on this connection is known to be durable."""
        self.publish(prefix, (BARRIER,), SMALL)
        self.await_confirms(0)

    def get(self, queue: str) -> Delivery | None:
        """The next message of a queue."""
        return self._get(queue)

    def settle(self, delivery: Delivery, how: How) -> None:
        """Settle a delivery."""
        connection = self._opened.connection
        self._add(Settled(connection, delivery.queue, delivery.message, how, self._transaction))
        self._settle(delivery.tag, how)

    def _add(self, event: Event) -> None:
        self._log.add(event)

    def _received(
        self, queue: str, tag: int, message: str, redelivered: bool, headers: Mapping[str, Any], body: bytes
    ) -> Delivery:
        failures, offset = headers.get("x-delivery-count", 0), headers.get("x-stream-offset")
        intact = body == body_of(message)
        self._add(Delivered(self._opened.connection, queue, message, redelivered, failures, intact, offset))
        return Delivery(queue, message, tag)

    def settle_all(self, deliveries: list[Delivery], how: How) -> None:
        """Settle all that the connection holds, with one frame: acknowledge, return or reject it."""
        connection = self._opened.connection
        for each in deliveries:
            self._add(Settled(connection, each.queue, each.message, how, self._transaction))
        self._settle(max(each.tag for each in deliveries), how, multiple=True)

    @abstractmethod
    def await_confirms(self, most: int) -> None:
        """Return when at most so many publishes wait for their confirms."""

    @abstractmethod
    def close(self) -> None:
        """End the connection in order, if the broker lives."""

    @abstractmethod
    def _publish(self, exchange: str, key: str, message: str, headers: dict[str, int] | None = None) -> None: ...

    @abstractmethod
    def _get(self, queue: str) -> Delivery | None: ...

    @abstractmethod
    def _settle(self, tag: int, how: How, *, multiple: bool = False) -> None: ...
