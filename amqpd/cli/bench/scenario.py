"""What a scenario is, and how one is run against one broker.

A scenario is a frozen set of options with a ``measure``; it gets an open control connection, on which it makes and
removes what it needs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.frames import TableValue
from amqpd.cli.bench.stopwatch import Measurement
from amqpd.cli.bench.url import BrokerUrl

# A client process that computed for more than this share of its time is what was measured, not the broker.
BOTTLENECK_LOAD = 0.95

_CLEAN_UP_SECONDS = 30.0


@dataclass(frozen=True)
class Target:
    """A broker to measure; `timeout` (seconds) bounds a whole scenario, `pid` is the broker's process if known."""

    url: BrokerUrl
    pid: int | None = None
    timeout: float = 300.0


@dataclass(frozen=True)
class Outcome:
    """Figures by name (the name ends with the unit) and the measurements of the client processes they came from."""

    figures: Mapping[str, float]
    measurements: Sequence[Measurement]


class Scenario(Protocol):
    """One way of loading a broker; its dataclass fields are its options."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def measure(self, target: Target, control: Connection, /) -> Outcome:
        """Load the broker and return the figures; raises BenchError."""


@dataclass(frozen=True)
class Result:
    """One run of one scenario; `client_load` is the largest share of its time that a client process spent computing."""

    scenario: str
    broker: str
    url: str
    figures: Mapping[str, float]
    client_load: float

    @property
    def client_was_bottleneck(self) -> bool:
        """Return whether some client process was too busy to show what the broker can do."""
        return self.client_load > BOTTLENECK_LOAD


def run(name: str, scenario: Scenario, target: Target) -> Result:
    """Run one scenario once; raises BenchError."""
    with Connection(target.url, patience=target.timeout) as control:
        outcome = scenario.measure(target, control)
        load = max((one.load for one in outcome.measurements), default=0.0)
        return Result(name, control.product, str(target.url), outcome.figures, load)


def fresh_name() -> str:
    """Return a queue name that no other run uses; always 14 octets, since a name's length is part of every delivery."""
    return f"bench.{secrets.token_hex(4)}"


@contextmanager
def queue(
    control: Connection, name: str, *, durable: bool = False, arguments: Mapping[str, TableValue] | None = None
) -> Iterator[None]:
    """A queue that is deleted at the end, also after a failure."""
    control.declare_queue(name, durable=durable, arguments=arguments)
    try:
        yield
    finally:
        remove(control, lambda connection: connection.delete_queue(name))


def remove(control: Connection, action: Callable[[Connection], None]) -> None:
    """Clean up over `control` or, if the broker has closed it, over a new connection; failing to is no error."""
    try:
        action(control)
    except BenchError:
        with suppress(BenchError), Connection(control.url, patience=_CLEAN_UP_SECONDS) as again:
            action(again)
