"""The well-behaved clients: `python -m tests.hostile.pair PORT SECONDS`; what they met is printed as JSON.

One connection publishes at a fixed rate, another one consumes; a latency runs from the moment when a message was due
until its delivery, so that a stall counts for every message that it holds up. A third client logs in again and again.
"""

from __future__ import annotations

import json
import select
import struct
import sys
import time
from threading import Thread

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.frames import publish
from amqpd.cli.bench.url import BrokerUrl, parse_url

RATE = 500
"""Messages a second."""
LOGIN_PAUSE = 0.25
"""Seconds between two logins."""
PATIENCE = 20.0
"""Seconds that the last messages may take."""
MARK = b"hostile "
STAMP = struct.Struct(">8sd")


class Logins(Thread):
    """Logs in again and again, and keeps how long each took."""

    def __init__(self, url: BrokerUrl, until: float) -> None:
        super().__init__(daemon=True)
        self.seconds: list[float] = []
        self._url = url
        self._until = until

    def run(self) -> None:
        while time.monotonic() < self._until:
            began = time.monotonic()
            Connection(self._url).close()
            self.seconds.append(time.monotonic() - began)
            time.sleep(LOGIN_PAUSE)


def latencies(url: BrokerUrl, seconds: float) -> list[float]:
    """Seconds of each message, in the order of publishing."""
    found: list[float] = []
    with Connection(url) as publisher, Connection(url) as consumer:
        publisher.declare_queue("pair")
        consumer.consume("pair", no_ack=True)
        count, sent, rest = int(seconds * RATE), 0, b""
        began = time.monotonic()
        while len(found) < count and time.monotonic() < began + seconds + PATIENCE:
            now = time.monotonic()
            due = began + sent / RATE
            if sent < count and now >= due:
                publisher.send(publish("", "pair", STAMP.pack(MARK, due), frame_max=publisher.frame_max))
                sent += 1
                continue
            ready, _, _ = select.select([consumer], [], [], max(0.0, due - now) if sent < count else 0.1)
            if ready:
                rest += consumer.receive()
                arrived = time.monotonic()
                while (at := rest.find(MARK)) >= 0 and len(rest) >= at + STAMP.size:
                    found.append(arrived - STAMP.unpack_from(rest, at)[1])
                    rest = rest[at + STAMP.size :]
        found += [PATIENCE] * (count - len(found))
    return found


def main() -> None:
    """Print percentiles in milliseconds."""
    url, seconds = parse_url(f"amqp://127.0.0.1:{sys.argv[1]}"), float(sys.argv[2])
    logins = Logins(url, time.monotonic() + seconds)
    logins.start()
    messages = sorted(latencies(url, seconds))
    logins.join(PATIENCE)
    taken = sorted(logins.seconds) or [PATIENCE]
    figures = {
        "p50": messages[len(messages) // 2],
        "p99": messages[len(messages) * 99 // 100],
        "max": messages[-1],
        "login": taken[len(taken) // 2],
        "login_max": PATIENCE if logins.is_alive() else taken[-1],
    }
    print(json.dumps({name: value * 1000 for name, value in figures.items()}))


if __name__ == "__main__":
    main()
