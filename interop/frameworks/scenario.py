"""What the scenarios of the Python frameworks share: bodies, URLs that are refused, and waiting.

Knows no framework. Nothing here sleeps; what is awaited has a deadline.
"""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING

from interop.matrix.driver import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from interop.matrix.driver import Run

EVERY_OCTET = bytes(number % 256 for number in range(1000))


def refused_urls(run: Run) -> tuple[str, str]:
    """Return the broker's URL with a wrong password, and with a virtual host that does not exist."""
    host, port = run.plain.host, run.plain.port
    return f"amqp://guest:wrong@{host}:{port}/%2F", f"amqp://guest:guest@{host}:{port}/{run.name('missing')}"


def large_body(seed: int) -> bytes:
    """Return 10 MB that are not all the same, and others for another seed."""
    pattern = bytes((seed + number * number) % 251 for number in range(65521))
    return (pattern * 161)[: 10 * 1024 * 1024]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition that nothing announces, by asking again and again."""
    give_up = time.monotonic() + PATIENCE
    pause = Event()
    while not condition():
        assert time.monotonic() < give_up, f"after {PATIENCE:.0f} s still not: {what}"
        pause.wait(0.02)
