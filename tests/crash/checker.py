"""Says from the clients' log alone what the broker has broken: one rule, one function.

A message that was routed to a queue is in exactly one of its places (the queue, or where the dead go) until a client
takes it away. "Known to be durable": see `History`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import attrs

from tests.crash.history import History, Place
from tests.crash.log import (
    END,
    Declared,
    Declaring,
    Event,
    Failed,
    Found,
    How,
    Looked,
    Received,
    Removed,
    Removing,
    Setting,
    WasSet,
)
from tests.crash.topology import QUEUES, places

SLACK: Final = 0.1
"""Seconds that a message may be late in expiring."""


@attrs.frozen
class Violation:
    """A promise that wasn't kept."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


Rule = Callable[[History], Iterator[Violation]]


def check(events: Iterable[Event]) -> list[Violation]:
    """All violations, by rule."""
    history = History(events)
    return [violation for rule in RULES for violation in rule(history)]


def lost(history: History) -> Iterator[Violation]:
    """What is known to be durable is in one of its places, unless somebody may have taken it away."""
    for message, sent in history.sent.items():
        if not history.kept(message):
            continue
        for queue in sent.queues:
            around = places(queue)
            if not history.audited.issuperset(around) or _may_be_gone(history, queue, message):
                continue
            if not any(_audits(history, (place, message)) for place in around):
                why = "confirmed" if message in history.confirmed else "there after a restart, or part of it was"
                yield Violation("lost", f"{message} was {why}, and is not in {' or '.join(around)}")


def _may_be_gone(history: History, queue: str, message: str) -> bool:
    for place in places(queue):
        final = (How.ACK,) if QUEUES[place].dead_letters is not None else (How.ACK, How.REJECT)
        if any(history.settlements((place, message), *final)):
            return True
        if (place, message) in history.dropping:
            return True
        if any(history.sent_at[message] < removal.end for removal in history.removals[place]):
            return True
    return False


def _audits(history: History, place: Place) -> list[Received]:
    return [received for _, received in history.received.get(place, ()) if history.in_audit(received)]


def risen(history: History) -> Iterator[Violation]:
    """A settlement that is known to be durable is never undone."""
    for message, sent in history.sent.items():
        for queue in sent.queues:
            around = places(queue)
            for place in around:
                if _may_have_copies(history, (place, message)):
                    continue
                if place == queue and QUEUES[queue].at_least_once:
                    hows: tuple[How, ...] = (How.ACK,)  # a rejected one stays until its dead letter has arrived
                else:
                    hows = (How.ACK, How.REJECT)
                for at, settled in history.settlements((place, message), *hows):
                    if history.durable(at, settled):
                        # An acknowledged message is nowhere; a rejected one has left this queue.
                        everywhere = settled.how is How.ACK and not QUEUES[queue].at_least_once
                        where = around if everywhere else (place,)
                        life = history.life(settled)
                        yield from _seen_after(history, where, message, life, f"{settled.how.value} in {place}")


def _seen_after(
    history: History, where: Iterable[str], message: str, life: int, what: str
) -> Iterator[Violation]:
    for place in where:
        for _, received in history.received.get((place, message), ()):
            if history.life(received) > life:
                said = f"{message}: {what} in life {life} was durable, and {place} had it in {history.life(received)}"
                yield Violation("risen", said)
                return


def removed(history: History) -> Iterator[Violation]:
    """What was purged, or deleted with its queue, doesn't come back once the -ok was read."""
    for (queue, message), receptions in history.received.items():
        sent_at = history.sent_at.get(message)
        if sent_at is not None and any(
            removal.answered and sent_at < removal.begin and receptions[-1][0] > removal.end
            for removal in history.removals[queue]
        ):
            yield Violation("removed", f"{message} came back to {queue}, which was emptied")


def undropped(history: History) -> Iterator[Violation]:
    """A single message that was deleted doesn't come back once that was answered, nor from where it might have gone."""
    for (queue, message), at in history.dropped.items():
        sent = history.sent.get(message)
        for place in {queue, *(place for each in (() if sent is None else sent.queues) for place in places(each))}:
            if any(when > at for when, _ in history.received.get((place, message), ())):
                yield Violation("undropped", f"{message} was deleted from {queue}, and came from {place}")


def undone(history: History) -> Iterator[Violation]:
    """What the operator made so is so once that was answered; before, it is as it was or as it is to be."""
    possible: dict[str, set[str] | None] = {}
    for event in history.events:
        match event:
            case Setting(whole=True):
                known = possible.get(event.thing)
                possible[event.thing] = None if known is None else {*known, event.value}
            case Setting():
                possible[event.thing] = None
            case WasSet():
                possible[event.thing] = {event.value}
            case Found():
                known = possible.get(event.thing)
                if known is not None and event.value not in known:
                    expected = " or ".join(sorted(known))
                    yield Violation("undone", f"{event.thing} is {event.value}, and was set to {expected}")
                possible[event.thing] = {event.value}
            case _:
                pass


def twice(history: History) -> Iterator[Violation]:
    """No message stands twice in its places, nor comes again in the life in which it was acknowledged or rejected."""
    for message, sent in history.sent.items():
        for queue in sent.queues:
            found = [place for place in places(queue) for _ in _audits(history, (place, message))]
            if len(found) > 1 and not QUEUES[queue].at_least_once:
                yield Violation("twice", f"{message} stands in {' and in '.join(found)}")
    for place, settlements in history.settled.items():
        if _may_have_copies(history, place):
            continue
        for at, settled in settlements:
            if settled.how.leaves and settled.transaction is None:
                again = (each for each in history.received[place] if each[0] > at)
                if any(history.life(received) == history.life(settled) for _, received in again):
                    yield Violation("twice", f"{place[1]} came again from {place[0]} after {settled.how.value}")


def _may_have_copies(history: History, place: Place) -> bool:
    """Whether dead letters that must arrive may have come to this place, each restart one more."""
    sent = history.sent.get(place[1])
    queues = () if sent is None else sent.queues
    return any(QUEUES[queue].at_least_once and place[0] == QUEUES[queue].dead_letters for queue in queues)


def out_of_order(history: History) -> Iterator[Violation]:
    """One publisher's messages come in their order: in an audit, and on a connection those that come first."""
    latest: dict[tuple[int, str, int], int] = {}
    for event in history.events:
        if not isinstance(event, Received):
            continue
        sent = history.sent.get(event.message)
        if sent is None or event.queue not in sent.queues or not _in_its_place(history, event):
            continue
        key, number = (event.connection, event.queue, sent.connection), history.sent_at[event.message]
        if latest.get(key, -1) > number:
            yield Violation("order", f"{event.message} came from {event.queue} after later ones of its publisher")
        latest[key] = max(latest.get(key, -1), number)


def _in_its_place(history: History, received: Received) -> bool:
    """What comes back goes to its place in classic queues; in quorum queues it may go to either end."""
    if not QUEUES[received.queue].ordered:
        return False
    if not history.in_audit(received):
        return not received.redelivered
    place = received.queue, received.message
    return not QUEUES[received.queue].quorum or (len(history.received[place]) == 1 and not received.redelivered)


def moved(history: History) -> Iterator[Violation]:
    """A message of a stream has one offset."""
    for (queue, message), receptions in history.received.items():
        offsets = {received.offset for _, received in receptions}
        if len(offsets) > 1 and not message.startswith(END):
            yield Violation("moved", f"{message} had the offsets {offsets} in {queue}")


def unmarked(history: History) -> Iterator[Violation]:
    """What was delivered in an earlier life is marked as redelivered, where that is known to be durable."""
    for (queue, message), receptions in history.received.items():
        if QUEUES[queue].stream:
            continue
        delivered = [
            history.life(received) for at, received in receptions if history.followed(received.connection, at)
        ]
        for _, received in receptions:
            if not received.redelivered and any(life < history.life(received) for life in delivered):
                yield Violation("unmarked", f"{message} came from {queue} as if it were the first time")


def miscounted(history: History) -> Iterator[Violation]:
    """Quorum queues count at least the failures that are known to be durable."""
    for place, settlements in history.settled.items():
        if not QUEUES[place[0]].quorum:
            continue
        failures = [
            history.life(settled)
            for at, settled in settlements
            if settled.how is How.REFUSE and not history.void(settled.transaction) and history.durable(at, settled)
        ]
        for _, received in history.received[place]:
            count = sum(life < history.life(received) for life in failures)
            if received.failures < count:
                said = f"{place[1]} of {place[0]} failed {count} times, and its count is {received.failures}"
                yield Violation("miscounted", said)


def overdue(history: History) -> Iterator[Violation]:
    """What has expired is not delivered: its time goes on while the broker doesn't."""
    for (queue, message), receptions in history.received.items():
        ttl, confirmed = QUEUES[queue].ttl, history.confirmed.get(message)
        if ttl is None or confirmed is None:
            continue
        for _, received in receptions:
            opened = history.opened[received.connection]
            if opened.audit and opened.time > confirmed.time + ttl / 1000 + SLACK:
                yield Violation("overdue", f"{message} was still in {queue}, whose messages live for {ttl} ms")


def unknown(history: History) -> Iterator[Violation]:
    """What comes was published, in this log, and neither refused nor left in a transaction; and its body is whole."""
    for (queue, message), receptions in history.received.items():
        sent = history.sent.get(message)
        if message.startswith(END):
            continue
        if sent is None:
            yield Violation("unknown", f"{message} came from {queue}: it was taken out long ago, or never published")
            continue
        if message in history.refused:
            yield Violation("unknown", f"{message} came from {queue}, which had refused it")
        if history.void(sent.transaction):
            yield Violation("unknown", f"{message} came from {queue}, and was never committed")
        if not all(received.intact for _, received in receptions):
            yield Violation("unknown", f"{message} came from {queue} with another body")


def misplaced(history: History) -> Iterator[Violation]:
    """A queue is there after declare-ok, and gone after delete-ok."""
    should: dict[str, bool | None] = {}
    for event in history.events:
        match event:
            case Declaring() | Removing(delete=True):
                should[event.queue] = None
            case Declared():
                should[event.queue] = True
            case Removed(delete=True):
                should[event.queue] = False
            case Looked() if should.get(event.queue) not in {None, event.exists}:
                state = "there after it was deleted" if event.exists else "not there after it was declared"
                yield Violation("misplaced", f"{event.queue} is {state}")
            case _:
                pass


def failed(history: History) -> Iterator[Violation]:
    """Nothing went wrong that the clients or the broker's log tell."""
    for event in history.events:
        if isinstance(event, Failed):
            yield Violation("failed", event.what)


RULES: Final[tuple[Rule, ...]] = (
    lost, risen, removed, undropped, twice, out_of_order, moved, unmarked, miscounted, overdue, unknown, misplaced,
    undone, failed,
)  # fmt: skip
