"""What becomes durable together: definitions first, then one row of records, and with it the chunks of streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqpd.broker.pending import Pending
from amqpd.storage.batch import Batch

if TYPE_CHECKING:
    from amqpd.broker.definitions import Change
    from amqpd.storage.recording import RecordingAccount
    from amqpd.storage.streams import NewChunk, StreamStore


class Commit:
    """One of them, from its first record until the engine has it."""

    __slots__ = ("batch", "changes", "chunks", "durable", "streams", "touched")

    def __init__(self) -> None:
        self.batch = Batch()
        self.changes: list[Change] = []
        self.touched: dict[int, RecordingAccount] = {}
        """Queues whose messages were published, settled or handed out."""
        self.streams: dict[int, StreamStore] = {}
        """Streams that have something new, until they are asked for it."""
        self.chunks: list[NewChunk] = []
        """What they had when the commit began."""
        self.durable: Pending[None] = Pending()

    def __bool__(self) -> bool:
        return bool(self.changes or self.batch) or self.has_messages()

    def has_messages(self) -> bool:
        """Whether it says anything of messages."""
        return bool(self.touched or self.streams or self.chunks)

    def has_taken_from(self, number: int) -> bool:
        """Whether it takes messages from a queue or exchange while others get some: they may be the same ones."""
        records = self.batch.queues.get(number)
        if records is None or not records.settled:
            return False
        return bool(self.streams) or any(each.published for each in self.batch.queues.values())

    def absorb(self, later: Commit) -> None:
        """Become durable together with what came later."""
        self.batch.absorb(later.batch)
        self.changes += later.changes
        self.touched.update(later.touched)
        self.streams.update(later.streams)
        self.chunks += later.chunks
        self.durable.pass_on(later.durable)

    def take_chunks(self) -> None:
        """Ask the streams what they have."""
        streams, self.streams = self.streams, {}
        for store in streams.values():
            self.chunks += store.unsaved()
