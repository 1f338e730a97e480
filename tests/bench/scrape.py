"""What a scrape costs, and what it does to publishers: `python -m tests.bench.scrape [QUEUES]`.

Starts `amqpd serve`, declares queues (10,000), scrapes /metrics/per-object and /metrics some times, and then sends
messages at a rate through one more queue, without scrapes and while one scrape follows the other after a pause.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.url import BrokerUrl
from tests.bench.stream_replay import broker

QUEUES = 10_000
RATE = 2000
SECONDS = 6
PAUSE = 0.25
"""Seconds between two scrapes beside publishers: Prometheus comes every 15."""


def scraped(port: int, path: str) -> tuple[float, int]:
    """Seconds and octets of one scrape."""
    started = time.perf_counter()
    with urlopen(f"http://127.0.0.1:{port}{path}") as answer:
        octets = len(answer.read())
    return time.perf_counter() - started, octets


def latency(url: BrokerUrl) -> str:
    """Microseconds from publish to delivery, as `amqpd bench latency` has them."""
    address = f"amqp://guest:guest@{url.host}:{url.port}/%2F"
    options = ["--rate", str(RATE), "--time", str(SECONDS), "--url", address, "--json", "-"]
    command = [sys.executable, "-m", "amqpd", "bench", "latency", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    figures: dict[str, float] = json.loads(done.stdout)["figures"]
    return ", ".join([f"{name} {value:g}" for name, value in figures.items()])


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else QUEUES
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with broker("--transient", "--metrics-port", str(port)) as (url, _):
        with Connection(url) as connection:
            for number in range(count):
                connection.declare_queue(f"orders.europe.{number}")
        print(f"{count:,} queues")
        for path in ("/metrics/per-object", "/metrics"):
            times = [scraped(port, path) for _ in range(5)]
            print(f"{path}: {min(times)[0]:.3f} to {max(times)[0]:.3f} s, {times[0][1]:,} octets")
        print("without scrapes:", latency(url))
        with ThreadPoolExecutor(1) as pool:
            measured = pool.submit(latency, url)
            times = []
            while not measured.done():
                times.append(scraped(port, "/metrics/per-object"))
                time.sleep(PAUSE)
            print(f"with {len(times)} scrapes of all queues, {max(times)[0]:.3f} s at most:", measured.result())


if __name__ == "__main__":
    main()
