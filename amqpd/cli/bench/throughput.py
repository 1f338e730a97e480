"""Messages per second: publishers and consumers as fast as the broker lets them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from amqpd.cli.bench import frames
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.confirms import ConfirmCounter
from amqpd.cli.bench.deliveries import DeliveryCounter
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.frames import Batch, TableValue
from amqpd.cli.bench.scenario import Outcome, Target, fresh_name, queue, remove
from amqpd.cli.bench.stopwatch import Measurement, Stopwatch
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Gate, Job, run_jobs

# Acknowledge this often where the prefetch is unlimited.
_ACK_EVERY = 250


@dataclass(frozen=True)
class Route:
    """Where a publisher sends, and the binding that leads from there to one queue."""

    exchange: str
    routing_key: str
    binding_key: str
    binding_arguments: Mapping[str, TableValue]
    headers: Mapping[str, TableValue]


def route_through(kind: str, exchange: str, queue_name: str) -> Route:
    """Return a route over an exchange of type `kind` with one binding; an empty `kind` is the default exchange."""
    match kind:
        case "":
            return Route("", queue_name, "", {}, {})
        case "topic":
            return Route(exchange, "a.b.c", "a.*.#", {}, {})
        case "headers":
            return Route(exchange, "", "", {"x-match": "all", "kind": "bench"}, {"kind": "bench"})
        case "x-consistent-hash" | "x-modulus-hash":
            return Route(exchange, "a.b.c", "1", {}, {})  # the binding key is a weight
        case _:
            return Route(exchange, "a.b.c", "a.b.c", {}, {})


@dataclass(frozen=True)
class Throughput:
    """N publishers spread over one or more queues, each with one consumer or none; `messages` is per publisher."""

    messages: int = 200_000
    size: int = 16
    publishers: int = 1
    consumers: int = 1
    queues: int = 1
    confirm: bool = False
    window: int = 1000
    ack: bool = False
    prefetch: int = 1000
    persistent: bool = False
    durable: bool = False
    exchange: str = ""
    queue_type: str = ""

    def measure(self, target: Target, control: Connection) -> Outcome:
        """Return publish_per_s and, with a consumer, consume_per_s; both count from the first publish."""
        if self.publishers < self.queues:
            raise BenchError(f"{self.queues} queues need as many publishers; there are {self.publishers}")
        with ExitStack() as stack:
            names = [fresh_name() for _ in range(self.queues)]
            routes = [self._lay_route(control, stack, name) for name in names]
            publishers = [Publisher(target.url, routes[i % self.queues], self) for i in range(self.publishers)]
            consumers = [
                Consumer(target.url, name, self, self.messages * len(range(i, self.publishers, self.queues)))
                for i, name in enumerate(names)
                if self.consumers
            ]
            jobs: list[Job] = [*publishers, *consumers]
            measurements = run_jobs(jobs, target.timeout)
        return Outcome(self._rates(measurements), measurements)

    def _lay_route(self, control: Connection, stack: ExitStack, name: str) -> Route:
        arguments: dict[str, TableValue] = {"x-queue-type": self.queue_type} if self.queue_type else {}
        stack.enter_context(queue(control, name, durable=self.durable, arguments=arguments))
        route = route_through(self.exchange, f"{name}.x", name)
        if route.exchange:
            control.declare_exchange(route.exchange, self.exchange, durable=self.durable)
            stack.callback(remove, control, lambda connection: connection.delete_exchange(route.exchange))
            control.bind(name, route.exchange, route.binding_key, route.binding_arguments)
        return route

    def _rates(self, measurements: list[Measurement]) -> dict[str, float]:
        publishers, consumers = measurements[: self.publishers], measurements[self.publishers :]
        total = self.messages * self.publishers
        start = min(one.start for one in publishers)
        rates = {"publish_per_s": total / (max(one.end for one in publishers) - start)}
        if consumers:
            rates["consume_per_s"] = total / (max(one.end for one in consumers) - start)
        return rates


@dataclass(frozen=True)
class Publisher:
    """The process that publishes."""

    url: BrokerUrl
    route: Route
    options: Throughput

    def run(self, gate: Gate) -> Measurement:
        """Publish all messages; the end is the last confirm or, without confirms, a round trip behind the last one."""
        options, route = self.options, self.route
        with Connection(self.url) as connection:
            if options.confirm:
                connection.select_confirms()
            one = frames.publish(
                route.exchange,
                route.routing_key,
                os.urandom(options.size),
                frame_max=connection.frame_max,
                persistent=options.persistent,
                headers=route.headers,
            )
            batch = Batch(one)
            gate.wait()
            stopwatch = Stopwatch()
            if options.confirm:
                publish_confirmed(connection, batch, options.messages, options.window)
            else:
                publish_blindly(connection, batch, options.messages)
            return stopwatch.stop()


def publish_blindly(connection: Connection, batch: Batch, messages: int) -> None:
    """Publish without confirms and return when the broker has read everything."""
    sent = 0
    while sent < messages:
        count = min(batch.size, messages - sent)
        connection.send(batch.first(count))
        sent += count
    connection.prefetch(0)


def publish_confirmed(connection: Connection, batch: Batch, messages: int, window: int) -> None:
    """Publish with at most `window` messages unconfirmed and return when all are confirmed."""
    confirms = ConfirmCounter()
    sent = 0
    while confirms.count < messages:
        room = min(messages - sent, window - (sent - confirms.count))
        while room:
            count = min(batch.size, room)
            connection.send(batch.first(count))
            sent += count
            room -= count
            # A broker that cannot write its confirms may stop reading: keep them flowing while a large window fills.
            if room and connection.readable():
                confirms.feed(connection.receive())
        confirms.feed(connection.receive())


@dataclass(frozen=True)
class Consumer:
    """The process that consumes one queue until `messages` have come."""

    url: BrokerUrl
    queue: str
    options: Throughput
    messages: int

    def run(self, gate: Gate) -> Measurement:
        """Subscribe, pass the gate, count; acknowledge in multiples of a quarter of the prefetch."""
        with Connection(self.url) as connection:
            if self.options.ack and self.options.prefetch:
                connection.prefetch(self.options.prefetch)
            connection.consume(self.queue, no_ack=not self.options.ack)
            counter = DeliveryCounter()
            early = connection.take_buffered()
            counter.space()[: len(early)] = early
            counter.advance(len(early))
            gate.wait()
            stopwatch = Stopwatch()
            if self.options.ack:
                self._consume_and_ack(connection, counter)
            else:
                while counter.count < self.messages:
                    counter.advance(connection.receive_into(counter.space()))
            return stopwatch.stop()

    def _consume_and_ack(self, connection: Connection, counter: DeliveryCounter) -> None:
        every = max(1, self.options.prefetch // 4) if self.options.prefetch else _ACK_EVERY
        acked = 0
        while acked < self.messages:
            seen = counter.advance(connection.receive_into(counter.space()))
            if seen - acked >= every or seen == self.messages:
                connection.send(frames.method(1, 60, 80, seen.to_bytes(8, "big") + b"\x01"))
                acked = seen
