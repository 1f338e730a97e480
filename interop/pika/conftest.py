"""Connections, topology and an event pump for the tests with pika's blocking adapter."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pika
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Connection = Any
Channel = Any

PUMP_DEADLINE = 30.0
"""Seconds after which a condition that the pump waits for counts as failed."""


@pytest.fixture
def parameters(broker_url: str) -> Any:
    """Connection parameters of the broker under test."""
    return pika.URLParameters(broker_url)


@pytest.fixture
def connect(parameters: Any) -> Iterator[Callable[[], Connection]]:
    """Return a function that opens one more connection; what is still open at the end of the test is closed."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(pika.BlockingConnection(parameters))


@pytest.fixture
def connection(connect: Callable[[], Connection]) -> Connection:
    """One open connection."""
    return connect()


@pytest.fixture
def channel(connection: Connection) -> Channel:
    """One open channel on `connection`."""
    return connection.channel()


@pytest.fixture
def declare_queue(parameters: Any, unique: Callable[[str], str]) -> Iterator[Callable[..., str]]:
    """Return a function that declares a uniquely named queue on a channel; the test's queues are deleted at its end."""
    declared: list[str] = []

    def declare(channel: Channel, name: str | None = None, **options: Any) -> str:
        queue = name or unique("queue")
        declared.append(queue)
        channel.queue_declare(queue, **options)
        return queue

    yield declare
    with pika.BlockingConnection(parameters) as cleaner:
        for queue in declared:
            cleaner.channel().queue_delete(queue)


@pytest.fixture
def declare_exchange(parameters: Any, unique: Callable[[str], str]) -> Iterator[Callable[..., str]]:
    """Return a function that declares a uniquely named exchange on a channel; all are deleted at the test's end."""
    declared: list[str] = []

    def declare(channel: Channel, exchange_type: str, name: str | None = None, **options: Any) -> str:
        exchange = name or unique(exchange_type)
        declared.append(exchange)
        channel.exchange_declare(exchange, exchange_type, **options)
        return exchange

    yield declare
    with pika.BlockingConnection(parameters) as cleaner:
        for exchange in declared:
            cleaner.channel().exchange_delete(exchange)


@pytest.fixture(scope="session")
def pump() -> Callable[..., None]:
    """Return a function that lets connections handle their events, in turn, until a condition holds."""

    def run(condition: Callable[[], bool], *connections: Connection) -> None:
        deadline = time.monotonic() + PUMP_DEADLINE
        while not condition():
            assert time.monotonic() < deadline, f"condition still false after {PUMP_DEADLINE} s"
            for connection in connections:
                connection.process_data_events(time_limit=0.02)

    return run


@pytest.fixture(scope="session")
def drain() -> Callable[[Channel, str], list[bytes]]:
    """Return a function that takes all ready messages of a queue and gives their bodies, acknowledged."""

    def bodies(channel: Channel, queue: str) -> list[bytes]:
        found: list[bytes] = []
        while True:
            method, _, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                return found
            found.append(body)

    return bodies
