"""Tasks on a worker of two processes: results, failures, retries, countdowns, groups, chains, rejection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from celery import chain, group

if TYPE_CHECKING:
    from collections.abc import Callable

    from interop.celery.conftest import Application, Gate

RESULT_DEADLINE = 30
"""Seconds after which a result counts as missing."""


def test_a_task_returns_its_result(application: Application) -> None:
    assert application.call("add", 40, 2).get(RESULT_DEADLINE) == 42


def test_the_error_of_a_task_is_raised_where_its_result_is_read(application: Application) -> None:
    with pytest.raises(ValueError, match="out of range"):
        application.call("fail", "out of range").get(RESULT_DEADLINE)


def test_a_task_that_asks_for_a_retry_runs_again_after_its_countdown(application: Application) -> None:
    assert application.call("flaky", 3).get(RESULT_DEADLINE) == 3


def test_a_task_with_a_countdown_is_scheduled_first_and_runs_then(
    application: Application, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    result = application.call("add", 1, 1, countdown=2)
    inspect = application.client.control.inspect(["w1@localhost"], limit=1)

    def scheduled() -> bool:
        entries = (inspect.scheduled() or {}).get("w1@localhost", [])
        return any(entry["request"]["id"] == result.id for entry in entries)

    wait_until(scheduled)
    assert not result.ready()
    assert result.get(RESULT_DEADLINE) == 2


def test_a_group_gathers_the_results_of_its_tasks_in_order(application: Application) -> None:
    signature = application.client.signature
    result = group([signature("add", (number, number)) for number in range(100)], app=application.client)()
    assert result.get(RESULT_DEADLINE) == [2 * number for number in range(100)]


def test_a_chain_hands_each_result_to_the_next_task(application: Application) -> None:
    signature = application.client.signature
    steps = [signature("add", (1, 1)), signature("add", (10,)), signature("add", (100,))]
    assert chain(*steps, app=application.client)().get(RESULT_DEADLINE) == 112


def test_a_rejected_task_goes_back_to_the_queue_and_returns_as_redelivered(application: Application) -> None:
    assert application.call("reject_once").get(RESULT_DEADLINE) is True


def test_both_processes_work_at_the_same_time(application: Application, gate: Gate) -> None:
    results = [application.call("hold", gate.port) for _ in range(2)]
    gate.admit(2)
    gate.release()
    assert [result.get(RESULT_DEADLINE) for result in results] == ["released", "released"]
