"""The process that consumes: any number of connections with one consumer each, deliveries counted by their length."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from amqpd.cli.bench import frames
from amqpd.cli.bench.board import Board, Tally
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.deliveries import DeliveryCounter
from amqpd.cli.bench.loop import drive
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch, now
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate

PUBLISHED, CONSUMED = "published", "consumed"

_PATIENCE = 0.05
_LAGGING_PATIENCE = 0.001


@dataclass(frozen=True)
class Appetite:
    """When consumers acknowledge and when they have enough.

    `total` messages for all consumers of the board together, or `seconds` long. `ack_every` 0 is without acks;
    `prefetch` 0 is unlimited. `lag`: acks are held back while fewer than so many published messages are not consumed.
    """

    total: int | None
    seconds: float | None = None
    ack_every: int = 0
    prefetch: int = 0
    lag: int = 0
    published: int = 0
    """How many will be published in all; with a lag, the last of them are acknowledged at once."""


class ConsumingLane:
    """One connection that consumes."""

    def __init__(self, connection: Connection, counter: DeliveryCounter, appetite: Appetite, tally: Tally) -> None:
        self.blocked = False
        self.last = 0.0
        """When the last delivery came."""
        self._connection = connection
        self._counter = counter
        self._appetite = appetite
        self._tally = tally
        self._board = tally.board
        self._acked = 0
        self._octets = b""

    def fileno(self) -> int:
        return self._connection.fileno()

    def receive(self) -> None:
        received = self._connection.receive_some(self._counter.space())
        if received:
            self._tally.set(self._counter.advance(received))
            self.last = now()

    def push(self) -> None:
        every = self._appetite.ack_every
        if not self._octets and every and self._counter.count - self._acked >= every and not self._lags():
            self._acked = self._counter.count
            self._octets = frames.method(1, 60, 80, self._acked.to_bytes(8, "big") + b"\x01")
        if self._octets:
            self._octets = self._octets[self._connection.send_some(self._octets) :]
        self.blocked = bool(self._octets)

    def _lags(self) -> bool:
        """Whether an ack would bring the consumers closer to the publishers than they shall come."""
        if not self._appetite.lag:
            return False
        published = self._board.total(PUBLISHED)
        return published < self._appetite.published and published - self._board.total(CONSUMED) < self._appetite.lag


def subscribe(connection: Connection, queue: str, appetite: Appetite) -> DeliveryCounter:
    """Start a consumer on a connection that does not wait from here on, and return the counter for what it gets."""
    if appetite.ack_every and appetite.prefetch:
        connection.prefetch(appetite.prefetch)
    connection.consume(queue, no_ack=not appetite.ack_every)
    counter = DeliveryCounter()
    early = connection.take_buffered()
    counter.space()[: len(early)] = early
    counter.advance(len(early))
    connection.never_wait()
    return counter


@dataclass(frozen=True)
class Consumer:
    """The process; one connection for each queue named, counting on the tally of the same place."""

    url: BrokerUrl
    queues: Sequence[str]
    tallies: Sequence[Tally]
    appetite: Appetite

    def run(self, gate: Gate) -> Measurement:
        """Subscribe, pass the gate, count; the end is the last delivery or, by time, the end of that time."""
        with ExitStack() as stack:
            connections = [stack.enter_context(Connection(self.url)) for _ in self.queues]
            counters = [
                subscribe(connection, queue, self.appetite)
                for connection, queue in zip(connections, self.queues, strict=True)
            ]
            start = gate.wait()
            stopwatch = Stopwatch()
            lanes = [
                ConsumingLane(connection, counter, self.appetite, tally)
                for connection, counter, tally in zip(connections, counters, self.tallies, strict=True)
            ]
            board, seconds, lag = self.tallies[0].board, self.appetite.seconds, self.appetite.lag
            patience = _LAGGING_PATIENCE if lag else _PATIENCE
            drive(lanes, lambda: self._satisfied(board, start), patience, timed=bool(lag))
            figures = {"consumed": float(sum(board.counts(CONSUMED)))}
            end = max(lane.last for lane in lanes) if seconds is None else start + seconds
            return stopwatch.stop(figures=figures, end=max(end, stopwatch.start))

    def _satisfied(self, board: Board, start: float) -> bool:
        appetite = self.appetite
        if appetite.seconds is not None and now() - start >= appetite.seconds:
            return True
        return appetite.total is not None and board.total(CONSUMED) >= appetite.total
