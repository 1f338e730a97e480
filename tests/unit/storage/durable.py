"""A broker on a simulated disk, to be restarted at any moment."""

from __future__ import annotations

from pathlib import Path

from amqpd.broker.alarms import DISK
from amqpd.broker.broker import Broker
from amqpd.broker.compat import Compat
from amqpd.broker.message import Message
from amqpd.broker.ports import Inline
from amqpd.broker.queue import Queue
from amqpd.clock import ManualClock
from amqpd.fields import from_python
from amqpd.properties import Properties
from amqpd.storage.appendlog import AppendLogEngine
from amqpd.storage.journal import EngineJournal
from amqpd.storage.room import Room
from tests.unit.broker.world import SeededRandomness
from tests.unit.storage.disk import Disk

FOLDER = Path("data")
LIMIT = 10_000
"""Free octets below which publishers are blocked."""
PERSISTENT = Properties.of(delivery_mode=2)


class Durable:
    """A broker on a disk, whose clock goes on over restarts."""

    def __init__(
        self,
        disk: Disk | None = None,
        clock: ManualClock | None = None,
        *,
        slack: int = 3000,
        compat: Compat | None = None,
        reserve: int | None = None,
    ) -> None:
        """`reserve`: octets that are set aside; None: a full disk is an error like others."""
        self.disk = disk or Disk()
        self.clock = clock or ManualClock()
        engine = AppendLogEngine(FOLDER, files=self.disk, segment=5000)
        self.journal = EngineJournal(engine, self.clock, slack=slack)
        self.broker = Broker(self.clock, SeededRandomness(), compat=compat, journal=self.journal)
        self.journal.on_failure = lambda: self.broker.alarms.set(DISK, "journal", True)
        self.journal.restore_access(self.broker)
        self.vhost = self.broker.add_vhost("/")
        self.journal.restore_graph(self.broker)
        if reserve is not None:
            self.journal.room = Room(FOLDER, self.disk, self.broker.alarms, self.broker.timers, LIMIT, reserve)
        self.journal.start(Inline())
        self.drain()

    def queue(self, name: str = "q", arguments: dict[str, object] | None = None, *, durable: bool = True) -> Queue:
        found = self.vhost.queues.get(name)
        if found is None:
            found = self.vhost.add_queue(name, durable, False, None, from_python(arguments or {}))
        return found

    def publish(self, *bodies: bytes, queue: str = "q", properties: Properties = PERSISTENT) -> None:
        for body in bodies:
            self.vhost.publish(Message("", queue, properties, body), (self.vhost.queues[queue],))

    def drain(self) -> None:
        while self.broker.drain():
            pass

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        while self.broker.timers.run_due():
            self.drain()
        self.drain()

    def restarted(self, *, compat: Compat | None = None) -> Durable:
        """After the end of the process: what a turn had not committed is gone."""
        return Durable(Disk(self.disk.contents()), self.clock, compat=compat or self.broker.compat)

    def bodies(self, queue: str = "q") -> list[bytes]:
        return [message.body for message in self.vhost.queues[queue].browse(10_000)]

    @property
    def octets(self) -> int:
        """What all files take up."""
        return sum(map(len, self.disk.contents().values()))
