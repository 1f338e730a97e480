"""The scenarios that taskiq can do on taskiq-aio-pika, with its receiver in this process: `driver.py SCENARIO`."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import aio_pika
from aiormq.exceptions import ChannelPreconditionFailed
from taskiq import Context, SendTaskError, SmartRetryMiddleware, TaskiqDepends
from taskiq.acks import AcknowledgeType
from taskiq_aio_pika import Exchange, Queue
from taskiq_aio_pika.exceptions import QueueNotDeclaredError

from interop.frameworks import scenario
from interop.frameworks.asynchronous import Heard, playing
from interop.matrix.driver import PATIENCE, Run, ask, main, same
from interop.taskiq.application import (
    declared,
    echo,
    new_broker,
    queue,
    receiving,
    refusal,
    result,
    started,
    waiting,
    working,
)

if TYPE_CHECKING:
    from collections.abc import Callable


async def connect_options(run: Run) -> None:
    properties = {"connection_name": run.prefix}
    # aio-pika takes over what the broker offers for frames and channels.
    async with working(run, f"{run.url}?heartbeat=30", client_properties=properties) as broker:
        task = broker.register_task(echo, task_name="echo")
        same("the result", await result(await task.kiq("with options")), "with options")
        assert broker.write_conn is not None
        first, second = await broker.write_conn.channel(), await broker.write_conn.channel()
        await first.declare_queue(run.name("by-key"))
        seen = await second.declare_queue(run.name("by-key"), passive=True)
        same("messages", seen.declaration_result.message_count, 0)
    password, host = scenario.refused_urls(run)
    # Of the missing virtual host aiormq knows no more than that the broker has closed the connection.
    for url, word in ((password, "ACCESS_REFUSED"), (host, "Connection.Close")):
        reason = await refusal(new_broker(run, url))
        assert word in reason, reason


async def declare_bind(run: Run) -> None:
    """Task queues behind each type of exchange; a task is done, or not, as its label routes it."""
    red = {"x-match": "any", "colour": "red", "size": "3"}  # taskiq's labels travel as texts
    ways: list[tuple[str, Queue, dict[str, Any], dict[str, Any] | None]] = [
        ("direct", queue(run.name("by-key"), routing_key="key"), {"queue_name": "key"}, None),
        ("fanout", queue(run.name("by-nothing")), {"queue_name": "any"}, None),
        ("topic", queue(run.name("by-pattern"), routing_key="a.*.#"), {"queue_name": "a.b.c"}, {"queue_name": "a"}),
        (
            "headers",
            queue(run.name("by-headers"), bind_arguments=red),
            {"queue_name": "", "colour": "red", "size": 4},
            {"queue_name": "", "colour": "blue", "size": 4},
        ),
    ]
    for kind, task_queue, arrives, astray in ways:
        name = run.name("headers-exchange" if kind == "headers" else kind)
        exchange = Exchange(name=name, type=aio_pika.ExchangeType(kind))
        # With a single queue taskiq takes that queue's key, whatever the label says.
        queues = [task_queue, queue(run.name("tasks"), routing_key="other", bind_arguments={"x-match": "all", "no": 1})]
        async with started(run, new_broker(run, exchange=exchange, task_queues=queues)) as broker:
            task = broker.register_task(echo, task_name="echo")
            if astray is not None:
                await task.kicker().with_labels(**astray).kiq("astray")
                same(f"astray by {kind}", (await declared(run, task_queue.name)).message_count, 0)
            sent = await task.kicker().with_labels(**arrives).kiq(kind)
            same(f"arrived by {kind}", (await declared(run, task_queue.name)).message_count, 1)
            async with receiving(broker):
                same("the result", await result(sent), kind)
    other = new_broker(run, task_queues=[queue(run.name("tasks"), arguments={"x-max-length": 5})])
    missing = new_broker(run, task_queues=[queue(run.name("missing"), declare=False)], delay_queue=None)
    async with started(run, new_broker(run)):
        for broker, error in ((other, ChannelPreconditionFailed), (missing, QueueNotDeclaredError)):
            try:
                with suppress(error):
                    await broker.startup()
                    raise AssertionError(f"not refused: expected {error.__name__}")
            finally:
                await broker.shutdown()


async def publish_consume(run: Run) -> None:
    """Tasks with every octet, with priorities, and with a delay through the delay queue."""
    order: list[int] = []

    async def note(number: int) -> None:
        order.append(number)

    async with started(run, new_broker(run, task_queues=[queue(run.name("tasks"), max_priority=9)])) as broker:
        noting = broker.register_task(note, task_name="note")
        sent = [await noting.kicker().with_labels(priority=number).kiq(number) for number in range(6)]
        same("messages", await waiting(run), 6)
        async with receiving(broker, max_async_tasks=1):
            for each in sent:
                await result(each)
            same("by priority", order, [5, 4, 3, 2, 1, 0])
            task = broker.register_task(echo, task_name="echo")
            for value in (scenario.EVERY_OCTET.decode("latin-1"), "", "größer als ∞", {"größe": [1, None]}):
                same("the result", await result(await task.kiq(value)), value)
            later = await noting.kicker().with_labels(delay=0.3).kiq(100)
            same("delayed messages", await waiting(run, "delay"), 1)
            await result(await noting.kiq(99))
            await result(later)
            same("the order", order[-2:], [99, 100])
            many = await asyncio.gather(*(task.kiq(number) for number in range(100)))
            same("a hundred", [await result(each) for each in many], list(range(100)))
        same("messages", [await waiting(run), await waiting(run, "delay"), await waiting(run, "dead")], [0, 0, 0])


async def header_types(run: Run) -> None:
    """Labels are headers: texts that taskiq gives their types back. The runner's message is no task."""
    labels: dict[str, Any] = {
        "text": "größer",
        "empty": "",
        "long": "é" * 300,
        "true": True,
        "false": False,
        "number": -(2**63),
        "float": 0.1,
        "octets": b"\0\xff",
    }

    async def tell(context: Annotated[Context, TaskiqDepends()]) -> dict[str, Any]:
        seen: dict[str, Any] = context.message.labels
        return seen

    async with working(run) as broker:
        task = broker.register_task(tell, task_name="tell")
        same("the labels", await result(await task.kicker().with_labels(**labels).kiq()), labels)


async def confirms(run: Run) -> None:
    """Send 200 at a time, each confirmed; see one refused."""
    async with started(run, new_broker(run)) as broker:
        task = broker.register_task(echo, task_name="echo")
        await asyncio.gather(*(task.kiq(number) for number in range(200)))
        same("messages", await waiting(run), 200)
    full = {"x-max-length": 0, "x-overflow": "reject-publish"}
    async with started(run, new_broker(run, task_queues=[queue(run.name("tasks"), arguments=full)])) as broker:
        task = broker.register_task(echo, task_name="echo")
        with suppress(SendTaskError):
            await task.kiq("one too many")
            raise AssertionError("a full queue has taken a task")


async def mandatory(run: Run) -> None:
    """The task that no queue takes comes back to the broker's channel, the other does not."""
    queues = [queue(run.name("tasks")), queue(run.name("by-key"))]
    async with started(run, new_broker(run, task_queues=queues)) as broker:
        returned: list[Any] = []
        assert broker.write_channel is not None
        broker.write_channel.return_callbacks.add(lambda _channel, message: returned.append(message))
        task = broker.register_task(echo, task_name="echo")
        sent = await task.kicker().with_labels(queue_name=run.name("nowhere")).kiq("astray")
        await task.kicker().with_labels(queue_name=run.name("tasks")).kiq("routed")
        [message] = returned
        came = (message.exchange, message.routing_key, message.headers["task_id"])
        same("what came back", came, (run.name("exchange"), run.name("nowhere"), sent.task_id))
        same("messages", await waiting(run), 1)


async def requeue(run: Run) -> None:
    """Tasks that requeue themselves and are tried again; what a receiver has not acknowledged comes again."""
    attempts: list[str] = []

    async def again(context: Annotated[Context, TaskiqDepends()]) -> str:
        count = str(context.message.labels.get("X-Taskiq-requeue", "0"))
        if count != "2":
            await context.requeue()
        return count

    async def flaky(name: str, failures: int) -> str:
        attempts.append(name)
        if attempts.count(name) <= failures:
            raise ValueError(name)
        return name

    reached = asyncio.Event()

    async def held(name: str) -> str:
        reached.set()
        if name not in attempts:
            attempts.append(name)
            await asyncio.Event().wait()
        return name

    broker = new_broker(run).with_middlewares(SmartRetryMiddleware(default_retry_count=4, default_delay=0.05))
    async with started(run, broker):
        requeueing = broker.register_task(again, task_name="again")
        retrying = broker.register_task(flaky, task_name="flaky", retry_on_error=True)
        async with receiving(broker, ack_time=AcknowledgeType.WHEN_SAVED):
            same("requeued", await result(await requeueing.kiq()), "2")
            same("tried again", await result(await retrying.kiq("a", 2)), "a")
            same("attempts", attempts, ["a", "a", "a"])
            with suppress(ValueError):
                await result(await retrying.kiq("b", 9))
                raise AssertionError("a task that always fails has a result")
            same("attempts", attempts, ["a", "a", "a", "b", "b", "b", "b"])
    # A receiver that dies amid a task has not acknowledged it: it waits for the next one.
    dying, second = new_broker(run), new_broker(run)
    async with started(run, second):
        holding = second.register_task(held, task_name="held")
        dying.is_worker_process = True
        dying.register_task(held, task_name="held")
        await dying.startup()
        async with receiving(dying):
            sent = await holding.kiq("c")
            async with asyncio.timeout(PATIENCE):
                await reached.wait()
            await dying.shutdown()
        same("messages", await waiting(run), 1)
        async with receiving(second):
            same("the result", await result(sent), "c")


async def prefetch(run: Run) -> None:
    """With `qos` 3 a receiver holds three tasks of ten, and one more for each that is done."""
    begun: asyncio.Queue[int] = asyncio.Queue()
    gate = asyncio.Semaphore(0)

    async def hold(number: int) -> int:
        await begun.put(number)
        await gate.acquire()
        return number

    async with started(run, new_broker(run, qos=3)) as broker:
        task = broker.register_task(hold, task_name="hold")
        sent = [await task.kiq(number) for number in range(10)]
        async with receiving(broker), asyncio.timeout(PATIENCE):
            for _ in range(3):
                await begun.get()
            for left in range(7, 0, -1):
                same("messages that wait", await waiting(run), left)
                assert begun.empty(), "more than three tasks have begun"
                gate.release()
                await begun.get()
            same("messages that wait", await waiting(run), 0)
            for _ in range(3):
                gate.release()
            same("the results", [await result(each) for each in sent], list(range(10)))


async def cancel(run: Run) -> None:
    """Without a receiver a task waits; of a consumer that the broker has cancelled aiormq's log tells."""
    cancelled = Heard("cancelled by the broker")
    async with started(run, new_broker(run)) as broker:
        task = broker.register_task(echo, task_name="echo")
        async with receiving(broker):
            same("the result", await result(await task.kiq("first")), "first")
        second = await task.kiq("second")
        same("messages and consumers", await counts(run), (1, 0))
        async with receiving(broker):
            same("the result", await result(second), "second")
            connection = await aio_pika.connect(run.url)
            async with connection, connection.channel() as channel:
                await channel.queue_delete(run.name("tasks"))
            await cancelled.wait()


async def counts(run: Run) -> tuple[int, int]:
    """Tell how many messages and consumers the task queue has."""
    seen = await declared(run, run.name("tasks"))
    return seen.message_count, seen.consumer_count


async def large_message(run: Run) -> None:
    """Texts of 10 MB: taskiq sends JSON."""
    async with working(run) as broker:
        task = broker.register_task(echo, task_name="echo")
        for seed in (1, 2):
            text = scenario.large_body(seed).decode("latin-1")
            assert await result(await task.kiq(text)) == text, "10 MB differ"


async def heartbeats(run: Run) -> None:
    async with working(run, f"{run.url}?heartbeat=1") as broker:
        task = broker.register_task(echo, task_name="echo")
        closed: list[object] = []
        for connection in (broker.write_conn, broker.read_conn):
            assert connection is not None
            connection.close_callbacks.add(lambda *_: closed.append("closed"))
        await asyncio.sleep(4)
        same("closed connections", closed, [])
        same("the result", await result(await task.kiq("after")), "after")


async def reconnect(run: Run) -> None:
    """All connections are closed: sender and receiver come back by themselves."""
    async with working(run, reconnect_interval=0.1) as broker:
        task = broker.register_task(echo, task_name="echo")
        same("the result", await result(await task.kiq("before")), "before")
        back = [asyncio.Event(), asyncio.Event()]
        for connection, event in zip((broker.write_conn, broker.read_conn), back, strict=True):
            assert connection is not None
            connection.reconnect_callbacks.add(lambda *_, event=event: event.set())
        await asyncio.to_thread(ask, "close-connections")
        async with asyncio.timeout(PATIENCE):
            for event in back:
                await event.wait()
        same("the result", await result(await task.kiq("after")), "after")


async def blocked(run: Run) -> None:
    """aiormq tells of the alarm in its log; what is sent meanwhile is done when it is over."""
    async with working(run) as broker:
        task = broker.register_task(echo, task_name="echo")
        begun, over = Heard("was blocked"), Heard("was unblocked")
        await asyncio.to_thread(ask, "block")
        sending = asyncio.create_task(task.kiq("while blocked"))
        await begun.wait()
        await asyncio.to_thread(ask, "unblock")
        await over.wait()
        async with asyncio.timeout(PATIENCE):
            same("the result", await result(await sending), "while blocked")


async def tls(run: Run) -> None:
    trusting = ssl.create_default_context(cafile=run.ca_file)
    async with working(run, run.tls_url, ssl_context=trusting) as broker:
        task = broker.register_task(echo, task_name="echo")
        text = scenario.large_body(3)[:100_000].decode("latin-1")
        assert await result(await task.kiq(text)) == text, "100,000 octets differ"
    reason = await refusal(new_broker(run, run.tls_url, ssl_context=ssl.create_default_context()))
    assert "CERTIFICATE_VERIFY_FAILED" in reason, reason


SCENARIOS: dict[str, Callable[[Run], None]] = {
    "connect-options": playing(connect_options),
    "declare-bind": playing(declare_bind),
    "publish-consume": playing(publish_consume),
    "header-types": playing(header_types),
    "confirms": playing(confirms),
    "mandatory": playing(mandatory),
    "requeue": playing(requeue),
    "prefetch": playing(prefetch),
    "cancel": playing(cancel),
    "large-message": playing(large_message),
    "heartbeats": playing(heartbeats),
    "reconnect": playing(reconnect),
    "blocked": playing(blocked),
    "tls": playing(tls),
}

if __name__ == "__main__":
    main(SCENARIOS)
