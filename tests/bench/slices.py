"""How long one answer holds the loop of a broker with many queues: `python -m tests.bench.slices [QUEUES]`.

Serves a broker in this process, asks it for lists and scrapes, and prints for each the time until the whole answer was
there and the longest steps of any task meanwhile, in milliseconds of processor time, garbage collection included.
"""

from __future__ import annotations

import base64
import gc
import sys
import time
from collections import deque
from http.client import HTTPConnection

import trio

from amqpd import app
from amqpd.config import load

QUEUES = 10_000
ROUNDS = 3
SHOWN = 4
PATHS = (
    "/api/queues?page=1&page_size=100",
    "/api/queues?page=1&page_size=100&sort=messages",
    "/api/queues?page=1&page_size=100&name=9&use_regex=true",
    "/api/queues",
    "/api/bindings",
    "/api/overview",
    "/api/vhosts",
    "/api/definitions",
    "/metrics",
    "/metrics/per-object",
)


class Steps(trio.abc.Instrument):
    """The longest steps since the last look, by the name of their task."""

    def __init__(self) -> None:
        self._started = 0.0
        self.found: deque[tuple[float, str]] = deque()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._started = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.found.append((time.thread_time() - self._started, task.name.rpartition(".")[2]))

    def longest(self) -> str:
        """As text, and begin again."""
        found = sorted(self.found)[-SHOWN:]
        self.found.clear()
        return ", ".join([f"{took * 1e3:.2f} {name}" for took, name in reversed(found)])


def fetched(port: int, path: str, host: str = "127.0.0.1") -> float:
    """Seconds until an answer was there."""
    login = base64.b64encode(b"guest:guest").decode()
    started = time.perf_counter()
    connection = HTTPConnection(host, port)
    connection.request("GET", path, headers={"authorization": f"Basic {login}"})
    connection.getresponse().read()
    connection.close()
    return time.perf_counter() - started


async def main(queues: int) -> None:
    """Serve, ask and print."""
    ports = {"port": 0, "management_port": 0, "metrics_port": 0}
    config = load(None, {}, {**ports, "host": "127.0.0.1", "transient": True})
    node = app.make_node(config)
    vhost = node.broker.vhosts["/"]
    async with app.serve_node(node, config) as server:
        from amqpd.broker.operations import queues as operations
        from amqpd.broker.session import Session
        from amqpd.fields import EMPTY
        from amqpd.management.api import NoPeer

        user = node.broker.access.users["guest"]
        session = Session("bench", user, vhost, node.broker.access, node.broker.compat.profile, NoPeer())
        for number in range(queues):
            name, flags = f"orders.europe.{number}", {"durable": True, "exclusive": False, "auto_delete": False}
            operations.declare(node.broker, session, name, **flags, arguments=EMPTY)
        (_, metrics), *_ = app.serve_metrics(server, config, None)
        (_, api), *_ = server.http_addresses
        gc.collect()
        gc.freeze()
        gc.set_threshold(5_000, 5, 10_000)
        steps = Steps()
        trio.lowlevel.add_instrument(steps)
        for path in PATHS:
            port = api if path.startswith("/api") else metrics
            best, longest = 1e9, ""
            for _ in range(ROUNDS):
                best = min(best, await trio.to_thread.run_sync(fetched, port, path))
                longest = steps.longest()
            print(f"{path}: {best * 1e3:.0f} ms; steps of {longest}")


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else QUEUES)
