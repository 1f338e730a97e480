"""A Celery application with ordinary settings: `celery -A interop.restart.celery_app worker`."""

from __future__ import annotations

import os

from celery import Celery

app = Celery("restart", broker=os.environ.get("AMQP_URL"), backend="rpc://")
app.conf.update(task_default_queue="restart-tasks", broker_connection_retry_on_startup=True)


def square(number: int) -> int:
    """Be the task."""
    return number * number


app.task(name="square")(square)
