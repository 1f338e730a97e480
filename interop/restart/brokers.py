"""Brokers that are taken down and started again on the same port, while their clients go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from conformance import rabbitmq

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
READY = "Server startup complete"
DEADLINE = 20.0
PATIENCE = "1"
"""Seconds that a stopping amqpd waits for an answer: idle clients of Celery's read nothing and give none."""


class Broker(ABC):
    """A broker at a fixed URL."""

    def __init__(self, port: int) -> None:
        self.url = f"amqp://guest:guest@127.0.0.1:{port}/%2F"

    @abstractmethod
    def start(self) -> None:
        """Return when it takes connections."""

    @abstractmethod
    def stop(self, how: signal.Signals) -> None:
        """Return when it is down."""


class Amqpd(Broker):
    """amqpd as a process of its own, in a folder that it finds again when it starts anew."""

    def __init__(self, folder: Path) -> None:
        [self._port] = rabbitmq.free_ports(1)
        super().__init__(self._port)
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._reader: Thread | None = None
        self.log: list[str] = []

    def start(self) -> None:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "amqpd", "serve", "--port", str(self._port)),
                *("--data-dir", "data", "--shutdown-timeout", PATIENCE),
            ],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._process = process
        assert process.stdout is not None
        for line in process.stdout:
            self.log.append(line)
            if READY in line:
                self._reader = Thread(target=self.log.extend, args=(process.stdout,), daemon=True)
                self._reader.start()
                return
        raise RuntimeError(f"amqpd did not start:\n{''.join(self.log)}")

    def stop(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(DEADLINE)
        if self._reader is not None:
            self._reader.join(DEADLINE)
        assert self._process.stdout is not None
        self._process.stdout.close()


class RabbitMQ(Broker):
    """A RabbitMQ node whose broker is stopped and started in place."""

    def __init__(self, node: rabbitmq.Node) -> None:
        super().__init__(node.port)
        self._node = node

    def start(self) -> None:
        self._node.control("start_app")

    def stop(self, how: signal.Signals) -> None:
        if how is not signal.SIGTERM:
            raise ValueError(f"{how.name} ends the node for good: only SIGTERM has an equivalent")
        self._node.control("stop_app")


@contextmanager
def amqpd(folder: Path) -> Iterator[Broker]:
    """Run amqpd; it is gone afterwards, whatever became of it."""
    broker = Amqpd(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop(signal.SIGKILL)


@contextmanager
def rabbitmq_node() -> Iterator[Broker]:
    """Run RabbitMQ; raise rabbitmq.Unavailable where it cannot run."""
    with rabbitmq.controlled_node() as node:
        yield RabbitMQ(node)
