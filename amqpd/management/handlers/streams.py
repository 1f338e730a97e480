"""Streams, as RabbitMQ's plugin rabbitmq_stream_management shows them: here all clients of theirs speak AMQP."""

from __future__ import annotations

from amqpd.broker.stream.stream_queue import StreamQueue
from amqpd.management.api import Call
from amqpd.management.errors import not_found
from amqpd.management.handlers.queues import find_queue
from amqpd.management.listing import AnyListing, Listing, View


async def clients(call: Call) -> AnyListing:
    """List connections, publishers or consumers of the stream protocol: nobody speaks it here."""
    if "vhost" in call.params:
        call.vhost()
    nobody: list[View] = []
    return Listing(nobody, lambda each: each, lambda _: ("",), lambda _: "")


async def client(call: Call) -> object:
    """Show a connection of the stream protocol: there is none."""
    raise not_found()


async def tracking(call: Call) -> object:
    """Show the offsets at which named consumers of a stream go on."""
    queue = find_queue(call.vhost(), call.params["queue"])
    if not isinstance(queue, StreamQueue):
        raise not_found()
    return {"offsets": dict(queue.positions), "writers": {}}
