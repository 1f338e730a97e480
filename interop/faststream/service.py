"""FastStream services of the driver's: they are stopped and what they made is deleted; what is refused to them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aio_pika
from aio_pika.exceptions import AMQPError
from faststream.rabbit import RabbitBroker, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage

from interop.matrix.driver import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from interop.matrix.driver import Run

QUIET = logging.getLogger("quiet")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False


@asynccontextmanager
async def service(run: Run, url: str = "", *, made: Iterable[str] = (), **options: Any) -> AsyncIterator[RabbitBroker]:
    """Yield a broker that is not started yet; stop it and delete those queues and exchanges afterwards."""
    broker = RabbitBroker(url or run.url, logger=QUIET, **options)
    try:
        yield broker
    finally:
        await broker.stop()
        connection = await aio_pika.connect(run.url)
        async with connection, connection.channel() as channel:
            for name in made:
                await channel.queue_delete(name)
                await channel.exchange_delete(name)


class Inbox:
    """What subscribers have seen, in order."""

    def __init__(self) -> None:
        self._seen: asyncio.Queue[RabbitMessage] = asyncio.Queue()

    async def put(self, message: RabbitMessage) -> None:
        """Be the handler of a subscriber."""
        await self._seen.put(message)

    async def next(self) -> Any:
        """Return what was seen next."""
        async with asyncio.timeout(PATIENCE):
            return await self._seen.get()

    def empty(self) -> bool:
        """Tell whether everything was asked for."""
        return self._seen.empty()


async def count(run: Run, name: str) -> int:
    """Tell how many messages wait in a queue, as another connection sees it."""
    connection = await aio_pika.connect(run.url)
    async with connection, connection.channel() as channel:
        queue = await channel.declare_queue(name, passive=True)
        return queue.declaration_result.message_count or 0


async def refusal(broker: RabbitBroker) -> str:
    """Return what FastStream reports when it cannot connect."""
    try:
        await broker.start()
    except (AMQPError, OSError) as error:
        return f"{error!r} {error.__cause__!r}"
    finally:
        await broker.stop()
    raise AssertionError("not refused")


async def refused(run: Run, queue: RabbitQueue, error: type[Exception]) -> None:
    """Expect the declaration of another service to be refused."""
    async with service(run) as other:
        await other.start()
        with suppress(error):
            await other.declare_queue(queue)
            raise AssertionError(f"not refused: expected {error.__name__} for {queue.name!r}")
