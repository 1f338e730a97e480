"""What the tests of the server share: raw clients that are gone with the test, and the command as a process of its own.

Waiting for something that nothing announces is asking again; the deadline is a bound for failures alone.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

import pytest

from conformance.client import Connection

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 30.0
READY = "Server startup complete"


@pytest.fixture
def connect() -> Iterator[Callable[[int], Connection]]:
    """Open raw connections to a port of this machine; the test's end lets go of their sockets."""
    with ExitStack() as opened:

        def open_connection(port: int) -> Connection:
            connection = Connection("127.0.0.1", port, DEADLINE)
            opened.callback(connection.abort)
            return connection

        yield open_connection


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds that nothing announces."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        pause = Event()
        while not condition():
            assert time.monotonic() < deadline, f"condition still false after {DEADLINE} s"
            pause.wait(0.005)

    return wait


class ServeProcess:
    """A running `python -m amqpd serve`."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child
        self._reader = Thread(target=self._read, daemon=True)
        self._started = Event()
        self.lines: list[str] = []
        self._reader.start()

    def _read(self) -> None:
        assert self._child.stderr is not None
        for line in self._child.stderr:
            self.lines.append(line.rstrip("\n"))
            if READY in line:
                self._started.set()
        self._started.set()

    @property
    def log(self) -> str:
        """All that it wrote so far."""
        return "\n".join(self.lines)

    @property
    def port(self) -> int:
        """The port of its IPv4 listener."""
        assert self._started.wait(DEADLINE)
        found = re.search(r"127\.0\.0\.1:(\d+)", self.log)
        assert found is not None, self.log
        return int(found[1])

    @property
    def pid(self) -> int:
        """Its number."""
        return self._child.pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, and return the exit status."""
        self._child.send_signal(number)
        status = self._child.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return status


class StartServe(Protocol):
    """Starts the command with options and further environment variables."""

    def __call__(self, *options: str, environment: dict[str, str] | None = None, wrapper: str = "") -> ServeProcess: ...


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[ServeProcess]:
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as child:
        served = ServeProcess(child)
        try:
            yield served
        finally:
            served.stop(signal.SIGKILL)


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServe]:
    """Start `python -m amqpd serve` on a free port; `wrapper` is shell code before it, such as a limit."""
    sockets = tmp_path_factory.mktemp("sockets")  # brokers that are killed leave theirs behind
    with ExitStack() as started:

        def start(*options: str, environment: dict[str, str] | None = None, wrapper: str = "") -> ServeProcess:
            command = [sys.executable, "-m", "amqpd", "serve", "--port", "0", "--metrics-port", "none", *options]
            if "--data-dir" not in options and not (environment or {}).keys() & {"AMQPD_DATA_DIR", "XDG_DATA_HOME"}:
                command.append("--transient")
            if wrapper:
                command = ["sh", "-c", f'{wrapper}; exec "$@"', "sh", *command]
            kept = {name: value for name, value in os.environ.items() if not name.startswith(("AMQPD_", "RABBITMQ_"))}
            own = {"PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(sockets)}
            return started.enter_context(_running(command, {**kept, **own, **(environment or {})}))

        yield start
