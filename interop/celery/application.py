"""A Celery application of the driver's: its client, its worker processes, and what it has to delete in the end."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from amqp.exceptions import NotFound
from celery import Celery

from interop.matrix.driver import PATIENCE

if TYPE_CHECKING:
    from typing import Self

    from interop.matrix.driver import Run

ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """A `celery worker` process; a thread reads what it writes, so that it never waits for us."""

    def __init__(
        self, hostname: str, settings: dict[str, Any], options: tuple[str, ...], environment: dict[str, str]
    ) -> None:
        self.hostname = hostname
        self.log: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        command = [sys.executable, "-m", "celery", "-A", "interop.celery.scenario_app", "worker", "-l", "INFO"]
        self.process = subprocess.Popen(
            [*command, "-n", self.hostname, *options],
            cwd=ROOT,
            env={**os.environ, "INTEROP_CELERY_SETTINGS": json.dumps(settings), "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, text: str) -> str:
        """Wait for the next line with that text and return it."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"the worker did not write {text!r}:\n{''.join(self.log)}")
            self.log.append(line)
            if text in line:
                return line

    def written(self, text: str) -> str:
        """Return the first line with that text that it has written; wait for it where there is none yet."""
        return next((line for line in self.log if text in line), None) or self.wait_for(text)

    def stop(self) -> None:
        """Have it finish its tasks and end; kill it when it does not."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(PATIENCE)
        while (line := self._lines.get()) is not None:
            self.log.append(line)


class Application:
    """A client with the settings of its workers; leaving it stops them and deletes what was declared.

    `made` names further queues and exchanges to delete, beside the default queue and its exchange.
    """

    def __init__(self, run: Run, settings: dict[str, Any] | None = None, *, made: tuple[str, ...] = ()) -> None:
        self.queue = run.name("tasks")
        self._hostname = f"{run.prefix}@localhost"
        self._made = made
        control, events = run.name("control"), run.name("events")
        self._exchanges = (f"{control}.pidbox", f"reply.{control}.pidbox", events)
        self.settings = {
            "broker_url": run.url,
            "result_backend": "rpc://",
            "result_expires": 60,
            "task_default_queue": self.queue,
            "control_exchange": control,
            "event_exchange": events,
            "event_queue_prefix": events,
            "broker_connection_retry_on_startup": True,
            "worker_hijack_root_logger": True,
            **(settings or {}),
        }
        self.client = Celery(run.prefix, set_as_current=False)
        self.client.conf.update(self.settings)
        self._running = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
        with suppress(AttributeError):  # where no result was awaited, it has never started
            self.client.backend.result_consumer.stop()
        with self.client.connection_for_write() as connection:
            for named in (self.queue, *self._made, self.client.thread_oid):
                with suppress(NotFound), connection.channel() as channel:
                    channel.queue_delete(named)
            for named in (self.queue, *self._made, *self._exchanges):
                with connection.channel() as channel:
                    channel.exchange_delete(named)
        self.client.close()

    def start_worker(self, *options: str, **environment: str) -> Worker:
        """Start a worker with one task at a time, unless the options say otherwise; return it when it is ready."""
        worker = Worker(self._hostname, self.settings, ("--pool", "solo", *options), environment)
        self._running.callback(worker.stop)
        worker.wait_for(f"{worker.hostname} ready.")
        return worker

    def stop_workers(self) -> None:
        """Stop the workers that run."""
        self._running.close()

    def send(self, task: str, *arguments: Any, **options: Any) -> Any:
        """Send a task; return its AsyncResult."""
        return self.client.send_task(task, arguments, **options)

    def call(self, task: str, *arguments: Any, **options: Any) -> Any:
        """Send a task and return its result."""
        return self.send(task, *arguments, **options).get(timeout=PATIENCE)

    def ready(self, name: str | None = None) -> int:
        """Tell how many messages wait in a queue, the default one if none is named."""
        with self.client.connection_for_read() as connection, connection.channel() as channel:
            count: int = channel.queue_declare(name or self.queue, passive=True).message_count
            return count

    def consumers(self) -> int:
        """Tell how many consumers the default queue has; none if there is no such queue."""
        with self.client.connection_for_read() as connection, suppress(NotFound), connection.channel() as channel:
            count: int = channel.queue_declare(self.queue, passive=True).consumer_count
            return count
        return 0
