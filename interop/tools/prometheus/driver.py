"""Prometheus itself: it scrapes the broker and answers what dashboards ask; its promtool reads what is scraped."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interop.tools.prometheus.expressions import expressions, of_queues
from interop.tools.python.play import main
from interop.tools.python.port import Tool
from interop.tools.python.stage import Stage, eventually

PROGRAMS = Path(os.environ["PROMETHEUS"])
NOT_TEXT = 1
"""promtool's exit status for what it can't parse; names that it would choose differently are another one."""


def configuration(stage: Stage) -> dict[str, Any]:
    """A broker's sums and its queues, as two jobs."""
    target = [{"targets": [stage.metrics_url.removeprefix("http://")]}]
    jobs = [("broker", "/metrics"), ("queues", "/metrics/per-object")]
    return {
        "global": {"scrape_interval": "300ms", "scrape_timeout": "300ms"},
        "scrape_configs": [{"job_name": job, "metrics_path": path, "static_configs": target} for job, path in jobs],
    }


@contextmanager
def prometheus(stage: Stage) -> Iterator[str]:
    """Have Prometheus; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        file = Path(folder) / "prometheus.yml"
        file.write_text(json.dumps(configuration(stage)))  # which is YAML, too
        flags = [f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
        command = [str(PROGRAMS / "prometheus"), f"--config.file={file}", *flags]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield f"http://127.0.0.1:{port}"
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read()[-2000:])
            raise
        finally:
            process.terminate()
            process.wait(20)


def asked(url: str, expression: str) -> list[Any]:
    """The series that an expression finds, each with its labels and its value."""
    query = urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=10) as answer:
            return json.load(answer)["data"]["result"]
    except OSError:
        return []


def scrape(stage: Stage) -> None:
    for path in ("/metrics", "/metrics/per-object", "/metrics/detailed?family=queue_coarse_metrics"):
        with urllib.request.urlopen(stage.metrics_url + path, timeout=20) as answer:
            text = answer.read()
        read = subprocess.run([PROGRAMS / "promtool", "check", "metrics"], input=text, capture_output=True, check=False)
        assert read.returncode != NOT_TEXT, (path, read.stderr)
    with prometheus(stage) as url:
        up = 'up{job="broker"} == 1'
        eventually(lambda: bool(asked(url, up)), "Prometheus has scraped the broker")
        missing: list[str] = []

        def answered() -> bool:
            missing[:] = [each for each in expressions() if not _by_node(asked(url, each))]
            return not missing

        try:
            eventually(answered, "every panel has its series")
        except AssertionError:
            raise AssertionError(f"these find nothing: {missing}") from None
        for expression, value in of_queues(stage.prefix).items():
            eventually(lambda e=expression, v=value: _values(asked(url, e)) == [v], expression)  # type: ignore[misc]


def _by_node(found: list[Any]) -> bool:
    return any(each["metric"].get("rabbitmq_node") for each in found)


def _values(found: list[Any]) -> list[float]:
    return [float(each["value"][1]) for each in found]


main(lambda *_: Tool(), {"scrape": scrape})
