"""What the clients know: one log of what each of them did and read, in the order in which it knew it.

What a client does is logged before it is sent, and what it reads after it was read. So what stands in the log as read
has happened, and what stands there as sent may have. The broker's processes are numbered: its lives. A connection has
one life. The checker knows nothing else.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from threading import Condition
from typing import Final, TypeAlias

import attrs
import cattrs

END: Final = "end"
"""How the id of the message begins with which an audit ends, and which may be there or not."""


class How(Enum):
    """What a client does with a delivery."""

    ACK = "ack"
    REJECT = "reject"
    """It dies: a dead letter, where the queue has somewhere to send it."""
    REFUSE = "refuse"
    """Back to the queue by basic.reject: a failure that quorum queues count."""
    RETURN = "return"
    """Back to the queue by basic.nack."""

    @property
    def leaves(self) -> bool:
        """Whether the message is gone from the queue."""
        return self in {How.ACK, How.REJECT}


@attrs.frozen
class Opened:
    """A connection is open. Those of an audit take everything out of all queues."""

    connection: int
    life: int
    worker: str
    audit: bool = False
    time: float = attrs.field(factory=time.time)


@attrs.frozen
class Sent:
    """A message is about to be published; `queues`: where it is routed to."""

    connection: int
    message: str
    queues: tuple[str, ...]
    transaction: int | None = None


@attrs.frozen
class Confirmed:
    """Its basic.ack was read."""

    message: str
    time: float = attrs.field(factory=time.time)


@attrs.frozen
class Refused:
    """Its basic.nack was read."""

    message: str


@attrs.frozen
class Received:
    """A delivery was read, or the answer to a basic.get."""

    connection: int
    queue: str
    message: str
    redelivered: bool = False
    failures: int = 0
    """As x-delivery-count says."""
    intact: bool = True
    """Whether the body is what was published."""
    offset: int | None = None
    """In a stream."""


@attrs.frozen
class Settled:
    """A settlement is about to be sent."""

    connection: int
    queue: str
    message: str
    how: How
    transaction: int | None = None


@attrs.frozen
class Committing:
    """A tx.commit is about to be sent."""

    transaction: int


@attrs.frozen
class Committed:
    """tx.commit-ok was read."""

    transaction: int


@attrs.frozen
class Removing:
    """A queue is about to be emptied, by its only client, who holds none of its messages: purged, or deleted."""

    queue: str
    delete: bool


@attrs.frozen
class Removed:
    """The -ok was read."""

    queue: str
    delete: bool


@attrs.frozen
class Declaring:
    """A queue is about to be declared by its only client."""

    queue: str


@attrs.frozen
class Declared:
    """The -ok was read."""

    queue: str


@attrs.frozen
class Looked:
    """Whether a queue was found by its only client."""

    queue: str
    exists: bool


@attrs.frozen
class Audited:
    """A queue was found empty after all in it was received."""

    queue: str


@attrs.frozen
class Dropping:
    """A single message is about to be deleted from its queue, by the only one who takes messages from there."""

    queue: str
    message: str


@attrs.frozen
class Dropped:
    """The answer that it was there, and is gone."""

    queue: str
    message: str


@attrs.frozen
class Setting:
    """The operator is about to make something so. `whole`: it may not be found half done."""

    thing: str
    value: str
    whole: bool


@attrs.frozen
class WasSet:
    """The answer that it is."""

    thing: str
    value: str


@attrs.frozen
class Found:
    """How the operator found something."""

    thing: str
    value: str


@attrs.frozen
class Failed:
    """Something that must not happen, such as an error of the broker."""

    what: str


Event: TypeAlias = (
    Opened
    | Sent
    | Confirmed
    | Refused
    | Received
    | Settled
    | Committing
    | Committed
    | Removing
    | Removed
    | Declaring
    | Declared
    | Looked
    | Audited
    | Dropping
    | Dropped
    | Setting
    | WasSet
    | Found
    | Failed
)

KINDS: Final[dict[str, type[Event]]] = {
    kind.__name__: kind
    for kind in (
        Opened, Sent, Confirmed, Refused, Received, Settled, Committing, Committed,
        Removing, Removed, Declaring, Declared, Looked, Audited, Dropping, Dropped, Setting, WasSet, Found, Failed,
    )
}  # fmt: skip

CONFIRMS: Final[tuple[type[Event], ...]] = (Confirmed,)
TOLD: Final[tuple[type[Event], ...]] = (Dropped, WasSet)
"""What an operator was told."""


class Log:
    """Takes events from many threads."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = Condition()
        self._connections = 0
        self._answers: Counter[type[Event]] = Counter()

    def add(self, event: Event) -> None:
        """Note what a client did or read."""
        with self._changed:
            self.events.append(event)
            if isinstance(event, (*CONFIRMS, *TOLD)):
                self._answers[type(event)] += 1
                self._changed.notify_all()

    def new_connection(self) -> int:
        """A number for a connection, or for a transaction."""
        with self._changed:
            self._connections += 1
            return self._connections

    def wait_for(self, kinds: tuple[type[Event], ...], count: int, seconds: float) -> None:
        """Wait until so many more answers of these kinds were read, and no longer than so many seconds."""
        with self._changed:
            goal = self._read(kinds) + count
            self._changed.wait_for(lambda: self._read(kinds) >= goal, seconds)

    def _read(self, kinds: tuple[type[Event], ...]) -> int:
        return sum(self._answers[kind] for kind in kinds)


def write(events: Iterable[Event], path: Path) -> None:
    """Keep a log as lines of JSON."""
    with path.open("w", encoding="utf-8") as file:
        for event in events:
            file.write(json.dumps([type(event).__name__, cattrs.unstructure(event)]) + "\n")


def read(path: Path) -> Iterator[Event]:
    """Read it back."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            kind, fields = json.loads(line)
            yield cattrs.structure(fields, KINDS[kind])
