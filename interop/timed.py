"""Brokers for what takes time: one whose clock a test moves, and RabbitMQ, whose time passes by itself.

A test that lets a second pass and then waits for what must have happened holds on both; on RabbitMQ it takes a second.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from conformance import rabbitmq

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amqpd.broker.ports import Journal
    from amqpd.testing.broker import EmbeddedBroker

AMQPD: Final = "amqpd"
RABBITMQ: Final = "rabbitmq"
COMPAT: Final = "3.10"
"""What amqpd answers like beside Debian's RabbitMQ."""


class TimedBroker(ABC):
    """A broker of the run's own, at `url` with the default user and the default virtual host."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def let_pass(self, seconds: float) -> None:
        """Move the clock, if there is one to move; what then comes due without it, the test waits for."""


class Amqpd(TimedBroker):
    """amqpd in a thread of this process, without any of its extensions."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        super().__init__(broker.url)
        self._clock = broker.clock

    def let_pass(self, seconds: float) -> None:
        self._clock.advance(seconds)


class RabbitMQ(TimedBroker):
    """A RabbitMQ node."""

    def let_pass(self, seconds: float) -> None:
        """Do nothing: a test waits for an outcome, not for an hour."""


@contextmanager
def running(name: str, journal: Journal | None) -> Iterator[TimedBroker]:
    """Run the broker of that name; raise rabbitmq.Unavailable where it cannot run."""
    if name == RABBITMQ:
        with rabbitmq.node() as port:
            yield RabbitMQ(f"amqp://guest:guest@127.0.0.1:{port}/%2F")
        return
    from amqpd import run_in_thread

    with run_in_thread(compat=COMPAT, strict=True, journal=journal) as broker:
        yield Amqpd(broker)
