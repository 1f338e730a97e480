"""A Celery application with names of its own, its worker processes, and a gate that holds tasks while a test looks."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kombu.pools
import pytest
from celery import Celery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE = 30.0
"""Seconds after which anything awaited here counts as failed; only a failing test waits that long."""


class Worker:
    """A `celery worker` process and what it has written so far.

    Children of the worker write to the same pipe, so a thread reads it: nobody blocks on a full pipe.
    """

    def __init__(self, settings: dict[str, Any], name: str, options: tuple[str, ...]) -> None:
        self.hostname = f"{name}@localhost"
        self.log: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "worker_app", "worker", "-n", self.hostname, "-l", "INFO", *options],
            cwd=Path(__file__).parent,
            env={**os.environ, "INTEROP_CELERY_SETTINGS": json.dumps(settings), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, text: str) -> None:
        """Wait until the worker writes a line with that text; fail with its whole log if it ends before."""
        while True:
            try:
                line = self._lines.get(timeout=DEADLINE)
            except queue.Empty:
                pytest.fail(f"the worker did not write {text!r} within {DEADLINE} s:\n{''.join(self.log)}")
            if line is None:
                self._lines.put(None)  # the end stays the end for whoever reads on
                pytest.fail(f"the worker ended before it wrote {text!r}:\n{''.join(self.log)}")
            self.log.append(line)
            if text in line:
                return

    def ended(self) -> int:
        """Wait for the end of the process; return its exit status."""
        status = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def stop(self) -> None:
        """End the process if it still runs, politely and then not; show a failed test its log."""
        self.process.terminate()
        try:
            self.ended()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.ended()
        while (line := self._lines.get()) is not None:
            self.log.append(line)
        sys.stdout.write("".join(self.log))


class Application:
    """One Celery application on the broker under test: its settings, a client and its workers.

    `queues` names the task queues to delete at its end; each has an exchange of the same name.
    """

    def __init__(self, broker_url: str, name: str, settings: dict[str, Any]) -> None:
        self.queue = name
        self.queues = [name]
        self.settings = {
            "broker_url": broker_url,
            "broker_connection_retry_on_startup": True,
            "result_backend": "rpc://",
            "result_expires": 30,
            "task_default_queue": name,
            "control_exchange": f"{name}.control",
            "event_exchange": f"{name}.events",
            "event_queue_prefix": f"{name}.events",
            **settings,
        }
        self.client = Celery(name, set_as_current=False)
        self.client.conf.update(self.settings)
        self._running = ExitStack()
        self._started = 0

    def start_worker(self, *options: str) -> Worker:
        """Start a worker with these command line options; return it when it is ready for tasks."""
        self._started += 1
        worker = Worker(self.settings, f"w{self._started}", options)
        self._running.callback(worker.stop)
        worker.wait_for(f"{worker.hostname} ready.")
        return worker

    def call(self, task: str, *arguments: Any, **options: Any) -> Any:
        """Send a task; return its AsyncResult."""
        return self.client.send_task(task, arguments, **options)

    def ready_messages(self) -> int:
        """Tell how many messages wait in the task queue."""
        with self.client.connection_for_read() as connection, connection.channel() as channel:
            count: int = channel.queue_declare(self.queue, passive=True).message_count
            return count

    def take_message(self) -> Any:
        """Take one message from the task queue, for good; None if it is empty."""
        with self.client.connection_for_read() as connection, connection.channel() as channel:
            return channel.basic_get(self.queue, no_ack=True)

    def close(self) -> None:
        """Stop the workers, stop waiting for results and delete what the application declared."""
        self._running.close()
        control, events = self.settings["control_exchange"], self.settings["event_exchange"]
        with self.client.connection_for_write() as connection, connection.channel() as channel:
            for queue_name in self.queues:
                channel.queue_delete(queue_name)
            for exchange in (*self.queues, f"{control}.pidbox", f"reply.{control}.pidbox", events):
                channel.exchange_delete(exchange)
        if self.settings["result_backend"] == "rpc://":
            # Where no result was awaited, it has never started. Nobody attends to its heartbeats between tests, so the
            # broker may have given it up.
            with suppress(AttributeError, OSError):
                self.client.backend.result_consumer.stop()
        self.client.close()


class Gate:
    """Where the task `hold` waits: the test sees each one arrive and lets it go on."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(DEADLINE)
        self.port: int = self._server.getsockname()[1]
        self._held: list[socket.socket] = []

    def admit(self, count: int = 1) -> None:
        """Wait until that many more tasks run and hold."""
        for _ in range(count):
            connection, _address = self._server.accept()
            self._held.append(connection)

    def release(self) -> None:
        """Let all held tasks go on."""
        for connection in self._held:
            connection.close()
        self._held.clear()

    def close(self) -> None:
        """Let all held tasks go on and hold no more."""
        self.release()
        self._server.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Yield a gate for the task `hold`."""
    opened = Gate()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def client_pools() -> Iterator[None]:
    """Close the connections that all clients of the process share; Celery leaves that to the end of the process."""
    yield
    kombu.pools.reset()  # type: ignore[no-untyped-call]  # kombu is typed in part


@pytest.fixture(scope="session")
def application(broker_url: str, unique: Callable[[str], str], client_pools: None) -> Iterator[Application]:
    """Yield an application with a worker of two processes that all tests of the session share."""
    opened = Application(broker_url, unique("celery"), {})
    try:
        opened.start_worker("--concurrency", "2", "--task-events")
        yield opened
    finally:
        opened.close()


@pytest.fixture
def open_application(
    broker_url: str, unique: Callable[[str], str], client_pools: None
) -> Iterator[Callable[..., Application]]:
    """Return a function that opens an application with settings of its own and no worker yet."""
    with ExitStack() as opened:

        def open_one(**settings: Any) -> Application:
            application = Application(broker_url, unique("celery"), settings)
            opened.callback(application.close)
            return application

        yield open_one
