"""What happens to messages that a worker holds: prefetch, late acknowledgement, warm shutdown, sudden death."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from interop.celery.conftest import Application, Gate

RESULT_DEADLINE = 30
"""Seconds after which a result counts as missing."""


def test_with_late_acknowledgement_and_multiplier_one_a_worker_takes_no_more_than_it_runs(
    open_application: Callable[..., Application], gate: Gate, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    application = open_application(task_acks_late=True, worker_prefetch_multiplier=1)
    worker = application.start_worker("--concurrency", "2")
    results = [application.call("hold", gate.port) for _ in range(5)]
    gate.admit(2)
    wait_until(lambda: application.ready_messages() == 3)
    stats = application.client.control.inspect([worker.hostname], timeout=10, limit=1).stats()
    assert stats[worker.hostname]["prefetch_count"] == 2
    gate.release()
    for _ in range(3):
        gate.admit()
        gate.release()
    assert [result.get(RESULT_DEADLINE) for result in results] == ["released"] * 5


def test_a_warm_shutdown_finishes_the_running_task_and_returns_the_others(
    open_application: Callable[..., Application], gate: Gate, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    application = open_application(task_acks_late=True, worker_prefetch_multiplier=4)
    worker = application.start_worker("--concurrency", "1")
    results = [application.call("hold", gate.port) for _ in range(4)]
    gate.admit()
    wait_until(lambda: application.ready_messages() == 0)
    worker.process.send_signal(signal.SIGTERM)
    worker.wait_for("Warm shutdown")
    gate.release()
    assert worker.ended() == 0
    assert results[0].get(RESULT_DEADLINE) == "released"
    returned = [application.take_message() for _ in range(3)]
    assert [message.delivery_info["redelivered"] for message in returned] == [True, True, True]
    assert [message.headers["id"] for message in returned] == [result.id for result in results[1:]]
    assert application.take_message() is None


def test_the_task_of_a_killed_worker_is_run_by_another(
    open_application: Callable[..., Application], gate: Gate
) -> None:
    application = open_application(task_acks_late=True, worker_prefetch_multiplier=1)
    doomed = application.start_worker("--pool", "solo")
    result = application.call("hold", gate.port)
    gate.admit()
    doomed.process.kill()
    assert doomed.ended() == -signal.SIGKILL
    application.start_worker("--pool", "solo")
    gate.admit()
    gate.release()
    assert result.get(RESULT_DEADLINE) == "released"


def test_a_client_with_publisher_confirms_returns_when_its_task_is_in_the_queue(
    open_application: Callable[..., Application],
) -> None:
    application = open_application(result_backend=None, broker_transport_options={"confirm_publish": True})
    sent = [application.call("add", number, 0).id for number in range(10)]
    assert application.ready_messages() == 10
    assert [application.take_message().headers["id"] for _ in range(10)] == sent
