"""aio-pika's ready-made patterns: remote procedure calls and master/worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aio_pika.abc import AbstractRobustConnection
from aio_pika.exceptions import MessageProcessError
from aio_pika.patterns import RPC, JsonMaster, RejectMessage

pytestmark = pytest.mark.timeout(60)

Run = Callable[[Callable[[AbstractRobustConnection], Coroutine[Any, Any, None]]], None]
Unique = Callable[[str], str]


async def multiply(*, x: int, y: int) -> int:
    """Give the product, or fail as an ordinary function fails."""
    if y == 0:
        raise ZeroDivisionError("not zero, please")
    return x * y


def test_calls_return_results_and_raise_the_errors_of_the_other_side(run: Run, unique: Unique) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        server = await RPC.create(await connection.channel())
        client = await RPC.create(await connection.channel())
        name = unique("multiply")
        await server.register(name, multiply, auto_delete=True)
        assert await client.call(name, {"x": 6, "y": 7}) == 42
        with pytest.raises(ZeroDivisionError, match="not zero, please"):
            await client.call(name, {"x": 1, "y": 0})
        products = await asyncio.gather(*(client.call(name, {"x": n, "y": 2}) for n in range(50)))
        assert products == [2 * n for n in range(50)]
        await server.unregister(multiply)
        await client.close()
        await server.close()

    run(scenario)


def test_a_call_that_nobody_serves_comes_back_as_an_error(run: Run, unique: Unique) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        client = await RPC.create(await connection.channel())
        with pytest.raises(MessageProcessError, match="Message has been returned"):
            await client.call(unique("nobody"), {})
        await client.close()

    run(scenario)


def test_a_call_that_expires_in_its_queue_comes_back_as_a_timeout(run: Run, unique: Unique) -> None:
    """The expired call reaches the caller through the pattern's dead-letter exchange of type headers."""

    async def scenario(connection: AbstractRobustConnection) -> None:
        client = await RPC.create(await connection.channel())
        name = unique("idle")
        channel = await connection.channel()
        queue = await channel.declare_queue(name, arguments={"x-dead-letter-exchange": RPC.DLX_NAME}, exclusive=True)
        with pytest.raises(asyncio.TimeoutError):
            await client.call(name, {}, expiration=1)
        await queue.delete()
        await client.close()

    run(scenario)


def test_a_master_spreads_tasks_over_its_workers(run: Run, unique: Unique) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        name = unique("tasks")
        finished: dict[str, list[int]] = {"a": [], "b": []}
        complete = asyncio.Event()

        def work_for(worker: str) -> Callable[..., Coroutine[Any, Any, None]]:
            async def work(*, task: int) -> None:
                finished[worker].append(task)
                if sum(map(len, finished.values())) == 40:
                    complete.set()

            return work

        workers = []
        for worker in finished:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            workers.append(await JsonMaster(channel).create_worker(name, work_for(worker), auto_delete=True))
        master = JsonMaster(await connection.channel())
        for task in range(40):
            await master.create_task(name, {"task": task})
        await complete.wait()
        assert sorted(finished["a"] + finished["b"]) == list(range(40))
        for active in workers:
            await active.close()

    run(scenario)


def test_a_task_that_fails_is_tried_again_and_one_that_is_rejected_is_not(
    run: Run, unique: Unique
) -> None:
    async def scenario(connection: AbstractRobustConnection) -> None:
        name = unique("tasks")
        attempts: list[str] = []
        complete = asyncio.Event()

        async def work(*, task: str) -> None:
            attempts.append(task)
            if task == "poison":
                raise RejectMessage(requeue=False)
            if attempts.count(task) < 3:
                raise LookupError("try again")
            complete.set()

        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)
        worker = await JsonMaster(channel).create_worker(name, work, auto_delete=True)
        master = JsonMaster(await connection.channel())
        await master.create_task(name, {"task": "poison"})
        await master.create_task(name, {"task": "flaky"})
        await complete.wait()
        await worker.close()
        assert attempts == ["poison", "flaky", "flaky", "flaky"]

    run(scenario)
