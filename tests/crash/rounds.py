"""Episodes: a broker is started, used and killed several times; then everything is taken out and the log is checked.

Each storage has its data directory, and each episode begins with what the one before left there.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

import attrs

from tests.crash import workers
from tests.crash.checker import SLACK, Violation, check
from tests.crash.log import CONFIRMS, TOLD, Confirmed, Event, Failed, Log, Received, Settled, write
from tests.crash.process import ROOT, Broker, Storage
from tests.crash.raw_session import RawSession
from tests.crash.sessions import Gone, Life
from tests.crash.topology import DELAYS, FANNED, LASTING, OWN

KILLS: Final = (2, 9)
"""Of an episode, at least and at most."""
BEFORE_READY: Final = 0.25
"""The share of kills that come while the broker starts."""
START: Final = 1.2
"""Seconds in which such a kill comes."""
IN_ORDER: Final = 0.1
"""The share of lives that end by SIGTERM instead."""
PAGING: Final = 0.3
"""The share of lives in which messages leave memory."""
PAGED: Final = "200kB"
"""What these keep in it."""
LIFE: Final = (0.2, 2.0)
"""Seconds from ready to killed, at least and at most."""
MOST_CONFIRMS: Final = 1500
"""Many kills come at one of so many confirms, at once after it was read."""
MOST_TOLD: Final = 20
"""Others at one of so many answers to the operator."""


@attrs.define
class Tally:
    """What was done so far."""

    episodes: int = 0
    starts: int = 0
    kills: int = 0
    confirmed: int = 0
    settled: int = 0
    received: int = 0
    violations: Counter[str] = attrs.field(factory=Counter)

    def count(self, events: list[Event], violations: list[Violation]) -> None:
        """Add an episode."""
        kinds = Counter(type(event) for event in events)
        self.episodes += 1
        self.confirmed += kinds[Confirmed]
        self.settled += kinds[Settled]
        self.received += kinds[Received]
        self.violations.update(violation.kind for violation in violations)

    def __str__(self) -> str:
        found = ", ".join(f"{count} {kind}" for kind, count in sorted(self.violations.items())) or "none"
        return (
            f"{self.episodes} episodes, {self.starts} starts, {self.kills} kills; messages confirmed "
            f"{self.confirmed}, received {self.received}, settled {self.settled}; violations: {found}"
        )


class Campaign:
    """Plays episodes in a folder of its own."""

    def __init__(self, folder: Path, seed: int, storages: tuple[Storage, ...], root: Path = ROOT) -> None:
        """`root`: the folder whose `amqpd` is tested."""
        self._folder = folder
        self._seed = seed
        self._storages = storages
        self._root = root
        self.tally = Tally()

    def play(self, number: int) -> list[Violation]:
        """Play an episode; where something was violated, its log and its data are kept."""
        random = Random(f"{self._seed}/{number}")
        storage = self._storages[number % len(self._storages)]
        data = self._folder / storage.name.lower()
        episode = _Episode(self, random, storage, data, f"{self._seed}.{number}")
        events = episode.play()
        violations = check(events)
        self.tally.count(events, violations)
        if violations:
            kept = self._folder / f"violated-{self._seed}-{number}"
            kept.mkdir()
            write(events, kept / "log")
            if data.exists():
                shutil.move(data, kept / "data")
        return violations

    def start(self, storage: Storage, data: Path, options: list[str]) -> Broker:
        """Start a broker on a data directory."""
        self.tally.starts += 1
        return Broker(storage, data, options, self._root)


class _Episode:
    """One of them."""

    def __init__(self, campaign: Campaign, random: Random, storage: Storage, data: Path, name: str) -> None:
        self._campaign = campaign
        self._random = random
        self._storage = storage
        self._data = data
        self._name = name
        self._log = Log()
        self._life = 0

    def play(self) -> list[Event]:
        fresh = not self._data.exists()
        broker, life = self._start()
        if life is None:
            self._end(broker)
            return self._log.events
        if fresh:
            self._declare(life)
        lives = workers.Lives()
        threads = workers.start(self._log, lives, self._name, self._random)
        for _ in range(self._random.randint(*KILLS)):
            if life is not None:
                lives.begin(life)
                self._let_live()
            if life is not None and self._random.random() < IN_ORDER:
                self._stop(broker)
            else:
                self._end(broker)
            broker, life = self._start(may_be_killed=True)
        self._end(broker)
        lives.finish()
        for thread in threads:
            thread.join()
        broker, life = self._start()
        if life is not None:
            self._audit(life)
        if self._random.random() < 0.5:
            self._end(broker)
        else:
            self._stop(broker)
        return self._log.events

    def _start(self, *, may_be_killed: bool = False) -> tuple[Broker, Life | None]:
        """Start a broker; sometimes it is killed while it starts, and another one follows."""
        self._life += 1
        options = ["--durability", self._random.choice(("fsync", "os"))]
        if self._random.random() < PAGING:
            options += ["--memory-paging-ratio", PAGED]
        broker = self._campaign.start(self._storage, self._data, options)
        if may_be_killed and self._random.random() < BEFORE_READY:
            broker.wait(self._random.uniform(0, START))
            self._end(broker)
            return self._start(may_be_killed=True)
        port = broker.port()
        if port is None:
            self._log.add(Failed(f"life {self._life}: the broker did not start: {broker.complaints}"))
        return broker, None if port is None else Life(self._life, port, broker.socket)

    def _let_live(self) -> None:
        seconds = self._random.uniform(*LIFE)
        kinds, most = self._random.choices(((CONFIRMS, MOST_CONFIRMS), (TOLD, MOST_TOLD), ((), 1)), (4, 2, 4))[0]
        self._log.wait_for(kinds, self._random.randint(1, most), seconds)

    def _stop(self, broker: Broker) -> None:
        status = broker.stop()
        if status or broker.complaints:
            self._log.add(Failed(f"life {self._life}: an orderly end had the status {status}: {broker.complaints}"))

    def _end(self, broker: Broker) -> None:
        broker.kill()
        self._campaign.tally.kills += 1
        if broker.complaints:
            self._log.add(Failed(f"life {self._life}: {broker.complaints}"))

    def _declare(self, life: Life) -> None:
        session = RawSession(self._log, life, "declarer")
        fanned = tuple(queue.name for queue in FANNED)
        session.declare_lasting(tuple(queue.name for queue in LASTING), fanned)
        session.close()

    def _audit(self, life: Life) -> None:
        """Take everything out, once no message is delayed any more. The queues of owners are declared first: one may be
        deleted at the moment. Streams begin anew.
        """
        try:
            session = RawSession(self._log, life, "auditor", audit=True).confirm()
            for queue in OWN:
                session.look(queue.name)
                session.declare(queue.name)
            threading.Event().wait(max(DELAYS) / 1000 + SLACK)
            for queue in (*LASTING, *OWN):
                if queue.stream:
                    session.audit_stream(queue.name)
                    session.renew(queue.name)
                else:
                    session.audit(queue.name)
            session.finish_audit()
            session.close()
        except Gone:
            self._log.add(Failed("the audit was not finished"))


def until(campaign: Campaign, seconds: float, say: bool) -> None:
    """Play episodes until the time is over."""
    begun, number = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        violations = campaign.play(number)
        number += 1
        if say:
            for violation in violations[:20]:
                print(f"episode {number - 1}: {violation}", flush=True)
            print(f"{time.monotonic() - begun:5.0f} s: {campaign.tally}", flush=True)
