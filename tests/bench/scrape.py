"""What scrapes and lists cost, and what they do to publishers: `python -m tests.bench.scrape [QUEUES [PAIRS]]`.

Starts `amqpd serve`, declares queues (10,000), asks some times for /metrics/per-object, /metrics and the first page of
/api/queues, and then sends messages at a rate through one more queue: in pairs of runs, without and while one answer
follows the other after a pause. The medians of the pairs' percentiles are what counts: a machine that does other things
besides shows them in both halves of a pair.
"""

from __future__ import annotations

import base64
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.url import BrokerUrl
from tests.bench.stream_replay import broker

QUEUES = 10_000
PAIRS = 5
RATE = 2000
SECONDS = 4
PAUSE = 0.25
"""Seconds between two answers beside publishers: Prometheus comes every 15, a page is shown anew every 5."""
LOGIN = {"authorization": "Basic " + base64.b64encode(b"guest:guest").decode()}
PAGE = "/api/queues?page=1&page_size=100"
SHOWN = ("p50_us", "p99_us", "p99.9_us")


def asked(port: int, path: str) -> tuple[float, int]:
    """Seconds and octets of one answer."""
    started = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers=LOGIN)
    answer = connection.getresponse()
    octets = len(answer.read())
    connection.close()
    assert answer.status == 200
    return time.perf_counter() - started, octets


def latency(url: BrokerUrl) -> Mapping[str, float]:
    """Microseconds from publish to delivery, as `amqpd bench latency` has them."""
    address = f"amqp://guest:guest@{url.host}:{url.port}/%2F"
    options = ["--rate", str(RATE), "--time", str(SECONDS), "--url", address, "--json", "-"]
    command = [sys.executable, "-m", "amqpd", "bench", "latency", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    figures: dict[str, float] = json.loads(done.stdout)["figures"]
    return figures


def meanwhile(url: BrokerUrl, port: int, path: str) -> Mapping[str, float]:
    """The same while one answer follows the other."""
    with ThreadPoolExecutor(1) as pool:
        measured = pool.submit(latency, url)
        while not measured.done():
            asked(port, path)
            time.sleep(PAUSE)
        return measured.result()


def free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else QUEUES
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else PAIRS
    metrics, management = free_port(), free_port()
    with broker("--transient", "--metrics-port", str(metrics), "--management-port", str(management)) as (url, _):
        with Connection(url) as connection:
            for number in range(count):
                connection.declare_queue(f"orders.europe.{number}")
        print(f"{count:,} queues")
        answers = ((metrics, "/metrics/per-object"), (metrics, "/metrics"), (management, PAGE))
        for port, path in answers:
            times = [asked(port, path) for _ in range(5)]
            print(f"{path}: {min(times)[0]:.3f} to {max(times)[0]:.3f} s, {times[0][1]:,} octets")
        for port, path in answers:
            both = [(latency(url), meanwhile(url, port, path)) for _ in range(pairs)]
            print(f"beside {path} again and again, {pairs} pairs, medians in microseconds:")
            for name in (each for each in both[0][0] if each in SHOWN):
                quiet, busy = [statistics.median([pair[side][name] for pair in both]) for side in (0, 1)]
                raised = statistics.median([with_it[name] - without[name] for without, with_it in both])
                print(f"    {name}: {quiet:,.0f} without, {busy:,.0f} with it, raised by {raised:,.0f}")


if __name__ == "__main__":
    main()
