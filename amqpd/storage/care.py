"""The care of the journal's space, one short step at a time between commits: what goes next, and what moves first.

What streams have dropped goes first, then rows that hold nothing, from the front. Where what is still needed is less
than half of all, and the rest is more than a slack, the oldest rows' messages are copied into the next batches, so that
those rows can go as well: in the worst case, everything that is needed was written twice by the time that as much again
was given back. Steps run away from the broker's thread, as commits do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from amqpd.storage.batch import Batch, Content, decode, weight_of
from amqpd.storage.engine import Engine
from amqpd.storage.placement import Rows
from amqpd.storage.streams import Step, Streams

SLACK: Final = 128 * 1024 * 1024
"""Octets that rows may take up beyond twice what is needed."""
COPIED: Final = 256 * 1024
"""Octets of messages that are copied in one batch, about."""
MESSAGES: Final = 2048
"""Messages that are copied in one batch at most."""
READ: Final = 1024 * 1024
"""Octets of rows that are read in one step, about."""
TRIMMED: Final = 6 * 1024 * 1024
"""Octets of rows that are removed in one step, about."""
TIDIED: Final = 2 * 1024 * 1024
"""Octets that are written before the engine tidies up, about."""


class Record(NamedTuple):
    """A message on its way to a newer row."""

    queue: int
    number: int
    content: Content
    deadline: int
    row: int
    place: int
    """Of the content in its row."""


class Care:
    """Decides what is to be done about the space of a shard."""

    __slots__ = ("_engine", "_gives_back", "_moving", "_rows", "_shard", "_slack", "_streams", "_tidying", "_written")

    def __init__(self, engine: Engine, shard: str, rows: Rows, streams: Streams, slack: int = SLACK) -> None:
        self._engine = engine
        self._shard = shard
        self._rows = rows
        self._streams = streams
        self._slack = slack
        self._moving: deque[Record] = deque()
        self._tidying = False
        self._gives_back = False
        self._written = 0

    @property
    def moving(self) -> bool:
        """Whether messages are to be copied by the next batch."""
        return bool(self._moving)

    def next_step(self) -> Step | None:
        """What is to be done now; None: nothing."""
        if self._tidying:
            return self._tidy
        drop = self._streams.next_drop()
        if drop is not None:
            return lambda: self._drop(drop)
        below, octets = self._rows.dead(TRIMMED)
        if below and octets >= self._slack // 128:
            return lambda: self._trim(below)
        if not self._moving and self._rows.octets > 2 * self._rows.live_octets + self._slack:
            return self._reading()
        return None

    def wrote(self, octets: int) -> None:
        """The engine has written so many octets, about."""
        self._written += octets
        if self._written >= TIDIED:
            self._tidying = True

    def copy_into(self, batch: Batch) -> None:
        """Copy a slice of what is moving, in so far as it was not settled meanwhile."""
        octets = count = 0
        while self._moving and octets < COPIED and count < MESSAGES:
            queue, number, content, deadline, row, place = self._moving.popleft()
            if self._rows.row_of(queue, number) != row:
                continue
            batch.copy(queue, number, content, deadline, (row, place))
            batch.deliver(queue, self._rows.delivered_up_to(queue))
            failures = self._rows.failures(queue, number)
            if failures and number not in batch.queues[queue].returned:
                batch.give_back(queue, number, failures)
            octets += weight_of(content)
            count += 1

    # -- steps -------------------------------------------------------------------------------------------------------

    def _tidy(self) -> Callable[[], None]:
        """A checkpoint, and a slice of the space that is given back, by turns."""
        gives_back, written = self._gives_back, self._written
        more = self._engine.give_back() if gives_back else self._engine.checkpoint()

        def done() -> None:
            if gives_back:
                self._gives_back = False
            else:
                self._written -= written
                self._tidying = self._gives_back = more

        return done

    def _drop(self, drop: Step) -> Callable[[], None]:
        """Remove chunks of a stream."""
        dropped = drop()

        def done() -> None:
            dropped()
            self._tidying = True

        return done

    def _trim(self, below: int) -> Callable[[], None]:
        self._engine.trim(self._shard, below)

        def done() -> None:
            self._rows.trim(below)
            self._tidying = True

        return done

    def _reading(self) -> Step | None:
        """Read what the oldest rows hold."""
        wanted: list[tuple[int, dict[int, list[int]]]] = []
        live = octets = count = 0
        for row in self._rows.oldest():
            wanted.append((row.seq, self._rows.held(row)))
            live += row.live_octets
            octets += row.octets
            count += row.live
            if live >= COPIED or count >= MESSAGES or octets >= READ:
                break
        if not wanted:
            return None

        def read() -> Callable[[], None]:
            records = [record for seq, held in wanted for record in self._records(seq, held)]
            return lambda: self._moving.extend(records)

        return read

    def _records(self, row: int, held: dict[int, list[int]]) -> list[Record]:
        """Messages of a row, those with the same content together, so that it is written once."""
        decoded = decode(self._engine.fetch(self._shard, row))
        found = []
        for events in decoded.queues:
            wanted = set(held.get(events.queue, ()))
            for at, number in enumerate(events.numbers):
                if number in wanted:
                    place = events.contents[at]
                    content, deadline = decoded.content(place), events.deadline(at)
                    found.append(Record(events.queue, number, content, deadline, row, place))
        found.sort(key=lambda each: each.place)
        return found
