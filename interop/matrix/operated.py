"""The brokers that tools are pointed at, as an operator runs them: with the management API and metrics."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from conformance import rabbitmq
from interop.matrix.scenarios import FOLDER
from interop.matrix.targets import AMQPD, COMPAT, RABBITMQ, Target

PLUGINS: Final = ("rabbitmq_management", "rabbitmq_prometheus")
NODE: Final = "rabbit"
"""What some tools expect the name of a node to begin with."""
STATISTICS: Final = 200
"""Milliseconds after which RabbitMQ collects its statistics again; drivers wait for some of them."""
START_LIMIT: Final = 60.0
STOP_LIMIT: Final = 20.0


class Operated(Target):
    """A broker whose management API and metrics are at these ports of 127.0.0.1."""

    def __init__(self, name: str, port: int, management: int, metrics: int) -> None:
        super().__init__(name, port)
        self.management_url = f"http://127.0.0.1:{management}"
        self.metrics_url = f"http://127.0.0.1:{metrics}"

    def environment(self) -> dict[str, str]:
        more = {"MANAGEMENT_URL": self.management_url, "METRICS_URL": self.metrics_url, "INTEROP_BROKER": self.name}
        return {**super().environment(), **more}


@contextmanager
def running(names: Sequence[str]) -> Iterator[list[Target]]:
    """Run the brokers of these names; raise rabbitmq.Unavailable where one cannot run."""
    with ExitStack() as stack:
        yield [stack.enter_context(_amqpd() if each == AMQPD else _rabbitmq()) for each in names]


@contextmanager
def _amqpd() -> Iterator[Target]:
    """`amqpd serve` in a process of its own, as it is started on a machine."""
    amqp, management, metrics = rabbitmq.free_ports(3)
    ports = ["--port", amqp, "--management-port", management, "--metrics-port", metrics]
    flags = [*ports, "--compat", COMPAT, "--server-cluster-name", f"{NODE}@localhost"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AMQPD_")}
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+b") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "amqpd", "serve", "--data-dir", f"{folder}/data", *map(str, flags)],
            cwd=FOLDER.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            for port in (management, metrics):
                _await_http(port, process, Path(log.name))
            yield Operated(AMQPD, amqp, management, metrics)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_LIMIT)
            process.kill()
            process.wait()


@contextmanager
def _rabbitmq() -> Iterator[Target]:
    management, metrics = rabbitmq.free_ports(2)
    lines = [
        f"management.tcp.port = {management}",
        "management.tcp.ip = 127.0.0.1",
        f"prometheus.tcp.port = {metrics}",
        "prometheus.tcp.ip = 127.0.0.1",
        f"collect_statistics_interval = {STATISTICS}",
    ]
    plugins = (*PLUGINS, *rabbitmq.EXCHANGE_PLUGINS)
    with rabbitmq.controlled_node(plugins, "\n".join(lines) + "\n", NODE) as node:
        for port in (management, metrics):
            _await_http(port)
        yield Operated(RABBITMQ, node.port, management, metrics)


def _await_http(port: int, process: subprocess.Popen[bytes] | None = None, log: Path | None = None) -> None:
    """Return when somebody answers there."""
    pause, give_up = threading.Event(), time.monotonic() + START_LIMIT
    while time.monotonic() < give_up and (process is None or process.poll() is None):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=START_LIMIT).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            pause.wait(0.05)
        else:
            return
    said = log.read_text(errors="replace") if log is not None else ""
    raise RuntimeError(f"nobody answers at 127.0.0.1:{port}\n{said}")
