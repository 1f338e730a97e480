"""The scenarios that FastStream can do: `driver.py SCENARIO`."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aio_pika
from aio_pika.exceptions import DeliveryError
from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity, ChannelPreconditionFailed, PublishError
from faststream import AckPolicy
from faststream.exceptions import NackMessage, RejectMessage
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage
from faststream.security import BaseSecurity

from interop.faststream.service import QUIET, Inbox, count, refusal, refused, service
from interop.frameworks import scenario
from interop.frameworks.asynchronous import Heard, playing
from interop.matrix.driver import PATIENCE, Run, ask, main, same
from interop.matrix.python import headers

if TYPE_CHECKING:
    from collections.abc import Callable

async def connect_options(run: Run) -> None:
    queue = run.name("queue")
    inbox = Inbox()
    # aio-pika takes over what the broker offers for frames and channels.
    async with service(run, f"{run.url}?heartbeat=30&name={run.prefix}", made=[queue]) as broker:
        broker.subscriber(queue, channel=Channel(prefetch_count=1))(inbox.put)
        await broker.start()
        same("ping", await broker.ping(timeout=PATIENCE), True)
        seen = await broker.declare_queue(RabbitQueue(queue, declare=False))
        same("the queue on the other channel", seen.name, queue)
        await broker.publish("over two channels", queue)
        same("the body", (await inbox.next()).body, b"over two channels")
    password, host = scenario.refused_urls(run)
    # Of the missing virtual host aiormq knows no more than that the broker has closed the connection.
    for url, word in ((password, "ACCESS_REFUSED"), (host, "Connection.Close")):
        reason = await refusal(RabbitBroker(url, logger=QUIET))
        assert word in reason, reason


async def declare_bind(run: Run) -> None:
    """Subscribers behind each type of exchange, and one behind an exchange that is bound to another."""
    words = ("by-key", "by-nothing", "by-pattern", "by-headers", "behind")
    queues = {word: run.name(word) for word in words}
    limits: Any = {"x-max-length": 1000, "x-message-ttl": 60000, "x-dead-letter-exchange": ""}
    direct = RabbitExchange(run.name("direct"), ExchangeType.DIRECT)
    fanout = RabbitExchange(run.name("fanout"), ExchangeType.FANOUT)
    topic = RabbitExchange(run.name("topic"), ExchangeType.TOPIC)
    by_headers = RabbitExchange(run.name("headers-exchange"), ExchangeType.HEADERS)
    bound = RabbitExchange(run.name("bound"), ExchangeType.FANOUT, bind_to=topic, routing_key="x.#")
    red = {"x-match": "any", "colour": "red", "size": 3}
    inbox = Inbox()
    made = [*queues.values(), *(each.name for each in (direct, fanout, topic, by_headers, bound))]
    async with service(run, made=made) as broker:
        keyed = RabbitQueue(queues["by-key"], arguments=limits, routing_key="key")
        broker.subscriber(keyed, direct)(inbox.put)
        broker.subscriber(queues["by-nothing"], fanout)(inbox.put)
        broker.subscriber(RabbitQueue(queues["by-pattern"], routing_key="a.*.#"), topic)(inbox.put)
        broker.subscriber(RabbitQueue(queues["by-headers"], bind_arguments=red), by_headers)(inbox.put)
        broker.subscriber(queues["behind"], bound)(inbox.put)
        await broker.start()
        arriving: list[tuple[RabbitExchange, str, dict[str, Any]]] = [
            (direct, "key", {}),
            (fanout, "", {}),
            (topic, "a.b.c", {}),
            (by_headers, "", {"colour": "red", "size": 4}),
            (topic, "x.y", {}),
        ]
        astray: list[tuple[RabbitExchange, str, dict[str, Any]]] = [
            (direct, "other", {}),
            (topic, "a", {}),
            (by_headers, "", {"colour": "blue", "size": 4}),
        ]
        for exchange, key, values in astray:
            await broker.publish("astray", exchange=exchange, routing_key=key, headers=values)
        for exchange, key, values in arriving:
            await broker.publish("arrives", exchange=exchange, routing_key=key, headers=values)
            message = await inbox.next()
            came = (message.raw_message.exchange, message.raw_message.routing_key, message.body)
            same("exchange, key and body", came, (exchange.name, key, b"arrives"))
        for subscriber in broker.subscribers:
            await subscriber.stop()
        queue = await broker.declare_queue(RabbitQueue(run.name("by-key"), declare=False))
        await broker.publish("to be purged", exchange=direct, routing_key="key")
        same("messages", await count(run, queue.name), 1)
        same("purged", (await queue.purge()).message_count, 1)
        await queue.unbind(direct.name, "key")
        await broker.publish("astray", exchange=direct, routing_key="key")
        same("messages", await count(run, queue.name), 0)
        await refused(run, RabbitQueue(queue.name, arguments={"x-max-length": 5}), ChannelPreconditionFailed)
        await refused(run, RabbitQueue(run.name("missing"), declare=False), ChannelNotFoundEntity)


async def publish_consume(run: Run) -> None:
    queue = run.name("queue")
    inbox = Inbox()
    async with service(run, made=[queue], app_id="application") as broker:
        broker.subscriber(queue, no_reply=True)(inbox.put)
        await broker.start()
        moment = dt.datetime(2020, 2, 29, 12, 30, 1, tzinfo=dt.UTC)
        properties: dict[str, Any] = {
            "content_type": "application/octet-stream",
            "content_encoding": "identity",
            "headers": {"text": "value", "number": 5, "größe": "über"},
            "priority": 5,
            "correlation_id": "correlation",
            "reply_to": "reply",
            "message_id": "message",
            "timestamp": moment,
            "user_id": "guest",
        }
        await broker.publish(
            scenario.EVERY_OCTET, queue, persist=True, expiration=60, message_type="kind", **properties
        )
        raw = (await inbox.next()).raw_message
        same("the body", raw.body, scenario.EVERY_OCTET)
        same("the properties", {name: getattr(raw, name) for name in properties}, properties)
        others = (raw.delivery_mode, raw.expiration, raw.type, raw.app_id, raw.redelivered)
        same("the others", others, (aio_pika.DeliveryMode.PERSISTENT, 60, "kind", "application", False))
        await broker.publish(aio_pika.Message(b""), queue)
        raw = (await inbox.next()).raw_message
        same("the body", raw.body, b"")
        absent = ("content_type", "content_encoding", "correlation_id", "reply_to", "timestamp", "type", "app_id")
        same("what is absent", [getattr(raw, name) for name in absent], [None] * len(absent))
        same("headers", dict(raw.headers), {})
        await broker.publish({"größe": "∞"}, queue)
        message = await inbox.next()
        same("what is decoded", (message.content_type, await message.decode()), ("application/json", {"größe": "∞"}))
        await broker.stop()
        same("messages", await count(run, queue), 0)


def as_decoded(tag: str, value: Any) -> Any:
    """Return a value as pamqp decodes it: octets can be changed, and decimals have a sign."""
    if tag == "D" and value == 2**32 - 1:
        return Decimal(-1)
    return bytearray(value) if isinstance(value, bytes) else value


async def header_types(run: Run) -> None:
    queue = run.name("queue")
    inbox = Inbox()
    async with service(run, made=[queue]) as broker:
        broker.subscriber(queue)(inbox.put)
        broker.subscriber(RabbitQueue(run.name("headers"), declare=False))(inbox.put)
        await broker.start()
        every = await inbox.next()
        same("the body", every.body, b"every type")
        headers.compare(every.headers, headers.listed(as_decoded))
        # pamqp sends floats in 32 bits, and octets when they can be changed.
        values = {**headers.EVERY, "float": 1.5, "float-large": 2.0**100, "octets": bytearray(b"\x00\xff\x80")}
        await broker.publish("own", queue, headers=values)
        own = await inbox.next()
        headers.compare(own.headers, values)


async def confirms(run: Run) -> None:
    """Publish 200 at a time, each confirmed; see one refused."""
    names = [run.name("queue"), run.name("full")]
    async with service(run, made=names) as broker:
        await broker.start()
        await broker.declare_queue(RabbitQueue(names[0]))
        await broker.declare_queue(RabbitQueue(names[1], arguments={"x-max-length": 0, "x-overflow": "reject-publish"}))
        confirmed = await asyncio.gather(*(broker.publish(str(number), names[0]) for number in range(200)))
        same("confirms", {type(each).__name__ for each in confirmed}, {"Ack"})
        same("messages", await count(run, names[0]), 200)
        with suppress(DeliveryError):
            await broker.publish("one too many", names[1])
            raise AssertionError("a full queue has taken a message")


async def mandatory(run: Run) -> None:
    queue = run.name("queue")
    async with service(run, made=[queue], default_channel=Channel(on_return_raises=True)) as broker:
        await broker.start()
        await broker.declare_queue(RabbitQueue(queue))
        await broker.publish("routed", queue)
        try:
            await broker.publish("astray", run.name("nowhere"), message_id="message")
        except PublishError as error:
            returned: Any = error.message
        else:
            raise AssertionError("an unroutable message did not come back")
        method = returned.delivery
        came = (method.reply_code, method.reply_text, method.exchange, method.routing_key)
        same("the return", came, (312, "NO_ROUTE", "", run.name("nowhere")))
        same("the message", (returned.body, returned.header.properties.message_id), (b"astray", "message"))
        same("messages", await count(run, queue), 1)


async def get(run: Run) -> None:
    """Get with a subscriber that has no handler."""
    queue = run.name("queue")
    async with service(run, made=[queue]) as broker, service(run) as other:
        subscriber = broker.subscriber(queue)
        await broker.start()
        same("an empty queue", await subscriber.get_one(timeout=0.1), None)
        for number in range(3):
            await broker.publish(str(number), queue)
        first: Any = await subscriber.get_one(no_ack=False)
        raw = first.raw_message
        same("the first", (first.body, raw.message_count, raw.redelivered), (b"0", 2, False))
        await first.ack()
        second: Any = await subscriber.get_one(no_ack=True)
        same("the second", second.body, b"1")
        third: Any = await subscriber.get_one(no_ack=False)
        same("the third", third.body, b"2")
        await broker.stop()
        subscriber = other.subscriber(queue)
        await other.start()
        third = await subscriber.get_one(no_ack=False)
        same("the third again", (third.body, third.raw_message.redelivered), (b"2", True))
        await third.ack()


async def requeue(run: Run) -> None:
    """Manual settlement of five messages; then the policies that requeue and reject by exceptions."""
    queue, dead = run.name("queue"), run.name("dead")
    arguments: Any = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    held, buried, policy = Inbox(), Inbox(), Inbox()
    five = Channel(prefetch_count=5)
    async with service(run, made=[queue, dead, run.name("policy")], default_channel=five) as broker:
        broker.subscriber(RabbitQueue(queue, arguments=arguments), ack_policy=AckPolicy.MANUAL)(held.put)
        broker.subscriber(dead)(buried.put)

        async def stubborn(message: RabbitMessage) -> None:
            await policy.put(message)
            if message.body == b"reject":
                raise RejectMessage
            if not message.raw_message.redelivered:
                raise NackMessage if message.body == b"nack" else ValueError("once")

        broker.subscriber(
            RabbitQueue(run.name("policy"), arguments=arguments), ack_policy=AckPolicy.NACK_ON_ERROR
        )(stubborn)
        await broker.start()
        for number in range(1, 6):
            await broker.publish(str(number), queue)
        # Every message has a task of its own, so they may be handled in another order than they came in.
        taken = sorted([await held.next() for _ in range(5)], key=lambda message: bytes(message.body))
        one, two, three, four, five = taken
        await one.reject()
        await two.nack(requeue=False)
        await four.nack()
        await five.ack()
        await three.reject(requeue=True)
        again = sorted([await held.next(), await held.next()], key=lambda message: bytes(message.body))
        came = [(message.body, message.raw_message.redelivered) for message in again]
        same("what comes again", came, [(b"3", True), (b"4", True)])
        await max(again, key=lambda message: int(message.raw_message.delivery_tag)).ack(multiple=True)
        dead_letters = sorted([await buried.next(), await buried.next()], key=lambda message: bytes(message.body))
        for body, message in zip((b"1", b"2"), dead_letters, strict=True):
            [death] = message.headers["x-death"]
            same("a death", (message.body, death["reason"], death["queue"]), (body, "rejected", queue))
        for word in ("error", "nack"):
            await broker.publish(word, run.name("policy"))
            tries = [await policy.next(), await policy.next()]
            same("tries", [each.raw_message.redelivered for each in tries], [False, True])
        await broker.publish("reject", run.name("policy"))
        same("what is rejected", (await buried.next()).body, b"reject")
        await broker.stop()
        same("messages", [await count(run, each) for each in (queue, dead, run.name("policy"))], [0, 0, 0])


async def prefetch(run: Run) -> None:
    queue = run.name("queue")
    held = Inbox()
    async with service(run, made=[queue]) as publishing, service(run) as broker:
        await publishing.start()
        await publishing.declare_queue(RabbitQueue(queue))
        for number in range(10):
            await publishing.publish(str(number), queue)
        channel = Channel(prefetch_count=3)
        broker.subscriber(queue, channel=channel, ack_policy=AckPolicy.MANUAL)(held.put)
        await broker.start()
        waiting = [await held.next() for _ in range(3)]
        for number in range(3, 11):
            same("messages that wait", await count(run, queue), 10 - number)
            assert held.empty(), "more than three messages came"
            await waiting.pop(0).ack()
            if number < 10:
                waiting.append(await held.next())
                same("the body", waiting[-1].body, str(number).encode())
        for message in waiting:
            await message.ack()


async def exclusive(run: Run) -> None:
    """A subscriber's exclusive queue; names for unnamed queues are made by aio-pika, not by the broker."""
    queue = RabbitQueue(run.name("queue"), exclusive=True, durable=False)
    there = RabbitQueue(queue.name, declare=False)
    inbox = Inbox()
    async with service(run) as broker:
        broker.subscriber(queue)(inbox.put)
        await broker.start()
        await broker.publish("for its owner", queue)
        same("the body", (await inbox.next()).body, b"for its owner")
        await refused(run, there, ChannelLockedResource)
    await refused(run, there, ChannelNotFoundEntity)


async def cancel(run: Run) -> None:
    """A stopped subscriber gets nothing; of a consumer that the broker has cancelled aiormq's log tells."""
    queue = run.name("queue")
    inbox = Inbox()
    cancelled = Heard("cancelled by the broker")
    async with service(run, made=[queue]) as broker:
        subscriber = broker.subscriber(queue)
        subscriber(inbox.put)
        await broker.start()
        await broker.publish("first", queue)
        same("the body", (await inbox.next()).body, b"first")
        await subscriber.stop()
        await broker.publish("second", queue)
        same("messages", await count(run, queue), 1)
        await subscriber.start()
        same("the body", (await inbox.next()).body, b"second")
        connection = await aio_pika.connect(run.url)
        async with connection, connection.channel() as channel:
            await channel.queue_delete(queue)
        await cancelled.wait()


async def reply_to(run: Run) -> None:
    """Ten requests over direct reply-to, answered by a service on another connection."""
    queue = run.name("queue")

    async def double(number: int) -> int:
        return 2 * number

    async with service(run, made=[queue]) as responder, service(run) as requester:
        responder.subscriber(queue)(double)
        await responder.start()
        await requester.start()
        replies = [await requester.request(number, queue, timeout=PATIENCE) for number in range(10)]
        same("the replies", [await reply.decode() for reply in replies], list(range(0, 20, 2)))


async def large_message(run: Run) -> None:
    queue = run.name("queue")
    inbox = Inbox()
    async with service(run, made=[queue]) as broker:
        broker.subscriber(queue)(inbox.put)
        await broker.start()
        for seed in (1, 2):
            body = scenario.large_body(seed)
            await broker.publish(body, queue)
            assert (await inbox.next()).body == body, "10 MB differ"


async def heartbeats(run: Run) -> None:
    queue = run.name("queue")
    inbox = Inbox()
    lost: list[object] = []
    closed = [lambda *_: lost.append("closed")]
    async with service(run, f"{run.url}?heartbeat=1", made=[queue], on_close=closed) as broker:
        broker.subscriber(queue)(inbox.put)
        await broker.start()
        await asyncio.sleep(4)
        same("closed connections", lost, [])
        await broker.publish("after", queue)
        same("the body", (await inbox.next()).body, b"after")


async def reconnect(run: Run) -> None:
    """All connections are closed: the service says so and comes back by itself."""
    queue = run.name("queue")
    inbox = Inbox()
    closed, back = asyncio.Event(), asyncio.Event()
    callbacks: dict[str, Any] = {"on_close": [lambda *_: closed.set()], "on_reconnected": [lambda *_: back.set()]}
    async with service(run, made=[queue], reconnect_interval=0.1, **callbacks) as broker:
        broker.subscriber(queue)(inbox.put)
        await broker.start()
        await broker.publish("before", queue)
        same("the body", (await inbox.next()).body, b"before")
        await asyncio.to_thread(ask, "close-connections")
        async with asyncio.timeout(PATIENCE):
            await closed.wait()
            await back.wait()
            await broker.publish("after", queue)
        message = await inbox.next()
        if message.raw_message.redelivered:  # its acknowledgement was overtaken
            message = await inbox.next()
        same("the body", message.body, b"after")


async def blocked(run: Run) -> None:
    """aiormq tells of the alarm in its log; what is published meanwhile is confirmed when it is over."""
    queue = run.name("queue")
    async with service(run, made=[queue]) as broker:
        await broker.start()
        await broker.declare_queue(RabbitQueue(queue))
        begun, over = Heard("was blocked"), Heard("was unblocked")
        await asyncio.to_thread(ask, "block")
        publishing = asyncio.create_task(broker.publish("while blocked", queue))
        await begun.wait()
        await asyncio.to_thread(ask, "unblock")
        await over.wait()
        async with asyncio.timeout(PATIENCE):
            await publishing
        same("messages", await count(run, queue), 1)


async def tls(run: Run) -> None:
    queue = run.name("queue")
    inbox = Inbox()
    trusting = BaseSecurity(ssl.create_default_context(cafile=run.ca_file), use_ssl=True)
    async with service(run, run.tls_url, made=[queue], security=trusting) as broker:
        broker.subscriber(queue)(inbox.put)
        await broker.start()
        body = scenario.large_body(3)[:100_000]
        await broker.publish(body, queue)
        assert (await inbox.next()).body == body, "100,000 octets differ"
    distrusting = BaseSecurity(ssl.create_default_context(), use_ssl=True)
    reason = await refusal(RabbitBroker(run.tls_url, security=distrusting, logger=QUIET))
    assert "CERTIFICATE_VERIFY_FAILED" in reason, reason


SCENARIOS: dict[str, Callable[[Run], None]] = {
    "connect-options": playing(connect_options),
    "declare-bind": playing(declare_bind),
    "publish-consume": playing(publish_consume),
    "header-types": playing(header_types),
    "confirms": playing(confirms),
    "mandatory": playing(mandatory),
    "get": playing(get),
    "requeue": playing(requeue),
    "prefetch": playing(prefetch),
    "exclusive": playing(exclusive),
    "cancel": playing(cancel),
    "reply-to": playing(reply_to),
    "large-message": playing(large_message),
    "heartbeats": playing(heartbeats),
    "reconnect": playing(reconnect),
    "blocked": playing(blocked),
    "tls": playing(tls),
}

if __name__ == "__main__":
    main(SCENARIOS)
