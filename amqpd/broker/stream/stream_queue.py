"""Streams: what is published goes to the log, and to consumers by way of the log alone, each at its own offset.

A publish appends and no more; the first of a turn puts the stream on the work list. There consumers that are able and
not at the end get a slice each, in turn, until the budget is used up. A consumer at the end waits for the next batch.
Settling a delivery changes nothing but the window of its consumer: nothing comes back. What is out under a delivery tag
has no body any more, so that a slow consumer holds nothing that the log has let go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amqpd.broker.message import OVERHEAD, Message
from amqpd.broker.queue import ACCEPTED, SLICE, Declaration, Means, Queue
from amqpd.broker.returns import LOST
from amqpd.broker.stream import offsets
from amqpd.broker.stream.filters import filter_of, value_of
from amqpd.broker.stream.kept_log import KeptLog
from amqpd.broker.stream.kept_positions import KeptPositions
from amqpd.broker.stream.log import Log
from amqpd.broker.stream.names import EXTENSION, NAME, NAME_OCTETS, Progress, Tracked
from amqpd.broker.stream.retention import SEGMENT_OCTETS, Retention
from amqpd.log import get_logger

if TYPE_CHECKING:
    from amqpd.broker.consumers import Consumer
    from amqpd.broker.packed_run import Run
    from amqpd.broker.queue_types.port import QueueType
    from amqpd.broker.settings import Settings
    from amqpd.broker.stream.filters import Filter
    from amqpd.broker.timers import Timer
    from amqpd.broker.work import Work

log = get_logger(__name__)

SHARE: Final = 64
"""Messages that one consumer gets before the next one has its turn."""

LOOKS_A_UNIT: Final = 16
"""Messages that a filter may pass over for one unit of the turn's budget."""


class Reader:
    """Where one consumer is."""

    __slots__ = ("offset", "progress", "wanted")

    def __init__(self, offset: int, wanted: Filter | None, progress: Progress | None) -> None:
        self.offset = offset
        """What it has yet to look at."""
        self.wanted = wanted
        self.progress = progress


class StreamQueue(Queue):
    """A log with consumers."""

    __slots__ = (
        "_age_timer",
        "_at_end",
        "_clock",
        "_filters",
        "_in_batch",
        "_log",
        "_named",
        "_readers",
        "_resuming",
        "_retention",
        "positions",
    )

    def __init__(self, type_: type[QueueType], declared: Declaration, settings: Settings, means: Means) -> None:
        super().__init__(type_, declared, settings, means)
        segment = settings.stream_max_segment_size_bytes
        segment = SEGMENT_OCTETS if segment is None else segment
        store = means.journal.chunks_of(declared.id) if declared.id else None
        if store is None:
            self.positions = dict[str, int]()
            """Of consumers with a name: the offset at which the next of that name begins."""
            self._log = Log(means.account, segment)
        else:
            account = means.journal.account_of(means.account, declared.id, all_messages=True)
            self.positions = KeptPositions(account, store)
            self._log = KeptLog(means.account, segment, store)
        self._clock = means.clock
        self._filters = means.compat.profile.filters_streams
        self._named = means.compat.extends(EXTENSION)
        self._readers: dict[Consumer, Reader] = {}
        self._at_end: dict[Consumer, None] = {}
        """Those that were able when they came to the end."""
        self._in_batch = False
        """What is published now belongs to a batch that has begun."""
        self._resuming = False
        if self._log.end:
            self.counting().numbers = self._log.end
        self._retention = Retention.of(settings)
        self._age_timer: Timer | None = None
        if self._log.segments:
            self._retain()

    def restore(self, run: Run) -> None:
        for message in run.unpack():
            assert isinstance(self.positions, KeptPositions)
            self.positions.restore(message)

    def restored(self, last_number: int) -> None:
        assert isinstance(self.positions, KeptPositions)
        self.positions.last_number = last_number

    # -- messages --------------------------------------------------------------------------------------------------

    def publish(self, message: Message) -> int:
        if message.sharing is not None:
            self._account.let_go(message)  # the log counts bodies as its own
            message.sharing = None
        if not self._in_batch:
            if self.deleted:
                return ACCEPTED  # of a route that was found before
            self._in_batch = True
            self._log.begin_batch(self._now())
            self.resume()
        if self._log.append(message, value_of(message.properties) if self._filters else None):
            self._retain()
        return ACCEPTED

    def settle(self, message: Message) -> None:
        self.unacked -= 1
        self._account.charge(-OVERHEAD)
        if type(message) is Tracked:
            message.progress.settled(message.number)

    def reject(self, message: Message) -> None:
        self.counting().returned += 1
        self.settle(message)

    def put_back(self, message: Message, cause: int = LOST) -> None:
        self.unacked -= 1
        self.counting().returned += 1
        self._account.charge(-OVERHEAD)
        if type(message) is Tracked:
            message.progress.given_back(message.number)

    def browse(self, limit: int, offset: int = 0) -> list[Message]:
        log, found = self._log, list[Message]()
        at = log.first + offset
        while at < log.end and len(found) < limit:
            messages, at = log.read(at, limit - len(found))
            found += messages
        return found

    def complete(self, message: Message) -> Message:
        log, number = self._log, message.number
        return next(log.read(number, 1)[0], message) if log.first <= number < log.end else message

    @property
    def message_count(self) -> int:
        """The length of the log."""
        return self._log.end - self._log.first

    @property
    def last_number(self) -> int:
        return self._log.end

    @property
    def readers(self) -> int:
        """Consumers that read the log now."""
        return len(self._readers)

    @property
    def segments(self) -> int:
        """Parts of the log that retention takes as a whole, with the one that is written to."""
        return len(self._log.segments) + 1

    # -- handing out -----------------------------------------------------------------------------------------------

    def resume(self) -> None:
        if not self._resuming and not self.deleted:
            self._resuming = True
            self._resume_later()

    def resume_step(self, budget: int) -> bool:
        if self._in_batch:
            self._in_batch = False
            waiting, self._at_end = self._at_end, {}
            for each in waiting:
                self.consumers.rejoin(each)
        budget = min(budget, SLICE)
        while budget > 0:
            consumer = self.consumers.next_able()
            if consumer is None:
                self._resuming = False
                return False
            reader = self._readers[consumer]
            if reader.offset < self._log.end:
                budget -= self._hand_out(consumer, reader, min(budget, SHARE))
            else:
                self.consumers.rest(consumer)
                self._at_end[consumer] = None
                budget -= 1
        return True

    def _hand_out(self, consumer: Consumer, reader: Reader, limit: int) -> int:
        """Deliver at most `limit` messages, or look at so many; return what that cost."""
        try:
            messages, behind = self._log.read(reader.offset, limit, reader.wanted)
        except OSError as error:
            self._give_up(consumer, reader, error)
            return 1
        progress = reader.progress
        delivered = 0
        for message in messages:
            delivered += 1
            if progress is None:
                consumer.deliver(message)
            else:
                progress.delivered(message.number)
                consumer.deliver(Tracked(message, progress))
            if not consumer.able:
                behind = message.number + 1
                break
        cost = delivered if reader.wanted is None else max(1, delivered, (behind - reader.offset) // LOOKS_A_UNIT)
        reader.offset = behind
        self.unacked += delivered
        self._account.charge(delivered * OVERHEAD)
        return cost

    def _give_up(self, consumer: Consumer, reader: Reader, error: OSError) -> None:
        """The disk doesn't give what a consumer is to get next. It may come again, here or behind."""
        what = "a stream cannot be read: its consumer is cancelled"
        log.error(what, queue=self.name, offset=reader.offset, exc_info=error)
        self.remove_consumer(consumer)
        consumer.cancelled()

    # -- consumers -------------------------------------------------------------------------------------------------

    @property
    def consumer_count(self) -> int:
        """RabbitMQ tells none, however many there are."""
        return 0

    def add_consumer(self, consumer: Consumer) -> None:
        arguments = consumer.arguments
        offset = offsets.start(arguments.get(offsets.OFFSET), self._log, self._now())
        progress = None
        name = arguments.get(NAME) if self._named else None
        if name is not None:
            named = name.text()
            if named not in self.positions:
                self._account.definitions += NAME_OCTETS
                self.positions[named] = offset
            offset = self.positions[named]
            progress = Progress(named, self.positions)
        wanted = filter_of(arguments) if self._filters else None
        self._readers[consumer] = Reader(offset, wanted, progress)
        super().add_consumer(consumer)

    def remove_consumer(self, consumer: Consumer) -> bool:
        self._readers.pop(consumer, None)
        self._at_end.pop(consumer, None)
        return super().remove_consumer(consumer)

    # -- settings and life -----------------------------------------------------------------------------------------

    def configure(self, settings: Settings) -> None:
        """Take over other limits. The size of segments stays as it was when the stream was declared."""
        super().configure(settings)
        self._retention = Retention.of(settings)
        self._retain()

    def delete(self) -> int:
        """The count is 0, whatever is in the log: so RabbitMQ has it."""
        super().delete()
        return 0

    def _discard(self) -> None:
        self._in_batch = False
        self._timers.cancel(self._age_timer)
        self._account.definitions -= NAME_OCTETS * len(self.positions)
        self.positions.clear()
        self._free(self._log.clear())

    def _retain(self) -> None:
        """Let segments go that are too many or too old, and look again when the next is too old."""
        kept, now = self._log, self._now()
        excess = self._retention.excess(kept.segments, kept.octets, now)
        if excess:
            self._free(kept.drop_segments(excess))
        self._timers.cancel(self._age_timer)
        due = self._retention.due(kept.segments)
        self._age_timer = None if due is None else self._timers.after((due - now) / 1000, self._retain)

    def _free(self, work: Work | None) -> None:
        if work is not None:
            self._work.add(work)

    def _now(self) -> int:
        """Milliseconds since 1970."""
        return int(self._clock.wall() * 1000)
