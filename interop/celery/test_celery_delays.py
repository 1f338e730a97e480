"""Tasks that come later, and again: in the worker with classic queues, in the broker with quorum queues.

With a quorum queue Celery makes 28 queues, each with a TTL of twice the one below, and a message with a countdown dies
its way down through those that its binary digits name: native delayed delivery.
https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/rabbitmq.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from interop.celery.conftest import Application
    from interop.timed import TimedBroker

RESULT_DEADLINE = 30
"""Seconds after which a result counts as missing."""

ALONE = ("--pool", "solo", "--without-mingle", "--without-gossip")

NATIVE: dict[str, Any] = {
    "task_default_queue_type": "quorum",
    "task_default_exchange_type": "topic",
    "broker_native_delayed_delivery_queue_type": "quorum",
}


@pytest.fixture
def broker_url(timed_broker: TimedBroker) -> str:
    """The applications of this module are on each of the brokers."""
    return timed_broker.url


def test_a_task_that_fails_is_held_by_its_worker_and_runs_again(open_application: Callable[..., Application]) -> None:
    """That second is the worker's, so it is a real one on both brokers."""
    application = open_application()
    application.start_worker(*ALONE)
    assert application.call("unsteady", 1).get(RESULT_DEADLINE) == 1


def test_a_countdown_of_a_second_passes_in_the_broker(
    open_application: Callable[..., Application], timed_broker: TimedBroker
) -> None:
    application = open_application(**NATIVE)
    application.start_worker(*ALONE)
    result = application.call("history", countdown=1)
    timed_broker.let_pass(1)
    assert result.get(RESULT_DEADLINE) == ["celery_delayed_0"]
    with application.client.connection_for_read() as connection, connection.channel() as channel:
        for level in range(28):
            name = f"celery_delayed_{level}"
            channel.exchange_declare(name, "topic", passive=True)
            assert channel.queue_declare(name, passive=True).message_count == 0
        channel.exchange_declare("celery_delayed_delivery", "topic", passive=True)


def test_the_pause_before_a_retry_passes_in_the_broker(
    open_application: Callable[..., Application], timed_broker: TimedBroker
) -> None:
    """Its worker is not the first one that declares the levels, nor is it refused."""
    application = open_application(**NATIVE)
    worker = application.start_worker(*ALONE)
    result = application.call("unsteady", 1)
    worker.wait_for("Retry in 1s")
    timed_broker.let_pass(1)
    assert result.get(RESULT_DEADLINE) == 1
