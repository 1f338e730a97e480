"""The process that publishes: any number of connections, each with prepared publishes and a window of confirms."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from amqpd.cli.bench import frames
from amqpd.cli.bench.board import Tally
from amqpd.cli.bench.client import READ_SIZE, Connection
from amqpd.cli.bench.confirms import ConfirmCounter
from amqpd.cli.bench.frames import TableValue
from amqpd.cli.bench.loop import drive
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch, now
from amqpd.cli.bench.supply import Supply
from amqpd.cli.bench.topology import Route
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate

# A round trip that changes nothing for a channel without consumers: its answer says that all before it was read.
_SYNC = frames.method(1, 60, 10, struct.pack(">IHB", 0, 0, 0))

# Sends in a row of one connection before the others have their turn.
_SENDS_PER_TURN = 16

_PATIENCE = 0.05
_PACED_PATIENCE = 0.001


@dataclass(frozen=True)
class Message:
    """What is in every message beside its route."""

    size: int = 16
    persistent: bool = False
    headers: Mapping[str, TableValue] | None = None

    def supply(self, routes: Sequence[Route], frame_max: int) -> Supply:
        """Prepare publishes of this message over all routes in turn."""
        body = os.urandom(self.size)
        return Supply(
            [
                frames.publish(
                    route.exchange,
                    route.routing_key,
                    body,
                    frame_max=frame_max,
                    persistent=self.persistent,
                    headers={**(self.headers or {}), **route.headers},
                )
                for route in routes
            ]
        )


@dataclass(frozen=True)
class Pace:
    """How much each connection publishes: `messages`, or as many as it can in `seconds`; at `rate` a second.

    `rate` 0 is without a limit. `window` messages may be unconfirmed; 0 is without confirms.
    """

    messages: int | None
    seconds: float | None = None
    rate: float = 0.0
    window: int = 0


class PublishingLane:
    """One connection that publishes; `done` when the broker has confirmed, or at least read, its last message."""

    def __init__(self, connection: Connection, supply: Supply, pace: Pace, tally: Tally, start: float) -> None:
        self.blocked = False
        self.done = False
        self.sent = 0
        self._connection = connection
        self._supply = supply
        self._pace = pace
        self._tally = tally
        self._start = start
        self._confirms = ConfirmCounter()
        self._space = memoryview(bytearray(READ_SIZE))
        self._octets: bytes | memoryview = b""
        self._synced = False

    def fileno(self) -> int:
        return self._connection.fileno()

    @property
    def settled(self) -> int:
        """Return how many messages are confirmed or, without confirms, handed to the socket."""
        return self._confirms.count if self._pace.window else self.sent

    def receive(self) -> None:
        received = self._connection.receive_some(self._space)
        if received:
            self._confirms.feed(bytes(self._space[:received]))
            self._tally.set(self.settled)
            self.done = self._confirms.synced and self.settled >= self.sent

    def push(self) -> None:
        for _ in range(_SENDS_PER_TURN):
            if not self._octets and not self._refill():
                self.blocked = False
                return
            self._octets = self._octets[self._connection.send_some(self._octets) :]
            if self._octets:
                break
        self.blocked = True

    def _refill(self) -> bool:
        """Take the next octets to send; False if there are none for now."""
        if self._synced:
            return False
        left, over = self._left(now())
        if over:
            self._synced = True
            self._octets = _SYNC
            return True
        if self._pace.window:
            left = min(left, self._pace.window - (self.sent - self._confirms.count))
        if left <= 0:
            return False
        self._octets, count = self._supply.take(left)
        self.sent += count
        if not self._pace.window:
            self._tally.set(self.sent)
        return True

    def _left(self, instant: float) -> tuple[int, bool]:
        """Return how many messages are due, and whether there will be no more."""
        pace, elapsed = self._pace, instant - self._start
        if pace.seconds is not None and elapsed >= pace.seconds:
            return 0, True
        left = self._supply.size if pace.messages is None else pace.messages - self.sent
        if not left:
            return 0, True
        return (min(left, int(elapsed * pace.rate) + 1 - self.sent) if pace.rate else left), False


def publish_alone(url: BrokerUrl, routes: Sequence[Route], message: Message, pace: Pace, tally: Tally) -> None:
    """Publish over one connection of this process, from now on, until the lane is done."""
    with Connection(url) as connection:
        supply = message.supply(routes, connection.frame_max)
        if pace.window:
            connection.select_confirms()
        connection.never_wait()
        lane = PublishingLane(connection, supply, pace, tally, now())
        drive([lane], lambda: lane.done, _PATIENCE, timed=bool(pace.rate or pace.seconds))


@dataclass(frozen=True)
class Publisher:
    """The process; one connection for each list of routes, counting on the tally of the same place."""

    url: BrokerUrl
    routes: Sequence[Sequence[Route]]
    tallies: Sequence[Tally]
    message: Message
    pace: Pace

    def run(self, gate: Gate) -> Measurement:
        """Publish; the end is the last confirm or, without confirms, a round trip behind the last message."""
        with ExitStack() as stack:
            connections = [stack.enter_context(Connection(self.url)) for _ in self.routes]
            supplies = [
                self.message.supply(routes, connection.frame_max)
                for routes, connection in zip(self.routes, connections, strict=True)
            ]
            for connection in connections:
                if self.pace.window:
                    connection.select_confirms()
                connection.never_wait()
            start = gate.wait()
            stopwatch = Stopwatch()
            lanes = [
                PublishingLane(connection, supply, self.pace, tally, start)
                for connection, supply, tally in zip(connections, supplies, self.tallies, strict=True)
            ]
            timed = bool(self.pace.rate or self.pace.seconds)
            patience = _PACED_PATIENCE if self.pace.rate else _PATIENCE
            drive(lanes, lambda: all(lane.done for lane in lanes), patience, timed=timed)
            return stopwatch.stop(figures={"published": sum(lane.settled for lane in lanes)})
