"""What a scrape looks at: every queue, channel, connection and exchange once, a slice at a time.

The values of one of them are of one instant; between slices the broker goes on, so two of them may be of different
ones. What has ended is in the totals, so that none of them ever falls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from amqpd.broker.queue_arguments import CLASSIC
from amqpd.broker.queue_counts import QueueCounts, lasting
from amqpd.broker.queue_counts import counts_of as queue_counts
from amqpd.broker.weights import NOTHING, Weight
from amqpd.metrics.text import labels
from amqpd.protocol import statistics
from amqpd.protocol.statistics import ChannelCounts, ConnectionCounts, PublishCounts
from amqpd.protocol.unsettled import Unsettled

if TYPE_CHECKING:
    from amqpd.broker.exchange import Exchange
    from amqpd.broker.queue import Queue
    from amqpd.protocol.channel import Channel
    from amqpd.protocol.connection import Connection
    from amqpd.protocol.node import Node

T = TypeVar("T")

SLICE: Final = 32
"""Subjects that are looked at before others get their turn: some 0.2 ms interpreted."""
SAMPLES: Final = 8
"""Samples that are written instead of one look: 256 take some 0.1 ms."""
SEARCHED: Final = 16
"""Subjects that are looked at where a pattern has to be found in their names."""
LOOSE: Final = 256
"""Messages of a queue that are looked at one by one in less time than it takes to give others their turn."""
RUNS: Final = 8
"""Packed runs of messages that are weighed in one go."""
NO_COUNTS: Final = QueueCounts()


@attrs.frozen
class QueueSubject:
    """A queue as it is."""

    labels: str
    queue: Queue
    counts: QueueCounts
    waiting: Weight = NOTHING
    out: Weight = NOTHING
    dead: Weight = NOTHING
    """What is dead, and waits for its dead letters to arrive."""
    capacity: float | None = None
    """None, like the next one: queues of its type have none."""
    first_sent: int | None = None

    @property
    def ready(self) -> int:
        return self.queue.message_count

    @property
    def unacked(self) -> int:
        return self.queue.unacked - self.queue.returning

    @property
    def aside(self) -> int:
        """Messages that are neither ready nor unacked: delayed, or dead with a dead letter on its way."""
        return self.queue.delayed + self.queue.dying

    @property
    def consumers(self) -> int:
        return len(self.queue.consumers)

    @property
    def paged(self) -> int:
        return self.queue.paged

    @property
    def octets(self) -> int:
        """Of the bodies of all messages."""
        return self.waiting.octets + self.out.octets + self.dead.octets

    @property
    def persistent(self) -> tuple[int, int]:
        """Messages that a restart leaves, and their octets."""
        return lasting(self.queue, self.waiting + self.out + self.dead)


@attrs.define
class AllQueues:
    """All queues together, added up while they are looked at; the attributes of `QueueSubject` that sizes are made of.
    """

    ready: int = 0
    unacked: int = 0
    aside: int = 0
    paged: int = 0
    waiting: Weight = NOTHING
    out: Weight = NOTHING
    dead: Weight = NOTHING
    persistent: tuple[int, int] = (0, 0)
    capacity: float = 0.0

    @property
    def octets(self) -> int:
        """Of the bodies of all messages."""
        return self.waiting.octets + self.out.octets + self.dead.octets

    def add(self, subject: QueueSubject) -> None:
        """Take one in."""
        self.ready += subject.ready
        self.unacked += subject.unacked
        self.aside += subject.aside
        self.capacity += subject.capacity or 0.0
        if subject.waiting is NOTHING and subject.out is NOTHING and subject.dead is NOTHING:
            return
        self.paged += subject.paged
        self.waiting += subject.waiting
        self.out += subject.out
        self.dead += subject.dead
        count, octets = subject.persistent
        self.persistent = self.persistent[0] + count, self.persistent[1] + octets


@attrs.frozen
class ChannelSubject:
    """An open channel."""

    labels: str
    channel: Channel
    counts: ChannelCounts

    @property
    def consumers(self) -> int:
        return len(self.channel.consumers)

    @property
    def unacked(self) -> int:
        return len(self.channel.unacked)

    @property
    def unconfirmed(self) -> int:
        confirms = self.channel.confirms
        return 0 if confirms is None else confirms.unsettled

    @property
    def uncommitted(self) -> tuple[int, int]:
        """Publishes and settlements of an open transaction."""
        transaction = self.channel.transaction
        return (0, 0) if transaction is None else (len(transaction.publishes), len(transaction.settlements))

    @property
    def windows(self) -> tuple[int, int]:
        """Of consumers to come, and of the whole channel; 0: none."""
        return self.channel.prefetch, self.channel.window


@attrs.frozen
class ConnectionSubject:
    """An open connection."""

    labels: str
    connection: Connection
    counts: ConnectionCounts

    @property
    def pending(self) -> int:
        """Pieces that wait to be sent."""
        return len(self.connection.outbox.parts)

    @property
    def channels(self) -> int:
        return len(self.connection.channels)


@attrs.frozen
class ExchangeSubject:
    """An exchange, and what was published to it."""

    labels: str
    vhost: str
    exchange: Exchange
    counts: PublishCounts


def everything(vhost: str, queue: str) -> bool:
    """Take all queues in."""
    return True


class Survey:
    """One look at a node. `wanted` says which queues, by vhost and name; sums of a node want all of them. Where nobody
    looks at single queues (`summed`), they keep neither labels nor counts.
    """

    def __init__(
        self,
        node: Node,
        wanted: Callable[[str, str], bool] = everything,
        *,
        summed: bool = False,
        weighs: bool = False,
    ) -> None:
        """`weighs`: whether messages are to be weighed too."""
        self.node = node
        self._weighs = weighs
        self.all_queues = AllQueues()
        """If messages are weighed."""
        self._out = Unsettled(node)
        self._summed = summed
        self.queues: list[QueueSubject] = []
        self.channels: list[ChannelSubject] = []
        self.connections: list[ConnectionSubject] = []
        self.exchanges: list[ExchangeSubject] = []
        self.consumers = self.publishers = 0
        statistics_, totals = node.broker.statistics, node.totals
        self.by_type = {name: statistics_.gone_queues.get(name, QueueCounts()) for name in node.broker.queue_types}
        """Totals of queues by their type; here and below, what has ended counts too."""
        self.deaths = dict(statistics_.gone_deaths)
        """By queue type and death."""
        self.buried = dict(statistics_.gone_buried)
        self.channel_totals = totals.channels
        self.connection_totals = totals.connections
        self._wanted = wanted
        self._published = dict(totals.exchanges)
        """By vhost and exchange."""

    def collect(self) -> Iterator[None]:
        """Look at everything; between two steps others may have their turn."""
        vhosts, connections = self.node.broker.vhosts, self.node.connections
        size = SLICE if self._wanted is everything else SEARCHED
        if self._weighs:
            yield from self._out.collect()
        for vhost in list(vhosts.values()):
            for count, queue in enumerate(list(vhost.queues.values()), 1):
                is_full = self._weighs and queue.message_count > LOOSE
                if is_full and self._wanted(vhost.name, queue.name):
                    yield from _weigh(queue)
                self._look_at_queue(vhost.name, queue)
                if is_full or not count % size:
                    yield
        yield from _sliced(list(connections), self._look_at_connection)
        channels = (each for connection in list(connections) for each in list(connection.channels.values()))
        yield from _sliced(channels, self._look_at_channel)
        exchanges = ((vhost.name, each) for vhost in list(vhosts.values()) for each in list(vhost.exchanges.values()))
        yield from _sliced(exchanges, lambda pair: self._look_at_exchange(*pair))

    def forget(self) -> Iterator[None]:
        """Free what was collected, a slice at a time: all at once it would take milliseconds."""
        for subjects in (self.queues, self.channels, self.connections, self.exchanges):
            while subjects:
                del subjects[-SLICE * SAMPLES // 2 :]
                yield

    def _look_at_queue(self, vhost: str, queue: Queue) -> None:
        if queue.deleted or not self._wanted(vhost, queue.name):
            return
        counts, name, tally = queue_counts(queue), queue.type.name, queue.tally
        labelled = "" if self._summed else labels(("vhost", vhost), ("queue", queue.name))
        kept = NO_COUNTS if self._summed else counts
        if self._weighs:
            subject = self._weighed(labelled, queue, kept)
            self.all_queues.add(subject)
        else:
            subject = QueueSubject(labelled, queue, kept)
        self.queues.append(subject)
        self.consumers += len(queue.consumers)
        self.by_type[name] += counts
        if tally is not None and tally.died:
            for death, count in tally.died.items():
                self.deaths[name, death] = self.deaths.get((name, death), 0) + count
            self.buried[name] = self.buried.get(name, 0) + tally.buried

    def _weighed(self, labelled: str, queue: Queue, kept: QueueCounts) -> QueueSubject:
        kind, out = queue.type, self._out
        # Each reader of a stream is at a place of its own, and takes what is there already.
        capacity = None if kind.keeps_what_is_settled else self.node.broker.capacities.of(queue)
        first = out.first_sent(queue) if kind.name == CLASSIC and not self._summed else None
        weights = queue.weight(), out.of(queue), queue.dying_weight()
        return QueueSubject(labelled, queue, kept, *weights, capacity, first)

    def _look_at_connection(self, connection: Connection) -> None:
        if connection.session is not None:
            labelled = labels(("channel", connection.pid))
            counts = statistics.traffic_of(connection)
            self.connections.append(ConnectionSubject(labelled, connection, counts))
            self.connection_totals += counts

    def _look_at_channel(self, channel: Channel) -> None:
        if not channel.is_open:
            return
        vhost = channel.session.vhost.name
        by_exchange = statistics.publish_counts_of(channel)
        for name, published in by_exchange.items():
            self._published[vhost, name] = self._published.get((vhost, name), PublishCounts()) + published
        labelled, counts = labels(("channel", channel.pid)), statistics.counts_of(channel)
        self.channels.append(ChannelSubject(labelled, channel, counts))
        self.publishers += channel.plans is not None
        self.channel_totals += counts

    def _look_at_exchange(self, vhost: str, exchange: Exchange) -> None:
        labelled = labels(("vhost", vhost), ("exchange", exchange.name))
        counts = self._published.get((vhost, exchange.name), PublishCounts())
        self.exchanges.append(ExchangeSubject(labelled, vhost, exchange, counts))


def _weigh(queue: Queue) -> Iterator[None]:
    """Look at what is packed in a queue that has much: afterwards another look costs little."""
    for count, run in enumerate(queue.unweighed(), 1):
        run.weight()
        if not count % RUNS:
            yield


def _sliced(items: Iterable[T], look: Callable[[T], None], size: int = SLICE) -> Iterator[None]:
    for count, item in enumerate(items, 1):
        look(item)
        if not count % size:
            yield
