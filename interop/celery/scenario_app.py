"""The application that the workers of the driver run: `celery -A interop.celery.scenario_app worker`.

The tasks of `worker_app`, some that tell what they were sent, and task queues with exchanges of every type.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import bootsteps
from celery.exceptions import Reject

from interop.celery.entities import Consumer, Exchange, Queue
from interop.celery.worker_app import app, task

PREFIX = os.environ["INTEROP_PREFIX"]


def _queue(word: str, exchange: Any, **options: Any) -> Any:
    return Queue(f"{PREFIX}-{word}", exchange, **options)


def _limits() -> dict[str, Any]:
    return {"x-max-length": 1000, "x-message-ttl": 60000, "x-dead-letter-exchange": ""}


def _exchanges() -> list[Any]:
    """Return a queue for each type of exchange."""
    direct = Exchange(f"{PREFIX}-direct", "direct")
    return [
        _queue("by-key", direct, routing_key="key", queue_arguments=_limits()),
        _queue("by-nothing", Exchange(f"{PREFIX}-fanout", "fanout")),
        _queue("by-pattern", Exchange(f"{PREFIX}-topic", "topic"), routing_key="a.*.#"),
        _queue(
            "by-headers",
            Exchange(f"{PREFIX}-headers-exchange", "headers"),
            binding_arguments={"x-match": "any", "colour": "red", "size": 3},
        ),
    ]


def _requeue() -> list[Any]:
    """Return a queue whose rejected messages go to a second one, which is consumed as well."""
    dead_letter = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{PREFIX}-dead"}
    default = Exchange("")
    return [
        _queue("work", default, routing_key=f"{PREFIX}-work", queue_arguments=dead_letter),
        _queue("dead", default, routing_key=f"{PREFIX}-dead"),
    ]


def _exclusive() -> list[Any]:
    return [_queue("exclusive", Exchange(""), routing_key=f"{PREFIX}-exclusive", exclusive=True, durable=False)]


TOPOLOGIES = {"exchanges": _exchanges, "requeue": _requeue, "exclusive": _exclusive}

if topology := os.environ.get("INTEROP_CELERY_TOPOLOGY"):
    app.conf.task_queues = TOPOLOGIES[topology]()


@task("describe", bind=True)
def describe(self: Any, *arguments: Any) -> dict[str, Any]:
    """Tell which properties the message had, where it came from and what the arguments are."""
    request = self.request
    properties = {key: value for key, value in request.properties.items() if key != "application_headers"}
    return {"properties": properties, "delivery": request.delivery_info, "arguments": arguments}


@task("headers", bind=True)
def headers(self: Any) -> str:
    """Tell which headers the message had, as Python writes them: JSON has fewer types."""
    return repr(self.request.properties["application_headers"]["values"])


@task("settle", bind=True, acks_late=True)
def settle(self: Any, number: int) -> None:
    """Settle one of the five messages as the scenario `requeue` asks; write how it came when it is done."""
    request = self.request
    deaths = request.properties["application_headers"].get("x-death", [])
    redelivered: bool = request.delivery_info["redelivered"]
    if not deaths and number in {1, 2}:
        raise Reject("never", requeue=False)
    if not redelivered and number in {3, 4}:
        raise Reject("not yet", requeue=True)
    reasons = [(death["reason"], death["queue"], death["count"]) for death in deaths]
    sys.stdout.write(f"SETTLED {(number, redelivered, reasons)!r}\n")


@task("echo")
def echo(octets: bytes) -> bytes:
    """Give back what was sent."""
    return octets


class RunnerHeaders(bootsteps.ConsumerStep):  # type: ignore[misc]  # Celery has no type information
    """A consumer beside the tasks' own: it writes the headers of the runner's message to the log."""

    def get_consumers(self, channel: Any) -> list[Any]:
        queue = Queue(f"{PREFIX}-headers", Exchange(""), no_declare=True)
        return [Consumer(channel, queues=[queue], on_message=self.on_message, accept=["json"])]

    def on_message(self, message: Any) -> None:
        sys.stdout.write(f"HEADERS {message.headers!r}\n")
        message.ack()


if os.environ.get("INTEROP_CELERY_STEP"):
    app.steps["consumer"].add(RunnerHeaders)
