"""Flower, Celery's monitor, whose page about the broker asks the management API, and Celery's own commands."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interop.tools.python.play import main
from interop.tools.python.port import Tool
from interop.tools.python.stage import Stage, eventually

CELERY = [sys.executable, "-m", "celery", "--quiet", "-A", "application"]
CELLS = re.compile(r"<td[^>]*>\s*(.*?)\s*</td>", re.DOTALL)


def celery(*arguments: str) -> str:
    """Run a command of Celery's; return what it shows."""
    command = [*CELERY, *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False, timeout=40)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def running(*arguments: str) -> Iterator[None]:
    """Have a process of Celery's."""
    with tempfile.TemporaryFile("w+") as log:
        environment = {**os.environ, "FLOWER_UNAUTHENTICATED_API": "true", "C_FORCE_ROOT": "1"}
        command = [*CELERY, *arguments]
        process = subprocess.Popen(command, cwd=Path(__file__).parent, env=environment, stdout=log, stderr=log)
        try:
            yield
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read())
            raise
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def flower(stage: Stage) -> Iterator[str]:
    """Have Flower, with the broker's management API; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    api = stage.management_url.replace("http://", "http://guest:guest@") + "/api/"
    with running("flower", "--address=127.0.0.1", f"--port={port}", f"--broker_api={api}"):
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: _answers(f"{url}/healthcheck"), "Flower is up")
        yield url


def _answers(url: str) -> bool:
    try:
        return bool(asked(url))
    except urllib.error.URLError:
        return False


def asked(url: str, body: object = None) -> str:
    """Ask Flower; return the page."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as answer:
        page: bytes = answer.read()
        return page.decode()


def statistics(stage: Stage) -> None:
    row = [stage.name("watched"), "5", "2", "3", "1"]
    with flower(stage) as url:
        eventually(lambda: CELLS.findall(asked(f"{url}/broker"))[:5] == row, f"the page about the broker shows {row}")


def workers(stage: Stage) -> None:
    name, queue = f"{stage.prefix}@localhost", stage.name("tasks")
    quiet = ("--without-gossip", "--without-mingle", "--loglevel=WARNING")
    with running("worker", "--pool=solo", f"--hostname={name}", f"--queues={queue}", "--events", *quiet):
        eventually(lambda: name in _tried("status"), "celery status finds the worker")
        assert queue in celery("inspect", "active_queues", "--json"), "celery inspect shows its queue"
        with flower(stage) as url:
            listed: dict[str, Any] = {}
            eventually(lambda: _listed(url, name, listed), "Flower lists the worker and its queue")
            assert [each["name"] for each in listed["active_queues"]] == [queue]
            result = json.loads(asked(f"{url}/api/task/apply/add", {"args": [2, 3]}))
            assert (result["state"], result["result"]) == ("SUCCESS", 5), result
            info = f"{url}/api/task/info/{result['task-id']}"
            eventually(lambda: _state(info) == "SUCCESS", "the worker's events tell that it succeeded")
            eventually(lambda: _lengths(url) == [(queue, 0)], "the queue is told to be empty")


def _lengths(url: str) -> list[tuple[str, int | None]]:
    """What Flower says of queues; RabbitMQ doesn't know a new one's messages at once."""
    lengths = json.loads(asked(f"{url}/api/queues/length"))["active_queues"]
    return [(each["name"], each.get("messages")) for each in lengths]


def _tried(command: str) -> str:
    try:
        return celery(command)
    except AssertionError:
        return ""


def _listed(url: str, name: str, into: dict[str, Any]) -> bool:
    into.update(json.loads(asked(f"{url}/api/workers?refresh=1")).get(name, {}))
    return bool(into.get("active_queues"))


def _state(url: str) -> str:
    try:
        return str(json.loads(asked(url))["state"])
    except urllib.error.HTTPError:
        return ""


main(lambda *_: Tool(), {"statistics": statistics, "workers": workers})
