"""Remote control over the pidbox exchanges, and the events that workers send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from celery.exceptions import TaskRevokedError

if TYPE_CHECKING:
    from interop.celery.conftest import Application, Gate

RESULT_DEADLINE = 30
"""Seconds after which a result counts as missing."""

WORKER = "w1@localhost"


def test_a_worker_answers_a_ping(application: Application) -> None:
    inspect = application.client.control.inspect([WORKER], timeout=10, limit=1)
    assert inspect.ping() == {WORKER: {"ok": "pong"}}


def test_a_worker_tells_what_it_runs(application: Application, gate: Gate) -> None:
    result = application.call("hold", gate.port)
    gate.admit()
    inspect = application.client.control.inspect([WORKER], timeout=10, limit=1)
    assert [(task["id"], task["name"]) for task in inspect.active()[WORKER]] == [(result.id, "hold")]
    assert [queue["name"] for queue in inspect.active_queues()[WORKER]] == [application.queue]
    gate.release()
    assert result.get(RESULT_DEADLINE) == "released"


def test_a_revoked_task_that_still_waits_never_runs(application: Application, gate: Gate) -> None:
    holding = [application.call("hold", gate.port) for _ in range(2)]
    gate.admit(2)
    waiting = application.call("add", 1, 1)
    [reply] = application.client.control.broadcast(
        "revoke", {"task_id": waiting.id}, destination=[WORKER], reply=True, timeout=10, limit=1
    )
    assert "ok" in reply[WORKER]
    gate.release()
    with pytest.raises(TaskRevokedError):
        waiting.get(RESULT_DEADLINE)
    assert [result.get(RESULT_DEADLINE) for result in holding] == ["released", "released"]


def test_a_running_task_can_be_terminated(application: Application, gate: Gate) -> None:
    result = application.call("hold", gate.port)
    gate.admit()
    result.revoke(terminate=True)
    with pytest.raises(TaskRevokedError):
        result.get(RESULT_DEADLINE)
    assert application.call("add", 2, 2).get(RESULT_DEADLINE) == 4


def test_a_worker_takes_up_and_drops_a_queue_on_request(application: Application) -> None:
    extra = f"{application.queue}.extra"
    application.queues.append(extra)
    control = application.client.control
    [added] = control.add_consumer(extra, destination=[WORKER], reply=True, timeout=10, limit=1)
    assert "ok" in added[WORKER]
    result = application.call("add", 3, 4, queue=extra)
    assert result.get(RESULT_DEADLINE) == 7
    [dropped] = control.cancel_consumer(extra, destination=[WORKER], reply=True, timeout=10, limit=1)
    assert "ok" in dropped[WORKER]


def test_the_events_of_a_task_reach_a_receiver(application: Application) -> None:
    """The receiver wakes the workers up; their heartbeat shows that events flow, and only then the task is sent."""
    sent: list[Any] = []
    events: list[str] = []

    def alive(_event: dict[str, Any]) -> None:
        if not sent:
            sent.append(application.call("add", 20, 22))

    def record(event: dict[str, Any]) -> None:
        if sent and event.get("uuid") == sent[0].id:
            events.append(event["type"])
            receiver.should_stop = event["type"] == "task-succeeded"

    with application.client.connection_for_read() as connection:
        receiver = application.client.events.Receiver(connection, handlers={"worker-heartbeat": alive, "*": record})
        receiver.capture(timeout=RESULT_DEADLINE)
    assert events == ["task-received", "task-started", "task-succeeded"]
    assert sent[0].get(RESULT_DEADLINE) == 42
