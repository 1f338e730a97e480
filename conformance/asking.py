"""Asking again for what a broker does some time after it answered."""

from __future__ import annotations

import time
from collections.abc import Iterator

PATIENCE = 20.0
"""Seconds: RabbitMQ counts what is in a stream every 5 seconds."""


def again_and_again(patience: float = PATIENCE) -> Iterator[None]:
    """Yield until so many seconds are over; a test stops to ask when it has heard what it waits for."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        yield
