"""Scenarios about exchanges, queues and bindings, and to whom a queue belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interop.matrix.driver import same
from interop.matrix.python.port import refused

if TYPE_CHECKING:
    from interop.matrix.python.port import Channel, Stage

ACCESS_REFUSED, NOT_FOUND, RESOURCE_LOCKED, PRECONDITION_FAILED = 403, 404, 405, 406
LIMITED = {"x-max-length": 1000, "x-message-ttl": 60000, "x-dead-letter-exchange": ""}


def declare_bind(stage: Stage) -> None:
    connection = stage.connect()
    channel = connection.channel()
    queue = stage.queue()
    direct, fanout, topic, headers = (stage.exchange(kind) for kind in ("direct", "fanout", "topic", "headers"))
    for exchange, kind in ((direct, "direct"), (fanout, "fanout"), (topic, "topic"), (headers, "headers")):
        channel.declare_exchange(exchange, kind)
    channel.declare_queue(queue, durable=True, arguments=LIMITED)
    channel.bind(queue, direct, "key")
    channel.bind(queue, fanout)
    channel.bind(queue, topic, "a.*.#")
    channel.bind(queue, headers, arguments={"x-match": "any", "colour": "red", "size": 3})
    arrives(channel, queue, [(direct, "key", {}), (fanout, "whatever", {}), (topic, "a.b.c.d", {})])
    arrives(channel, queue, [(headers, "", {"colour": "blue", "size": 3}), (headers, "", {"colour": "red"})])
    strays = [(direct, "other", {}), (topic, "b.a", {}), (headers, "", {"colour": "blue", "size": 4})]
    vanishes(channel, queue, strays)
    source = stage.exchange("source")
    channel.declare_exchange(source, "direct")
    channel.bind_exchange(fanout, source, "through")
    arrives(channel, queue, [(source, "through", {})])
    vanishes(channel, queue, [(source, "not through", {})])
    counts_and_purge(channel, queue, direct)
    channel.unbind(queue, direct, "key")
    vanishes(channel, queue, [(direct, "key", {})])
    refused(lambda: channel.declare_queue(queue, durable=True, arguments={"x-max-length": 5}), PRECONDITION_FAILED)
    channel = connection.channel()
    refused(lambda: channel.declare_queue(f"{queue}-missing", passive=True), NOT_FOUND)


def counts_and_purge(channel: Channel, queue: str, direct: str) -> None:
    for _ in range(4):
        channel.publish(direct, "key", b"")
    channel.get(queue, no_ack=True)  # afterwards the broker has counted them all
    same("the message count", channel.declare_queue(queue, passive=True), (queue, 3))
    same("the count of the purge", channel.purge(queue) or 3, 3)
    same("after the purge", channel.get(queue, no_ack=True), None)


def arrives(channel: Channel, queue: str, sent: list[tuple[str, str, dict[str, object]]]) -> None:
    """Publish each and get it."""
    for exchange, key, headers in sent:
        channel.publish(exchange, key, exchange.encode(), {"headers": headers} if headers else None)
        message = channel.get(queue, no_ack=True)
        assert message is not None, f"nothing arrived from {exchange} with key {key!r} and headers {headers}"
        what = (message.body, message.exchange, message.key)
        same(f"what arrived from {exchange}", what, (exchange.encode(), exchange, key))


def vanishes(channel: Channel, queue: str, sent: list[tuple[str, str, dict[str, object]]]) -> None:
    """Publish each; see that the queue stays empty."""
    for exchange, key, headers in sent:
        channel.publish(exchange, key, exchange.encode(), {"headers": headers} if headers else None)
        what = f"what arrived from {exchange} with key {key!r} and headers {headers}"
        same(what, channel.get(queue, no_ack=True), None)


def exclusive(stage: Stage) -> None:
    owner, other = stage.connect(), stage.connect()
    channel = owner.channel()
    queue, _ = channel.declare_queue(exclusive=True)
    assert queue.startswith("amq.gen-"), f"a server-named queue is called {queue!r}"
    channel.publish("", queue, b"own")
    consumer = channel.consume(queue)
    channel.ack(message := consumer.next())
    same("what the owner consumed", message.body, b"own")
    refused(lambda: other.channel().declare_queue(queue, passive=True), RESOURCE_LOCKED)
    refused(lambda: other.channel().consume(queue).next(), RESOURCE_LOCKED)
    refused(lambda: other.channel().get(queue), RESOURCE_LOCKED)
    stage.close(owner)
    refused(lambda: other.channel().declare_queue(queue, passive=True), NOT_FOUND)
    shared = stage.queue()
    channel = other.channel()
    channel.declare_queue(shared)
    channel.publish("", shared, b"for one")
    same("what the only consumer gets", channel.consume(shared, exclusive=True).next().body, b"for one")
    refused(lambda: other.channel().consume(shared).next(), ACCESS_REFUSED)
