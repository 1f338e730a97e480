"""The broker that real clients are pointed at, and names that collide with nothing on it.

Decides which broker the interoperability tests use: the one that ``AMQPD_TEST_BROKER`` names (an ``amqp://`` URL; any
RabbitMQ will do), else one of our own in a thread of this process; tests of delays run on amqpd and on RabbitMQ, each
the run's own. Refuses to know any client library.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from conformance.rabbitmq import Unavailable
from interop import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amqpd.broker.ports import Journal
    from amqpd.testing.broker import EmbeddedBroker

CONDITION_DEADLINE = 30.0
"""Seconds after which a condition that a test waits for counts as failed; only a failing test takes that long."""


@pytest.fixture(scope="session")
def broker_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the URL of the broker under test, with the default user and the default virtual host."""
    named = os.environ.get("AMQPD_TEST_BROKER")
    if named:
        yield named
        return
    from amqpd import run_in_thread  # only now: the tests also run where just another broker is there

    with run_in_thread(journal=chosen_journal(request.config)) as broker:
        yield broker.url


@pytest.fixture(scope="session", params=[timed.AMQPD, timed.RABBITMQ])
def timed_broker(request: pytest.FixtureRequest) -> Iterator[timed.TimedBroker]:
    """Yield amqpd, which answers like RabbitMQ 3.10 and does no more than that, and then a RabbitMQ node."""
    journal = chosen_journal(request.config)
    if request.param == timed.RABBITMQ and journal is not None:
        pytest.skip("RabbitMQ has no journal to choose: it is tested without --journal")
    with ExitStack() as stack:
        try:
            running = stack.enter_context(timed.running(request.param, journal))
        except Unavailable as reason:
            pytest.skip(str(reason))
        yield running


@pytest.fixture
def embedded(request: pytest.FixtureRequest) -> Iterator[EmbeddedBroker]:
    """Yield an amqpd of the test's own, with its extensions and a clock that moves."""
    from amqpd import run_in_thread

    with run_in_thread(journal=chosen_journal(request.config)) as broker:
        yield broker


def chosen_journal(config: pytest.Config) -> Journal | None:
    """Return what stands behind a broker of ours."""
    from amqpd.testing.delayed import DelayedJournal

    return DelayedJournal() if config.getoption("--journal") == "delayed" else None


@pytest.fixture(scope="session")
def unique() -> Callable[[str], str]:
    """Return a function that turns a word into a name no other test or run uses."""

    def name(word: str) -> str:
        return f"interop.{word}.{uuid4().hex[:12]}"

    return name


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits until a condition holds which nothing announces, by asking again and again."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + CONDITION_DEADLINE
        pause = Event()
        while not condition():
            assert time.monotonic() < deadline, f"condition still false after {CONDITION_DEADLINE} s"
            pause.wait(0.02)

    return wait
