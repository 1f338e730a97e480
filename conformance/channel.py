"""Verbs of one channel, in the protocol's words.

Each synchronous verb returns the broker's reply; what arrives meanwhile stays in the channel's inbox in wire order.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from conformance.methods import ids
from conformance.received import ChannelClosed, Received, Refusal, compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.client import Connection
    from conformance.fields import Table


class Channel:
    """A channel number on a connection."""

    def __init__(self, connection: Connection, number: int) -> None:
        self.connection = connection
        self.number = number

    # -- plumbing

    def send(self, name: str, /, **fields: Any) -> None:
        """Send one method."""
        self.connection.send_method(self.number, name, **fields)

    def call(self, name: str, /, **fields: Any) -> Received:
        """Send a synchronous method and return its reply."""
        return self.connection.call(self.number, name, name + "-ok", **fields)

    def next(self) -> Received:
        """Return the next method on this channel."""
        return self.connection.next(self.number)

    def expect(self, name: str) -> Received:
        """Return the next method on this channel, which must have this name."""
        received = self.next()
        assert received.name == name, f"expected {name}, got {received}"
        return received

    def deliveries(self, count: int) -> list[Received]:
        """Return the next methods, which must all be deliveries."""
        return [self.expect("basic.deliver") for _ in range(count)]

    def bodies(self, count: int) -> list[bytes]:
        """Return the bodies of the next deliveries."""
        return [delivery.body for delivery in self.deliveries(count)]

    def fence(self, *queues: str) -> None:
        """Wait until the broker has handled all that was sent before, the named queues included.

        A queue answers a passive declare after the work it had; what it sent to this channel meanwhile precedes the
        next reply.
        """
        for queue in queues:
            self.declare_queue(queue, passive=True)
        self.call("exchange.declare", exchange="amq.direct", passive=True)

    def quiet(self, *queues: str) -> list[Received]:
        """Return everything that arrived until the fence."""
        self.fence(*queues)
        return self.connection.taken(self.number)

    @contextmanager
    def refused(self, code: int, text: str, method: str | None = None) -> Iterator[None]:
        """Expect the broker to close this channel for what happens inside; answer close-ok, which frees the number."""
        try:
            yield
            while True:
                self.next()
        except ChannelClosed as closed:
            compare(closed.refusal, Refusal(code, text, *ids(method)))
        self.send("channel.close-ok")

    # -- channel

    def open(self) -> Channel:
        """Open this channel number."""
        self.call("channel.open")
        return self

    def close(self) -> None:
        """Close the channel in order."""
        self.call("channel.close", reply_code=200)

    # -- exchanges and queues

    def declare_exchange(self, exchange: str, type: str = "direct", arguments: Table = b"", **bits: bool) -> Received:
        """Declare an exchange: passive, durable, auto_delete, internal."""
        return self.call("exchange.declare", exchange=exchange, type=type, arguments=arguments, **bits)

    def delete_exchange(self, exchange: str, **bits: bool) -> Received:
        """Delete an exchange: if_unused."""
        return self.call("exchange.delete", exchange=exchange, **bits)

    def bind_exchange(self, destination: str, source: str, key: str = "", arguments: Table = b"") -> Received:
        """Bind an exchange to an exchange."""
        return self.call("exchange.bind", destination=destination, source=source, routing_key=key, arguments=arguments)

    def unbind_exchange(self, destination: str, source: str, key: str = "", arguments: Table = b"") -> Received:
        """Remove a binding between exchanges."""
        return self.call(
            "exchange.unbind", destination=destination, source=source, routing_key=key, arguments=arguments
        )

    def declare_queue(self, queue: str = "", arguments: Table = b"", **bits: bool) -> Received:
        """Declare a queue: passive, durable, exclusive, auto_delete."""
        return self.call("queue.declare", queue=queue, arguments=arguments, **bits)

    def counts(self, queue: str) -> tuple[int, int]:
        """Return the numbers of ready messages and of consumers."""
        reply = self.declare_queue(queue, passive=True)
        return reply["message_count"], reply["consumer_count"]

    def bind(self, queue: str, exchange: str, key: str = "", arguments: Table = b"") -> Received:
        """Bind a queue to an exchange."""
        return self.call("queue.bind", queue=queue, exchange=exchange, routing_key=key, arguments=arguments)

    def unbind(self, queue: str, exchange: str, key: str = "", arguments: Table = b"") -> Received:
        """Remove a queue's binding."""
        return self.call("queue.unbind", queue=queue, exchange=exchange, routing_key=key, arguments=arguments)

    def purge(self, queue: str) -> int:
        """Return the number of ready messages removed."""
        count: int = self.call("queue.purge", queue=queue)["message_count"]
        return count

    def delete_queue(self, queue: str, **bits: bool) -> int:
        """Delete a queue (if_unused, if_empty) and return the number of its ready messages."""
        count: int = self.call("queue.delete", queue=queue, **bits)["message_count"]
        return count

    # -- messages

    def publish(
        self, exchange: str, key: str, body: bytes = b"", properties: Mapping[str, Any] | bytes = b"\0\0", **bits: bool
    ) -> None:
        """Publish: mandatory, immediate."""
        self.connection.send(self.connection.publish_frames(self.number, exchange, key, body, properties, **bits))

    def fill(self, queue: str, *bodies: bytes) -> None:
        """Publish bodies through the default exchange and wait until the queue has them."""
        for body in bodies:
            self.publish("", queue, body)
        self.fence(queue)

    def get(self, queue: str, no_ack: bool = False) -> Received | None:
        """Return get-ok, None for get-empty."""
        self.send("basic.get", queue=queue, no_ack=no_ack)
        reply = self.connection.wait_for(self.number, "basic.get-ok", "basic.get-empty")
        return reply if reply.content else None

    def must_get(self, queue: str, no_ack: bool = False) -> Received:
        """Return get-ok of a queue that must not be empty."""
        reply = self.get(queue, no_ack)
        assert reply is not None, f"queue {queue!r} is empty"
        return reply

    def drain(self, queue: str) -> list[bytes]:
        """Take all ready messages and return their bodies."""
        bodies = []
        while (reply := self.get(queue, no_ack=True)) is not None:
            bodies.append(reply.body)
        return bodies

    def qos(self, count: int, globally: bool = False, size: int = 0) -> Received:
        """Set a prefetch limit."""
        return self.call("basic.qos", prefetch_size=size, prefetch_count=count, **{"global": globally})

    def consume(self, queue: str, tag: str = "", arguments: Table = b"", **bits: bool) -> str:
        """Start a consumer (no_local, no_ack, exclusive) and return its tag."""
        reply = self.call("basic.consume", queue=queue, consumer_tag=tag, arguments=arguments, **bits)
        name: str = reply["consumer_tag"]
        return name

    def cancel(self, tag: str) -> Received:
        """Cancel a consumer."""
        return self.call("basic.cancel", consumer_tag=tag)

    def ack(self, tag: int, multiple: bool = False) -> None:
        """Acknowledge a delivery, or all up to it."""
        self.send("basic.ack", delivery_tag=tag, multiple=multiple)

    def nack(self, tag: int, multiple: bool = False, requeue: bool = True) -> None:
        """Return a delivery, or all up to it."""
        self.send("basic.nack", delivery_tag=tag, multiple=multiple, requeue=requeue)

    def reject(self, tag: int, requeue: bool = True) -> None:
        """Return one delivery."""
        self.send("basic.reject", delivery_tag=tag, requeue=requeue)

    def confirm(self) -> Channel:
        """Put the channel into confirm mode."""
        self.call("confirm.select")
        return self
