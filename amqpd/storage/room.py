"""Room on the disk: the reserve that lets acknowledgements be recorded on a full one, and the alarm.

Publishers are blocked below the limit, as RabbitMQ does it (`disk_free_limit`), and from the moment when the disk
refused a write until there is room for the reserve and the limit again. The disk is looked at more often the fuller it
is, away from the broker's thread. https://www.rabbitmq.com/docs/disk-alarms
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from amqpd.broker.alarms import DISK, Alarms
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Offload
from amqpd.broker.timers import Timer, Timers
from amqpd.log import get_logger
from amqpd.storage.files import Files, is_full

log = get_logger(__name__)

RESERVE: Final = 64 * 1024 * 1024
"""Octets that are set aside."""
NAME: Final = "reserve"
"""Their file."""
SOONEST: Final = 0.1
LATEST: Final = 10.0
"""Seconds between two looks at the disk."""
SHORT: Final = 1.0
"""The same while it is short."""
FAST: Final = 250_000_000
"""Octets a second that are written at most, for all we know."""


class Reserve:
    """Octets in a file of their own."""

    def __init__(self, folder: Path, files: Files, octets: int = RESERVE) -> None:
        self._files = files
        self._path = folder / NAME
        self.octets = octets

    def take(self) -> None:
        """Set them aside. Raises OSError."""
        try:
            self._files.allocate(self._path, self.octets)
        except OSError:
            self.give_back()
            raise

    def give_back(self) -> None:
        """Let them be used."""
        if self._path.name in self._files.names(self._path.parent):
            self._files.remove(self._path)


class Room:
    """Watches one folder for one broker."""

    def __init__(
        self,
        folder: Path,
        files: Files,
        alarms: Alarms,
        timers: Timers,
        limit: int,
        reserve: int = RESERVE,
    ) -> None:
        """`limit`: free octets below which publishers are blocked. `start` comes first."""
        self._folder = folder
        self._files = files
        self._alarms = alarms
        self._timers = timers
        self._limit = limit
        self._reserve = Reserve(folder, files, reserve)
        self._held = False
        self._full = False
        self._timer: Timer | None = None
        """None: it is being looked at."""
        self._offload: Offload | None = None
        self.free: int | None = None
        """Free octets at the last look."""
        self.on_look: Callable[[], None] | None = None
        """Called when there may be room again."""

    @property
    def limit(self) -> int:
        """Free octets below which publishers are blocked."""
        return self._limit

    def set_limit(self, limit: int) -> None:
        """Compare with another limit from now on."""
        self._limit = limit
        if self._offload is not None and self._timer is not None:
            self._timers.cancel(self._timer)
            self._look()

    def start(self, offload: Offload) -> None:
        """Set the reserve aside, and look at the disk from now on."""
        self._offload = offload
        self._look()

    def ran_out(self) -> bool:
        """The disk refused a write: block publishers and give the reserve back; return whether there was any."""
        if not self._full:
            self._full = True
            self._alarms.set(DISK, "full", short=True)
            log.error(
                "the disk is full: publishers are blocked, confirms wait, consumers go on. Make room, and publishers "
                "go on without a restart",
                folder=str(self._folder),
                needed=self._reserve.octets + self._limit,
            )
            if self._timer is not None:
                self._timers.cancel(self._timer)
                self._timer = self._timers.after(SHORT, self._look)
        held, self._held = self._held, False
        if held:
            self._reserve.give_back()
        return held

    # -- inside ------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        assert self._offload is not None
        held, self._timer = self._held, None
        self._offload.run(lambda: self._free(held)).when_done(self._looked)

    def _free(self, held: bool) -> tuple[int, bool]:
        """Free octets, and whether the reserve is set aside: where there is room for it, it is taken; may block."""
        free = self._files.free(self._folder)
        if not held and free >= self._reserve.octets + self._limit:
            try:
                self._reserve.take()
            except OSError as error:
                if not is_full(error):
                    raise
            else:
                free, held = free - self._reserve.octets, True
        return free, held

    def _looked(self, done: Pending[tuple[int, bool]]) -> None:
        wait = SHORT
        try:
            free, held = done.result()
        except OSError as error:
            log.error("the disk cannot be looked at", folder=str(self._folder), error=str(error))
        else:
            self.free = free
            short = free < self._limit
            if held and not self._held:
                self._held = True
                self._end()
            self._alarms.set(DISK, "free", short)
            if not short and not self._full:
                wait = min(LATEST, max(SOONEST, (free - self._limit) / FAST))
        self._timer = self._timers.after(wait, self._look)
        if self.on_look is not None:
            self.on_look()

    def _end(self) -> None:
        if self._full:
            self._full = False
            log.info("there is room on the disk again: publishers go on", folder=str(self._folder))
            self._alarms.set(DISK, "full", short=False)
