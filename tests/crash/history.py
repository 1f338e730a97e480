"""A log, indexed: what is known of each message, each transaction and each life of the broker."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator

import attrs

from tests.crash.log import (
    Audited,
    Committed,
    Committing,
    Confirmed,
    Dropped,
    Dropping,
    Event,
    How,
    Opened,
    Received,
    Refused,
    Removed,
    Removing,
    Sent,
    Settled,
)
from tests.crash.topology import places

Place = tuple[str, str]
"""Queue and message."""


@attrs.frozen
class Removal:
    """A queue was emptied between two places of the log; the end is that of the log where no answer was read."""

    begin: int
    end: int
    answered: bool


class History:
    """What follows from the log alone."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = list(events)
        self.opened: dict[int, Opened] = {}
        self.sent: dict[str, Sent] = {}
        self.sent_at: dict[str, int] = {}
        self.confirmed: dict[str, Confirmed] = {}
        self.refused: set[str] = set()
        self.received: defaultdict[Place, list[tuple[int, Received]]] = defaultdict(list)
        self.settled: defaultdict[Place, list[tuple[int, Settled]]] = defaultdict(list)
        self.audited: set[str] = set()
        self.dropping: set[Place] = set()
        """Messages that were to be deleted, one by one."""
        self.dropped: dict[Place, int] = {}
        """Since when they are gone."""
        self.committing: set[int] = set()
        self.committed: set[int] = set()
        self.removals: defaultdict[str, list[Removal]] = defaultdict(list)
        self._emptying: dict[str, int] = {}
        for at, event in enumerate(self.events):
            self._take(at, event)
        for queue, begin in self._emptying.items():
            self.removals[queue].append(Removal(begin, len(self.events), answered=False))
        self.lived_on = {message for message in self.sent if message in self.confirmed or self._seen_later(message)}
        self.transactions_kept = self.committed | {
            sent.transaction
            for message, sent in self.sent.items()
            if sent.transaction is not None and message in self.lived_on
        }
        self._kept_publishes = self._publishes_that_were_kept()

    def _take(self, at: int, event: Event) -> None:  # noqa: C901, PLR0912  # one case for each kind of event
        match event:
            case Opened():
                self.opened[event.connection] = event
            case Sent():
                self.sent[event.message] = event
                self.sent_at[event.message] = at
            case Confirmed():
                self.confirmed[event.message] = event
            case Refused():
                self.refused.add(event.message)
            case Received():
                self.received[event.queue, event.message].append((at, event))
            case Settled():
                self.settled[event.queue, event.message].append((at, event))
            case Committing():
                self.committing.add(event.transaction)
            case Committed():
                self.committed.add(event.transaction)
            case Removing():
                begin = self._emptying.pop(event.queue, None)
                if begin is not None:
                    self.removals[event.queue].append(Removal(begin, at, answered=False))
                self._emptying[event.queue] = at
            case Removed():
                self.removals[event.queue].append(Removal(self._emptying.pop(event.queue), at, answered=True))
            case Dropping():
                self.dropping.add((event.queue, event.message))
            case Dropped():
                self.dropped[event.queue, event.message] = at
            case Audited():
                self.audited.add(event.queue)
            case _:
                pass

    # -- lives -------------------------------------------------------------------------------------------------------

    def life(self, event: Sent | Received | Settled) -> int:
        """In which life of the broker it was."""
        return self.opened[event.connection].life

    def in_audit(self, received: Received) -> bool:
        """Whether it was taken out in an audit."""
        return self.opened[received.connection].audit

    def _seen_later(self, message: str) -> bool:
        """Whether the broker had the message after a restart."""
        sent = self.sent[message]
        return any(
            self.life(received) > self.life(sent)
            for place in self.places_of(sent)
            for _, received in self.received.get(place, ())
        )

    def places_of(self, sent: Sent) -> Iterator[Place]:
        """Everywhere it may be."""
        for queue in sent.queues:
            for place in places(queue):
                yield place, sent.message

    # -- what is durable ---------------------------------------------------------------------------------------------

    def kept(self, message: str) -> bool:
        """Whether the broker is known to have made it durable: it said so, or showed it (or part of its transaction)
        after a restart.
        """
        return message in self.lived_on or self.sent[message].transaction in self.transactions_kept

    def void(self, transaction: int | None) -> bool:
        """Whether a transaction can't have had any effect: nobody asked to commit it."""
        return transaction is not None and transaction not in self.committing

    def durable(self, at: int, settled: Settled) -> bool:
        """Whether a settlement is known to be durable: its transaction is, or a message that was published on the same
        connection after it.
        """
        if settled.transaction is not None:
            return settled.transaction in self.transactions_kept
        return self.followed(settled.connection, at)

    def followed(self, connection: int, at: int) -> bool:
        """Whether a publish on this connection, after this place of the log, is known to be durable."""
        kept = self._kept_publishes.get(connection, [])
        return bisect_right(kept, at) < len(kept)

    def _publishes_that_were_kept(self) -> dict[int, list[int]]:
        found: defaultdict[int, list[int]] = defaultdict(list)
        for message, at in self.sent_at.items():
            sent = self.sent[message]
            if message in self.lived_on and sent.transaction is None and sent.queues:
                found[sent.connection].append(at)
        return found

    def settlements(self, place: Place, *hows: How) -> Iterator[tuple[int, Settled]]:
        """Of a message in a queue: those that may have had an effect."""
        for at, settled in self.settled.get(place, ()):
            if settled.how in hows and not self.void(settled.transaction):
                yield at, settled
