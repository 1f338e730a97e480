"""What one group commit says of queues, and its octets: what was published, settled and returned since the last one.

A batch is one row of its shard. Contents are in it once, however many queues have the message; what repeats (exchange
names, routing keys, headers) is in it once as well. Everything is in columns, so that a million records are decoded
with few objects. What is published and settled within one batch leaves no trace of it.

Queues go by numbers of their own, since a name may be declared anew; what an exchange keeps until its time is as if in
a queue with the exchange's number. Positions in a queue are its enqueue numbers.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Hashable, Iterator
from itertools import chain
from operator import add
from typing import Final, NamedTuple

from amqpd.storage.columns import INDEXES, NUMBERS, SIGNED, Reader, Repeating, Writer, text
from amqpd.storage.placement import Placed

VERSION: Final = 1
NO_DEADLINE: Final = -1

class Content(NamedTuple):
    """What was published, as it came; texts have surrogates for octets that are not UTF-8."""

    exchange: str
    routing_key: str
    header: bytes
    """Flags and properties as on the wire."""
    body: bytes
    trail: bytes = b""
    """What the broker knows beyond it, in a form of the broker's."""


class Published(NamedTuple):
    """A message that a queue keeps."""

    number: int
    content: Content
    deadline: int = NO_DEADLINE
    """Milliseconds since the Unix epoch."""


RECORD: Final = 56
"""Octets of a message in a batch beside what was published."""


def weight_of(content: Content) -> int:
    """Octets of what was published, about; what repeats takes up less."""
    exchange, routing_key, header, body, trail = content
    return len(exchange) + len(routing_key) + len(header) + len(body) + len(trail)


class Returned(NamedTuple):
    """A message that came back, where failures are counted."""

    number: int
    failures: int


class QueueRecords:
    """The records of one queue in one batch."""

    __slots__ = ("copied", "delivered", "published", "returned", "settled")

    def __init__(self) -> None:
        self.published: dict[int, tuple[int, int]] = {}
        """Number -> index of the content, deadline."""
        self.copied: set[int] = set()
        """Those of them that stand in an older row as well."""
        self.settled: list[tuple[int, int]] = []
        """Ranges of numbers: first, last."""
        self.returned: dict[int, int] = {}
        """Number -> failures."""
        self.delivered = 0
        """The highest number that was ever delivered: what is at or below it comes back redelivered."""


class Batch:
    """Records that become durable together."""

    __slots__ = ("_known", "_uses", "contents", "queues")

    def __init__(self) -> None:
        self.contents: list[Content | None] = []
        """None: nobody needs it any more."""
        self.queues: dict[int, QueueRecords] = {}
        self._known: dict[Hashable, int] = {}
        self._uses: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.queues)

    def publish(
        self, queue: int, number: int, content: Content, deadline: int = NO_DEADLINE, shared: Hashable = None
    ) -> None:
        """A queue keeps a message. Messages with the same `shared` (not None) have the same content."""
        index = None if shared is None else self._known.get(shared)
        if index is None or not self._uses[index]:  # all that shared it were settled
            index = len(self.contents)
            self.contents.append(content)
            self._uses.append(0)
            if shared is not None:
                self._known[shared] = index
        self._uses[index] += 1
        self._of(queue).published[number] = (index, deadline)

    def copy(
        self, queue: int, number: int, content: Content, deadline: int = NO_DEADLINE, shared: Hashable = None
    ) -> None:
        """A message that an older row holds is to stand in this one, so that the older one can go."""
        self.publish(queue, number, content, deadline, shared)
        self._of(queue).copied.add(number)

    def settle(self, queue: int, number: int) -> None:
        """A message has left its queue for good."""
        records = self._of(queue)
        records.returned.pop(number, None)
        published = records.published.pop(number, None)
        if published is not None:
            index = published[0]
            self._uses[index] -= 1
            if not self._uses[index]:
                self.contents[index] = None
            if number not in records.copied:
                return
            records.copied.remove(number)
        settled = records.settled
        if settled and settled[-1][1] == number - 1:
            settled[-1] = (settled[-1][0], number)
        else:
            settled.append((number, number))

    def settle_range(self, queue: int, first: int, last: int) -> None:
        """All messages from one number to another have left their queue for good; some may never have been recorded."""
        records = self._of(queue)
        for number in [each for each in (*records.published, *records.returned) if first <= each <= last]:
            self.settle(queue, number)
        records.settled.append((first, last))

    def give_back(self, queue: int, number: int, failures: int) -> None:
        """A message came back, the given number of times in all."""
        self._of(queue).returned[number] = failures

    def deliver(self, queue: int, number: int) -> None:
        """All up to this number were delivered, settled or skipped."""
        records = self._of(queue)
        records.delivered = max(records.delivered, number)

    def absorb(self, later: Batch) -> None:
        """Add what another batch says, as if it had happened here after all the rest."""
        for queue, records in later.queues.items():
            for number, (index, deadline) in records.published.items():
                content = later.contents[index]
                assert content is not None
                add = self.copy if number in records.copied else self.publish
                add(queue, number, content, deadline, (later, index))
            for first, last in records.settled:
                self.settle_range(queue, first, last)
            for number, failures in records.returned.items():
                self.give_back(queue, number, failures)
            self.deliver(queue, records.delivered)

    def placed(self) -> Iterator[Placed]:
        """What each queue keeps in this row; the weight of a content is shared out among those who have it."""
        weights = [
            0 if content is None else weight_of(content) // max(1, uses) + RECORD
            for content, uses in zip(self.contents, self._uses, strict=True)
        ]
        for queue, records in self.queues.items():
            if records.published:
                numbers = sorted(records.published) if records.copied else list(records.published)
                yield Placed(queue, numbers, [weights[records.published[number][0]] for number in numbers])

    def _of(self, queue: int) -> QueueRecords:
        records = self.queues.get(queue)
        if records is None:
            records = self.queues[queue] = QueueRecords()
        return records

    # -- octets ------------------------------------------------------------------------------------------------------

    def encode(self) -> bytes:
        """The batch as octets."""
        places: dict[int, int] = {}
        kept: list[Content] = []
        for index, content in enumerate(self.contents):
            if content is not None:
                places[index] = len(kept)
                kept.append(content)
        writer = Writer()
        writer.u32(VERSION)
        writer.repeating_texts([each[0] for each in kept])
        writer.repeating_texts([each[1] for each in kept])
        writer.repeating([each[2] for each in kept])
        writer.repeating([each[4] for each in kept])
        writer.blobs([each[3] for each in kept])
        writer.u32(len(self.queues))
        for queue, records in self.queues.items():
            writer.u32(queue)
            writer.numbers(records.published)
            writer.indexes([places[index] for index, _ in records.published.values()])
            deadlines = [deadline for _, deadline in records.published.values()]
            writer.signed(deadlines if max(deadlines, default=NO_DEADLINE) > NO_DEADLINE else ())
            writer.numbers([first for first, _ in records.settled])
            writer.numbers([last for _, last in records.settled])
            writer.numbers(records.returned)
            writer.indexes(records.returned.values())
            writer.numbers((records.delivered,))
        return b"".join(writer.parts)


class QueueEvents(NamedTuple):
    """The records of one queue as they are read back."""

    queue: int
    numbers: array[int]
    contents: array[int]
    """Indexes of contents, for the numbers."""
    deadlines: array[int] | None
    settled: list[tuple[int, int]]
    returned: list[Returned]
    delivered: int

    def published(self, contents: list[Content]) -> Iterator[Published]:
        """The messages, one by one."""
        for at, number in enumerate(self.numbers):
            yield Published(number, contents[self.contents[at]], self.deadline(at))

    def deadline(self, at: int) -> int:
        """That of one of the numbers, by its index."""
        return NO_DEADLINE if self.deadlines is None else self.deadlines[at]


class Decoded(NamedTuple):
    """A batch that was read back: its contents as columns, and what queues have of them."""

    exchanges: Repeating
    routing_keys: Repeating
    headers: Repeating
    trails: Repeating
    bodies: list[bytes]
    queues: list[QueueEvents]

    @property
    def contents(self) -> list[Content]:
        """The contents one by one."""
        exchanges, keys = map(text, self.exchanges.expanded()), map(text, self.routing_keys.expanded())
        return list(map(Content, exchanges, keys, self.headers.expanded(), self.bodies, self.trails.expanded()))

    def weights(self) -> list[int]:
        """About the octets that each content takes up for each queue that has it."""
        headers = self.headers.at(range(len(self.bodies)), len)
        sizes = list(map(add, map(len, self.bodies), map(add, headers, self.trails.at(range(len(self.bodies)), len))))
        if len(self.queues) > 1:
            uses = Counter(chain.from_iterable(each.contents for each in self.queues))
            return [size // max(1, uses[at]) + RECORD for at, size in enumerate(sizes)]
        return [size + RECORD for size in sizes]

    def content(self, index: int) -> Content:
        """One of them."""
        repeating = (self.exchanges, self.routing_keys, self.headers, self.trails)
        exchange, key, header, trail = [each.values[each.places[index]] for each in repeating]
        return Content(text(exchange), text(key), header, self.bodies[index], trail)


def decode(data: bytes) -> Decoded:
    """Read a batch. Raises ValueError for a version that isn't known."""
    reader = _opened(data)
    exchanges, keys, headers, trails = (reader.repeating() for _ in range(4))
    bodies = reader.blobs()
    return Decoded(exchanges, keys, headers, trails, bodies, [_queue(reader) for _ in range(reader.u32())])


def decode_queues(data: bytes) -> list[QueueEvents]:
    """Read what a batch says of queues, without its contents. Raises ValueError like `decode`."""
    reader = _opened(data)
    for _ in range(4):
        reader.skip_blobs()
        reader.skip_column(INDEXES)
    reader.skip_blobs()
    return [_queue(reader) for _ in range(reader.u32())]


def _opened(data: bytes) -> Reader:
    reader = Reader(data)
    version = reader.u32()
    if version != VERSION:
        raise ValueError(f"a batch of version {version}: this version reads {VERSION}")
    return reader


def _queue(reader: Reader) -> QueueEvents:
    queue = reader.u32()
    numbers, contents = reader.column(NUMBERS), reader.column(INDEXES)
    deadlines = reader.column(SIGNED)
    firsts, lasts = reader.column(NUMBERS), reader.column(NUMBERS)
    returned, failures = reader.column(NUMBERS), reader.column(INDEXES)
    [delivered] = reader.column(NUMBERS)
    return QueueEvents(
        queue,
        numbers,
        contents,
        deadlines or None,
        list(zip(firsts, lasts, strict=True)),
        list(map(Returned, returned, failures)),
        delivered,
    )
