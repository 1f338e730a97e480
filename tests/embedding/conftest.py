"""The plugin's fixtures, also where amqpd is not installed and its entry point is not there."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import pytest

from amqpd.testing.plugin import amqpd, amqpd_broker, amqpd_vhost

__all__ = ["amqpd", "amqpd_broker", "amqpd_vhost"]

DEADLINE = 20.0


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds that nothing announces."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        pause = Event()
        while not condition():
            assert time.monotonic() < deadline, f"condition still false after {DEADLINE} s"
            pause.wait(0.005)

    return wait
