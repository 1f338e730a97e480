"""The application that the worker processes run: `celery -A worker_app worker`.

Takes all its settings, the broker's URL among them, as one JSON object from the environment variable
``INTEROP_CELERY_SETTINGS``, so that the tests decide about them. The tests call the tasks by name.
"""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.exceptions import Reject

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = 3600
RETRIED: dict[str, Any] = {
    "bind": True,
    "autoretry_for": (ConnectionError,),
    "retry_backoff_max": 24 * HOUR,
    "retry_jitter": False,
}

app = Celery("interop")
app.conf.update(json.loads(os.environ["INTEROP_CELERY_SETTINGS"]))


def task(name: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as a task of that name."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        app.task(name=name, **options)(function)
        return function

    return register


@task("add")
def add(x: int, y: int) -> int:
    """Give the sum of two numbers."""
    return x + y


@task("total")
def total(numbers: list[int]) -> int:
    """Give the sum of many numbers."""
    return sum(numbers)


@task("fail")
def fail(text: str) -> None:
    """Raise a ValueError with that text."""
    raise ValueError(text)


@task("flaky", bind=True, max_retries=5)
def flaky(self: Any, failures: int) -> int:
    """Ask for that many retries, each a moment later; give the number of retries made."""
    retries: int = self.request.retries
    if retries < failures:
        raise self.retry(countdown=0.1)
    return retries


@task("unsteady", **RETRIED, retry_backoff=1)
def unsteady(self: Any, failures: int) -> int:
    """Fail that many times, each followed by twice the pause, from a second on; give the number of retries made."""
    return fail_at_first(self.request.retries, failures)


@task("patient", **RETRIED, retry_backoff=HOUR)
def patient(self: Any, failures: int) -> int:
    """Do the same from an hour on, without the ETA: there the broker's clock is moved, and the worker's isn't."""
    self.request.headers = {"eta": None}
    return fail_at_first(self.request.retries, failures)


def fail_at_first(retries: int, failures: int) -> int:
    """Raise what is retried, or give the number of retries made."""
    if retries < failures:
        raise ConnectionError("not yet")
    return retries


@task("history", bind=True)
def history(self: Any) -> list[str]:
    """Give the queues in which the message has died, the latest first."""
    deaths: list[dict[str, Any]] = self.request.properties["application_headers"].get("x-death", [])
    return [death["queue"] for death in deaths]


@task("reject_once", bind=True, acks_late=True)
def reject_once(self: Any) -> bool:
    """Send the message back to its queue once; give its redelivered flag when it has returned."""
    redelivered: bool = self.request.delivery_info["redelivered"]
    if not redelivered:
        raise Reject("not yet", requeue=True)
    return redelivered


@task("hold")
def hold(port: int) -> str:
    """Connect to that port of this machine and go on when the other side says so."""
    with socket.create_connection(("127.0.0.1", port)) as gate:
        gate.recv(1)
    return "released"
