"""What a scenario is, and how one is run against one broker.

A scenario is a frozen set of options with a ``measure``; it gets an open control connection, on which it makes and
removes what it needs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from amqpd.cli.bench.board import Board
from amqpd.cli.bench.bottleneck import Shares, shares
from amqpd.cli.bench.broker_process import broker_pid, processor_seconds
from amqpd.cli.bench.client import Connection
from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.frames import TableValue
from amqpd.cli.bench.histogram import Histogram
from amqpd.cli.bench.machine import busy_seconds
from amqpd.cli.bench.progress import INTERVAL, StatusLine
from amqpd.cli.bench.stopwatch import Measurement, now
from amqpd.cli.bench.url import BrokerUrl
from amqpd.cli.bench.workers import Job, run_jobs

_CLEAN_UP_SECONDS = 30.0

# Systems count another process's time in hundredths of a second; a share of less than this would be a guess.
_SHORTEST_SHARE = 0.2


@dataclass(frozen=True)
class Target:
    """A broker to measure; `timeout` (seconds) bounds a whole scenario, `pid` is the broker's process if known."""

    url: BrokerUrl
    pid: int | None = None
    timeout: float = 300.0
    status: StatusLine | None = None

    def load(self, jobs: Sequence[Job], board: Board) -> Load:
        """Run client processes that count on `board`, and watch them and the broker meanwhile; raises BenchError."""
        watcher = _Watcher(self, board)
        try:
            measurements = run_jobs(jobs, self.timeout, watcher)
        finally:
            if self.status:
                self.status.clear()
        return Load(measurements, watcher.broker_share, watcher.machine_share)


@dataclass(frozen=True)
class Load:
    """What the client processes measured, in the order of their jobs, beside processor time per wall time.

    That of the broker and of everything on this machine together; None where it is not known.
    """

    measurements: list[Measurement]
    broker_share: float | None
    machine_share: float | None


class _Watcher:
    """Takes the processor time of broker and machine around a load, and keeps the status line up to date."""

    def __init__(self, target: Target, board: Board) -> None:
        self.interval = INTERVAL
        self.broker_share: float | None = None
        self.machine_share: float | None = None
        self._status = target.status
        self._pid = target.pid
        self._board = board
        self._start = self._used = 0.0
        self._busy: float | None = None

    def begin(self, moment: float) -> None:
        self._start = moment
        self._used = self._processor_seconds()
        self._busy = busy_seconds()
        if self._status:
            self._status.begin()

    def tick(self) -> None:
        if self._status:
            self._status.show(self._board, now() - self._start)

    def end(self) -> None:
        elapsed = now() - self._start
        if elapsed < _SHORTEST_SHARE:
            return
        if self._pid:
            self.broker_share = (self._processor_seconds() - self._used) / elapsed
        busy = busy_seconds()
        if busy is not None and self._busy is not None:
            self.machine_share = (busy - self._busy) / elapsed

    def _processor_seconds(self) -> float:
        return processor_seconds(self._pid) if self._pid else 0.0


@dataclass(frozen=True)
class Outcome:
    """Figures by name (the name ends with the unit), the load they came from, and what the user has to know of them."""

    figures: Mapping[str, float]
    load: Load
    histogram: Histogram | None = None
    notes: list[str] = field(default_factory=list)


class Scenario(Protocol):
    """One way of loading a broker; its dataclass fields are its options."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def measure(self, target: Target, control: Connection, /) -> Outcome:
        """Load the broker and return the figures; raises BenchError."""


@dataclass(frozen=True)
class Result:
    """One run of one scenario; `notes` are sentences about what limited or spoiled the figures."""

    scenario: str
    broker: str
    url: str
    figures: Mapping[str, float]
    shares: Shares
    histogram: Histogram | None
    notes: list[str]


def run(name: str, scenario: Scenario, target: Target) -> Result:
    """Run one scenario once; the broker's process is looked for if it is not known. Raises BenchError."""
    with Connection(target.url, patience=target.timeout) as control:
        if target.pid is None:
            target = replace(target, pid=broker_pid(target.url))
        outcome = scenario.measure(target, control)
        load = outcome.load
        found = shares(load.measurements, load.broker_share, load.machine_share)
        notes = [*found.notes(), *outcome.notes]
        return Result(name, control.product, str(target.url), outcome.figures, found, outcome.histogram, notes)


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
