"""What a data directory holds, read without a broker: for the tools that check, export, copy and compact it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from amqpd.broker.cells import Row
from amqpd.broker.definitions import EXCHANGES, QUEUES
from amqpd.broker.message import Message
from amqpd.broker.queue_types.stream import Stream
from amqpd.broker.restoring import KIND_OF
from amqpd.broker.stream.chunk import Chunk
from amqpd.broker.stream.store import Extent
from amqpd.storage.batch import NO_DEADLINE, Batch
from amqpd.storage.chunk_rows import decoded, extent_of, measured
from amqpd.storage.contents import content_of
from amqpd.storage.engine import Engine
from amqpd.storage.journal import SHARD
from amqpd.storage.recovery import Recovery, Survey

PORTION: Final = 1024 * 1024
"""Body octets after which `batches` begins the next one."""
MESSAGES: Final = 10_000
"""Messages after which it does."""


class Holder(NamedTuple):
    """A queue, or an exchange in which messages wait."""

    kind: str
    vhost: str
    name: str
    is_stream: bool = False


class Holdings:
    """The messages of a directory, by what holds them. Deadlines are in seconds since the Unix epoch."""

    def __init__(self, engine: Engine) -> None:
        """Read all that is said of queues, and of exchanges that keep messages.

        Raises OSError, ValueError for what this version can't read.
        """
        self._engine = engine
        self._survey = Survey(engine.read(SHARD))
        self.holders: dict[int, Holder] = {}
        """By id."""
        for kind in (QUEUES, EXCHANGES):
            for key, values in engine.get(kind).items():
                row = Row(kind, key, values)
                if row.present("id"):
                    is_stream = kind is QUEUES and row.text("type") == Stream.name
                    holder = Holder(KIND_OF[kind], row.text("vhost"), row.text("name"), is_stream)
                    self.holders[row.integer("id")] = holder

    @property
    def last_row(self) -> int:
        """The number of the last row that was read; 0: there is none."""
        return self._survey.last_row

    def delivered(self, queue: int) -> int:
        """The highest number that was ever delivered."""
        survey = self._survey.queues.get(queue)
        return 0 if survey is None else survey.delivered

    def messages(self) -> Iterator[tuple[int, Message]]:
        """All messages with their holders' ids, by and large in order; a row of the journal is in memory at a time.

        Those of streams are the positions of their consumers.
        """
        recovery = Recovery(self._survey, self.holders, offset=0)
        for seq, data in self._engine.read(SHARD):
            if seq > self._survey.last_row:
                break  # somebody writes meanwhile what was read
            for queue, run in recovery.row(seq, data):
                for message in reversed(run.unpack()):
                    yield queue, message
        for queue, run in recovery.rest():
            for message in reversed(run.unpack()):
                yield queue, message


    def chunks(self) -> Iterator[tuple[int, Extent, Chunk]]:
        """The chunks of all streams with their ids, in order; what is damaged is left out."""
        for head in self._engine.chunks(SHARD):
            if head.stream in self.holders:
                payload = self._engine.read_chunk(SHARD, head.stream, head.first)
                if payload is not None:
                    chunk = decoded(payload)
                    yield head.stream, extent_of(head.first, head.end, head.head) or measured(chunk), chunk


def put(batch: Batch, queue: int, message: Message) -> None:
    """Have a message in a batch as it is held."""
    deadline = NO_DEADLINE if message.deadline is None else round(message.deadline * 1000)
    batch.publish(queue, message.number, content_of(message), deadline)
    trail = message.trail
    if trail is not None and trail.failures:
        batch.give_back(queue, message.number, trail.failures)


def batches(messages: Iterator[tuple[int, Message]]) -> Iterator[Batch]:
    """Messages in batches of a moderate size."""
    batch, octets, count = Batch(), 0, 0
    for queue, message in messages:
        put(batch, queue, message)
        octets += len(message.body)
        count += 1
        if octets >= PORTION or count >= MESSAGES:
            yield batch
            batch, octets, count = Batch(), 0, 0
    if batch:
        yield batch


def compacted(engine: Engine) -> None:
    """Write all messages anew, and forget the rows before. Raises OSError; then everything is there as before."""
    epoch = engine.claim(SHARD)
    holdings = Holdings(engine)
    for batch in batches(holdings.messages()):
        for queue in batch.queues:
            batch.deliver(queue, holdings.delivered(queue))
        engine.append(SHARD, epoch, batch.encode())
    engine.trim(SHARD, holdings.last_row + 1)
    engine.tidy()
