"""Keeps memory bounded: past a share of its limit, the contents of waiting messages go to the disk.

What is taken last goes first, and queues take turns. It is work like any other, a slice for each turn; nothing is
looked at while there is memory enough. RabbitMQ's name for the share is vm_memory_high_watermark_paging_ratio.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from amqpd.broker.ports import Spill
from amqpd.broker.queue import Queue
from amqpd.broker.work import Work
from amqpd.log import get_logger

if TYPE_CHECKING:
    from amqpd.broker.broker import Broker

log = get_logger(__name__)

RUNS: Final = 2
"""Runs that one queue pages out in a slice."""
LOOKS: Final = 64
"""Queues that one slice looks at."""
LOW: Final = 95
"""Percentage of the mark at which paging ends."""
MORE: Final = 64
"""After a round that found nothing to page out, the next one begins when the account has grown by this part of the
mark.
"""
PAUSE: Final = 10.0
"""Seconds that it leaves a disk alone that took nothing."""


class Pager(Work):
    """Pages queues out while the account is above a mark."""

    def __init__(self, broker: Broker, spill: Spill, mark: int) -> None:
        """`mark`: octets of the account above which messages leave memory."""
        self._broker = broker
        self._account = broker.account
        self._spill = spill
        self._mark = mark
        self._low = mark * LOW // 100
        self._from = mark
        """Octets above which a round is worth it."""
        self._round: Iterator[Queue] | None = None
        self._found = False
        """Whether this round has paged anything out."""

    def check(self, octets: int) -> None:
        """Begin if there is reason to; called at the end of every turn with what the account says."""
        if octets > self._from and self._round is None:
            self._begin()
            self._broker.work.add(self)
        elif octets < self._low:
            self._from = self._mark

    def relieve(self) -> None:
        """Make room at once, while nobody is served yet."""
        if self._account.octets > self._from and self._round is None:
            self._begin()
            while self.step(0):
                pass

    def step(self, budget: int) -> bool:
        for _ in range(LOOKS):
            if self._account.octets <= self._low:
                self._round = None
            if self._round is None:
                return False
            queue = next(self._round, None)
            if queue is None:
                if not self._found:
                    self._from = self._account.octets + self._mark // MORE
                    self._round = None
                    return False
                self._begin()
            elif not queue.deleted and self._page_out(queue):
                return self._round is not None
        return True

    def _begin(self) -> None:
        self._round = iter([queue for vhost in self._broker.vhosts.values() for queue in vhost.queues.values()])
        self._found = False

    def _page_out(self, queue: Queue) -> bool:
        """Page a slice of a queue out; return whether that was enough for a turn."""
        before = self._account.octets
        try:
            queue.page_out(self._spill, self._account, RUNS)
        except OSError as error:
            log.error(
                "messages cannot be moved out of memory, where they stay: make room on the disk of the data directory",
                exc_info=error,
            )
            self._round = None
            self._from = 2**63
            self._broker.timers.after(PAUSE, self._try_again)
            return True
        if self._account.octets == before:
            return False
        self._found = True
        return True

    def _try_again(self) -> None:
        self._from = self._mark
