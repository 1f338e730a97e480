"""The countdowns and retries of days within a moment; and the extensions that need none of Celery's 28 queues for them.

The broker's clock is moved, the worker's isn't: tasks are sent without the ETA that would have it wait once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interop.celery.test_celery_delays import ALONE, NATIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from amqpd.testing.broker import EmbeddedBroker
    from interop.celery.conftest import Application

RESULT_DEADLINE = 30
"""Seconds after which a result counts as missing."""

MILLISECOND = 0.001
HOUR = 3600
LONG = 2 * 24 * HOUR + 3 * HOUR + 4
NO_ETA: dict[str, Any] = {"headers": {"eta": None}}
KEPT: dict[str, Any] = {"result_expires": 30 * 24 * HOUR}


@pytest.fixture
def broker_url(embedded: EmbeddedBroker) -> str:
    """The applications of this module are each on a broker of its own whose time stands still."""
    embedded.clock.freeze()
    return embedded.url


@pytest.fixture
def waiting(embedded: EmbeddedBroker) -> Callable[[], list[int]]:
    """Return a function that tells at which levels messages wait, once for each."""

    def levels() -> list[int]:
        return [level for level in range(28) for _ in embedded.messages(f"celery_delayed_{level}")]

    return levels


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_a_task_runs_after_its_days_and_hours(
    open_application: Callable[..., Application],
    embedded: EmbeddedBroker,
    waiting: Callable[[], list[int]],
    queue_type: str,
) -> None:
    application = open_application(**NATIVE | KEPT | {"broker_native_delayed_delivery_queue_type": queue_type})
    application.start_worker(*ALONE)
    result = application.call("history", countdown=LONG, **NO_ETA)
    digits = [level for level in range(28) if LONG >> level & 1]
    assert waiting() == digits[-1:]
    embedded.clock.advance(LONG - MILLISECOND)
    assert waiting() == digits[:1]
    embedded.clock.advance(MILLISECOND)
    assert result.get(RESULT_DEADLINE) == [f"celery_delayed_{level}" for level in digits]


def test_a_task_is_retried_after_an_hour_and_two_and_four(
    open_application: Callable[..., Application], embedded: EmbeddedBroker, waiting: Callable[[], list[int]]
) -> None:
    application = open_application(**NATIVE | KEPT)
    worker = application.start_worker(*ALONE)
    result = application.call("patient", 3, **NO_ETA)
    for hours in (1, 2, 4):
        worker.wait_for(f"Retry in {hours * HOUR}s")
        embedded.clock.advance(hours * HOUR - MILLISECOND)
        assert len(waiting()) == 1
        embedded.clock.advance(MILLISECOND)
    assert result.get(RESULT_DEADLINE) == 3


def test_a_delayed_exchange_is_enough_for_a_countdown(
    open_application: Callable[..., Application], embedded: EmbeddedBroker
) -> None:
    """The application has a classic queue and no levels; the delay is a header, in milliseconds."""
    application = open_application(**KEPT)
    with application.client.connection_for_write() as connection, connection.channel() as channel:
        application.client.amqp.default_queue.bind(channel).declare()
        channel.exchange_declare("later", "x-delayed-message", arguments={"x-delayed-type": "direct"})
        channel.queue_bind(application.queue, "later", application.queue)
        delayed = {"exchange": "later", "routing_key": application.queue, "headers": {"x-delay": 1000 * LONG}}
        result = application.call("add", 1, 2, **delayed)
    embedded.clock.advance(LONG - MILLISECOND)
    assert len(embedded.messages(application.queue)) == 0
    embedded.clock.advance(MILLISECOND)
    assert len(embedded.messages(application.queue)) == 1
    application.start_worker(*ALONE)
    assert result.get(RESULT_DEADLINE) == 3


def test_a_policy_is_enough_for_the_pause_before_a_retry(
    open_application: Callable[..., Application],
    embedded: EmbeddedBroker,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    """The task gives its message back, and the queue keeps it for an hour."""
    definition = {"delayed-retry-type": "all", "delayed-retry-min": 1000 * HOUR}
    embedded.set_policy("retries", r"^interop\.celery\.[0-9a-f]+$", definition, apply_to="queues")
    application = open_application(**KEPT)
    application.start_worker(*ALONE)
    result = application.call("reject_once")
    wait_until(lambda: embedded.queue(application.queue).messages_delayed == 1)
    embedded.clock.advance(HOUR)
    assert result.get(RESULT_DEADLINE) is True
