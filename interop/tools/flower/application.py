"""The Celery application that Flower watches: `P-watched` is its default queue, its worker consumes from `P-tasks`."""

from __future__ import annotations

import os

from celery import Celery

PREFIX = os.environ["INTEROP_PREFIX"]

app = Celery("interop", broker=os.environ["AMQP_URL"], backend="rpc://")
app.conf.update(
    task_default_queue=f"{PREFIX}-watched",
    task_routes={"add": {"queue": f"{PREFIX}-tasks"}},
    worker_send_task_events=True,
    task_send_sent_event=True,
    broker_connection_retry_on_startup=True,
    control_queue_expires=20,
)


def add(one: int, other: int) -> int:
    return one + other


app.task(name="add")(add)
