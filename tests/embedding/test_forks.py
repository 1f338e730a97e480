"""A program that forks while its broker runs: the child keeps nothing of it."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess

import pika
import pytest

import amqpd as package
from amqpd.server.listeners import listen
from amqpd.testing.broker import EmbeddedBroker
from conformance.client import Connection

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")


@pytest.fixture
def fork() -> Iterator[Callable[[Callable[[], None]], BaseProcess]]:
    """Start a forked child; it has ended with the test."""
    children: list[BaseProcess] = []

    def start(target: Callable[[], None]) -> BaseProcess:
        child = multiprocessing.get_context("fork").Process(target=target)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and later warn of forks beside threads
            child.start()
        children.append(child)
        return child

    yield start
    for child in children:
        child.terminate()
        child.join()


def test_a_forked_child_ends_cleanly(fork: Callable[[Callable[[], None]], BaseProcess]) -> None:
    with package.run_in_thread() as broker:
        child = fork(lambda: None)
        child.join()
        assert child.exitcode == 0
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            assert connection.is_open


def test_a_child_that_outlives_the_broker_keeps_no_client_waiting(
    fork: Callable[[Callable[[], None]], BaseProcess],
) -> None:
    """The child sleeps on; the parent's client sees the end of its connection, and the port is free."""
    reading, writing = multiprocessing.Pipe(duplex=False)
    with package.run_in_thread() as broker:
        dropped, told = (Connection("127.0.0.1", broker.port).handshake() for _ in range(2))

        def wait_for_the_end() -> None:
            reading.poll(None)

        fork(wait_for_the_end)
        broker.faults.drop(broker.connections()[0].name)
        assert dropped.read_until_dropped() == b""
        port = broker.port
    with told.refused(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"):
        pass
    dropped.abort()
    listen("127.0.0.1", port).close()
    writing.send(None)
    writing.close()
    reading.close()


def test_a_child_may_leave_the_block_of_its_parents_broker(fork: Callable[[Callable[[], None]], BaseProcess]) -> None:
    """Leaving it in the child stops nothing: the broker goes on in the parent."""
    running = package.run_in_thread()
    broker = running.__enter__()
    try:

        def leave() -> None:
            running.__exit__(None, None, None)

        child = fork(leave)
        child.join()
        assert child.exitcode == 0
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            assert connection.is_open
    finally:
        running.__exit__(None, None, None)


def test_a_child_may_run_a_broker_of_its_own(
    amqpd: EmbeddedBroker, fork: Callable[[Callable[[], None]], BaseProcess]
) -> None:
    def run_another() -> None:
        with package.run_in_thread() as broker, pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            connection.channel().queue_declare("of the child")

    child = fork(run_another)
    child.join()
    assert child.exitcode == 0
    assert amqpd.queues() == []
