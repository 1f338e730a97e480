"""taskiq brokers of the driver's, their receivers and results; what they declared is deleted."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aio_pika
from aio_pika.exceptions import AMQPError
from taskiq.api import run_receiver_task
from taskiq.brokers.inmemory_broker import InmemoryResultBackend
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue, QueueType

from interop.matrix.driver import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from interop.matrix.driver import Run


def queue(name: str, **options: Any) -> Queue:
    """Return a classic queue."""
    return Queue(name=name, type=QueueType.CLASSIC, **options)


def new_broker(run: Run, url: str = "", **options: Any) -> AioPikaBroker:
    """Return a broker with one task queue, a delay queue and a dead-letter queue, unless the options say otherwise."""
    options.setdefault("exchange", Exchange(name=run.name("exchange")))
    options.setdefault("task_queues", [queue(run.name("tasks"))])
    options.setdefault("delay_queue", queue(run.name("delay")))
    broker = AioPikaBroker(
        url or run.url,
        dead_letter_queue=queue(run.name("dead")),
        **options,
    )
    return broker.with_result_backend(InmemoryResultBackend(max_stored_results=-1))


@asynccontextmanager
async def started(run: Run, broker: AioPikaBroker) -> AsyncIterator[AioPikaBroker]:
    """Yield a broker that sends and receives; delete what it declared afterwards."""
    broker.is_worker_process = True
    try:
        await broker.startup()
        yield broker
    finally:
        await broker.shutdown()
        connection = await aio_pika.connect(run.url)
        async with connection, connection.channel() as channel:
            for word in ("tasks", "dead", "delay", "by-key", "by-nothing", "by-pattern", "by-headers"):
                await channel.queue_delete(run.name(word))
            for word in ("exchange", "direct", "fanout", "topic", "headers-exchange"):
                await channel.exchange_delete(run.name(word))


@asynccontextmanager
async def receiving(broker: AioPikaBroker, **options: Any) -> AsyncIterator[None]:
    """Run a receiver."""
    receiver = asyncio.create_task(run_receiver_task(broker, **options))
    try:
        yield
    finally:
        receiver.cancel()
        with suppress(asyncio.CancelledError):
            await receiver


@asynccontextmanager
async def working(run: Run, url: str = "", **options: Any) -> AsyncIterator[AioPikaBroker]:
    """Yield a broker that sends, and whose tasks are done."""
    async with started(run, new_broker(run, url, **options)) as broker, receiving(broker):
        yield broker


async def echo(value: Any) -> Any:
    """Be a task that gives back what it gets."""
    return value


async def result(task: Any) -> Any:
    """Return the result of a task that was sent."""
    done = await task.wait_result(check_interval=0.02, timeout=PATIENCE)
    done.raise_for_error()
    return done.return_value


async def declared(run: Run, name: str) -> Any:
    """Tell of a queue what another connection sees of it: its counts."""
    connection = await aio_pika.connect(run.url)
    async with connection, connection.channel() as channel:
        seen = await channel.declare_queue(name, passive=True)
        return seen.declaration_result


async def waiting(run: Run, word: str = "tasks") -> int:
    """Tell how many messages wait in a queue."""
    count: int = (await declared(run, run.name(word))).message_count
    return count


async def refusal(broker: AioPikaBroker) -> str:
    """Return what taskiq reports when it cannot connect."""
    try:
        await broker.startup()
    except (AMQPError, OSError) as error:
        return f"{error!r} {error.__cause__!r}"
    finally:
        await broker.shutdown()
    raise AssertionError("not refused")
