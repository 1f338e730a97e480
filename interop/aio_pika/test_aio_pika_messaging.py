"""aio-pika's everyday use: robust connections, confirmed publishes, consuming by iteration, `message.process()`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import aio_pika
import aiormq
import pytest
from aio_pika.abc import (
    AbstractIncomingMessage,
    AbstractQueue,
    AbstractRobustChannel,
    AbstractRobustConnection,
)

pytestmark = pytest.mark.timeout(60)

Run = Callable[[Callable[[AbstractRobustConnection], Coroutine[Any, Any, None]]], None]
Unique = Callable[[str], str]


async def take(queue: AbstractQueue, count: int) -> list[AbstractIncomingMessage]:
    """Take that many messages by iteration and acknowledge each."""
    taken: list[AbstractIncomingMessage] = []
    async with queue.iterator() as messages:
        async for message in messages:
            async with message.process():
                taken.append(message)
            if len(taken) == count:
                break
    return taken


async def open_queue(connection: AbstractRobustConnection) -> tuple[AbstractRobustChannel, AbstractQueue]:
    """Open a channel and declare a server-named queue that goes with the connection."""
    channel = await connection.channel()
    assert isinstance(channel, AbstractRobustChannel)
    return channel, await channel.declare_queue(exclusive=True)


def test_confirmed_publishes_arrive_by_iteration_in_order(run: Run) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        channel, queue = await open_queue(connection)
        await channel.set_qos(prefetch_count=10)
        for number in range(50):
            confirmation = await channel.default_exchange.publish(
                aio_pika.Message(b"%d" % number, delivery_mode=aio_pika.DeliveryMode.PERSISTENT), queue.name
            )
            assert isinstance(confirmation, aiormq.spec.Basic.Ack)
        assert [message.body for message in await take(queue, 50)] == [b"%d" % number for number in range(50)]
        assert (await queue.declare()).message_count == 0

    run(scenario)


def test_many_publishes_in_flight_are_each_confirmed(run: Run) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        channel, queue = await open_queue(connection)
        await asyncio.gather(
            *(channel.default_exchange.publish(aio_pika.Message(b"%d" % n), queue.name) for n in range(500))
        )
        assert (await queue.declare()).message_count == 500

    run(scenario)


def test_an_unroutable_publish_gives_the_returned_message(run: Run, unique: Unique) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        channel = await connection.channel()
        key = unique("nowhere")
        returned = await channel.default_exchange.publish(aio_pika.Message(b"lost"), key)
        assert isinstance(returned, aiormq.abc.DeliveredMessage)
        assert isinstance(returned.delivery, aiormq.spec.Basic.Return)
        assert (returned.delivery.reply_code, returned.delivery.reply_text) == (312, "NO_ROUTE")
        assert (returned.delivery.routing_key, returned.body) == (key, b"lost")

    run(scenario)


def test_an_unroutable_publish_raises_where_the_channel_asks_for_it(run: Run, unique: Unique) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        channel = await connection.channel(on_return_raises=True)
        with pytest.raises(aio_pika.exceptions.DeliveryError):
            await channel.default_exchange.publish(aio_pika.Message(b"lost"), unique("nowhere"))

    run(scenario)


def test_a_failed_process_block_requeues_the_message(run: Run) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        channel, queue = await open_queue(connection)
        await channel.default_exchange.publish(aio_pika.Message(b"job"), queue.name)
        attempts: list[bool | None] = []
        async with queue.iterator() as messages:
            async for message in messages:
                attempts.append(message.redelivered)
                try:
                    async with message.process(requeue=True):
                        if len(attempts) < 3:
                            raise LookupError("try again")
                except LookupError:
                    continue
                break
        assert attempts == [False, True, True]

    run(scenario)


def test_a_failed_process_block_without_requeue_dead_letters(run: Run) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        channel, graveyard = await open_queue(connection)
        queue = await channel.declare_queue(
            exclusive=True,
            arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": graveyard.name},
        )
        await channel.default_exchange.publish(aio_pika.Message(b"poison"), queue.name)
        message = await queue.get(timeout=10)
        with pytest.raises(LookupError):
            async with message.process():
                raise LookupError("broken")
        [buried] = await take(graveyard, 1)
        assert buried.body == b"poison"
        assert buried.headers["x-first-death-reason"] == "rejected"

    run(scenario)


def test_get_on_an_empty_queue_gives_nothing(run: Run) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        _, queue = await open_queue(connection)
        assert await queue.get(fail=False) is None
        with pytest.raises(aio_pika.exceptions.QueueEmpty):
            await queue.get()

    run(scenario)


def test_properties_and_headers_arrive_as_they_were_sent(run: Run) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        channel, queue = await open_queue(connection)
        sent_at = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
        # pamqp 3.3 cannot write integers from -128 to -1.
        table = {"l": [1, "x"]}
        headers: dict[str, Any] = {"text": "zażółć", "n": -129, "big": 2**40, "f": 0.25, "b": True, "t": table}
        sent = aio_pika.Message(
            b"body",
            headers=headers,
            content_type="text/plain",
            content_encoding="utf-8",
            priority=3,
            correlation_id="corr",
            reply_to="reply",
            expiration=60,
            message_id="id",
            timestamp=sent_at,
            type="kind",
            user_id="guest",
            app_id="interop",
        )
        await channel.default_exchange.publish(sent, queue.name)
        [received] = await take(queue, 1)
        assert dict(received.headers) == headers
        for field in ("content_type", "content_encoding", "priority", "correlation_id", "reply_to", "message_id"):
            assert getattr(received, field) == getattr(sent, field), field
        for field in ("expiration", "timestamp", "type", "user_id", "app_id"):
            assert getattr(received, field) == getattr(sent, field), field

    run(scenario)


def test_a_headers_exchange_routes_by_all_or_any(run: Run, unique: Unique) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        channel, every = await open_queue(connection)
        some = await channel.declare_queue(exclusive=True)
        exchange = await channel.declare_exchange(
            unique("headers"), aio_pika.ExchangeType.HEADERS, auto_delete=True
        )
        await every.bind(exchange, arguments={"x-match": "all", "kind": "report", "pages": 2})
        await some.bind(exchange, arguments={"x-match": "any", "kind": "report", "pages": 2})
        await exchange.publish(aio_pika.Message(b"both", headers={"kind": "report", "pages": 2}), "")
        await exchange.publish(aio_pika.Message(b"one", headers={"kind": "report", "pages": 9}), "")
        assert [message.body for message in await take(some, 2)] == [b"both", b"one"]
        assert [message.body for message in await take(every, 1)] == [b"both"]
        assert await every.get(fail=False) is None

    run(scenario)


def test_exchanges_can_be_bound_to_exchanges(run: Run, unique: Unique) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        channel, queue = await open_queue(connection)
        source = await channel.declare_exchange(unique("topic"), aio_pika.ExchangeType.TOPIC, auto_delete=True)
        inner = await channel.declare_exchange(unique("fanout"), aio_pika.ExchangeType.FANOUT, auto_delete=True)
        await inner.bind(source, "orders.#")
        await queue.bind(inner)
        await source.publish(aio_pika.Message(b"through"), "orders.new")
        assert [message.body for message in await take(queue, 1)] == [b"through"]

    run(scenario)


def test_many_channels_work_at_the_same_time(run: Run) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        async def round_trip(number: int) -> list[bytes]:
            channel, queue = await open_queue(connection)
            bodies = [b"%d-%d" % (number, n) for n in range(20)]
            for body in bodies:
                await channel.default_exchange.publish(aio_pika.Message(body), queue.name)
            received = [message.body for message in await take(queue, 20)]
            await channel.close()
            return received

        results = await asyncio.gather(*(round_trip(number) for number in range(20)))
        assert results == [[b"%d-%d" % (number, n) for n in range(20)] for number in range(20)]

    run(scenario)


def test_a_large_body_arrives_whole(run: Run) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        channel, queue = await open_queue(connection)
        body = bytes(range(256)) * 20_000
        await channel.default_exchange.publish(aio_pika.Message(body), queue.name)
        [received] = await take(queue, 1)
        assert received.body == body

    run(scenario)


def test_a_transaction_publishes_at_its_commit_and_never_after_a_rollback(run: Run) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        _, queue = await open_queue(connection)
        channel = await connection.channel(publisher_confirms=False)
        async with channel.transaction():
            await channel.default_exchange.publish(aio_pika.Message(b"kept"), queue.name)
        transaction = channel.transaction()
        await transaction.select()
        await channel.default_exchange.publish(aio_pika.Message(b"forgotten"), queue.name)
        await transaction.rollback()
        assert (await queue.get(no_ack=True)).body == b"kept"
        assert await queue.get(fail=False) is None

    run(scenario)


def test_a_channel_error_is_an_exception_with_its_text_and_the_connection_goes_on(run: Run, unique: Unique) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        missing = unique("missing")
        channel = await connection.channel()
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity) as refused:
            await channel.declare_queue(missing, passive=True)
        assert str(refused.value) == f"NOT_FOUND - no queue '{missing}' in vhost '/'"
        other, queue = await open_queue(connection)
        await other.default_exchange.publish(aio_pika.Message(b"alive"), queue.name)
        assert (await queue.get(no_ack=True)).body == b"alive"

    run(scenario)


def test_a_wrong_password_is_refused(broker_url: str) -> None:
    url = aio_pika.connection.make_url(broker_url).with_password("wrong")
    with pytest.raises(aio_pika.exceptions.AMQPConnectionError) as refused:
        asyncio.run(aio_pika.connect(url))
    assert "ACCESS_REFUSED" in str(refused.value)
