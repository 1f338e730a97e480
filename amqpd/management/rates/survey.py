"""Sums by virtual host and by exchange: one walk over queues, connections and channels, in slices.

What yields says how much it has done since the last time, where one look at all numbers of a queue is 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from amqpd.broker.vhost import VHost
from amqpd.management.rates.counted import Sums
from amqpd.protocol.node import Node
from amqpd.protocol.statistics import PublishCounts, ended_of, publish_counts_of, traffic_of
from amqpd.protocol.statistics import counts_of as channel_counts

QUEUES: Final = 128
"""Queues, channels and connections of one step."""
CHANNELS: Final = 16
CONNECTIONS: Final = 32


class Survey:
    """What adds up, at this moment; two numbers of it may be of different ones, as others have turns in between."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.vhosts: dict[VHost, Sums] = {}
        self.exchanges: dict[tuple[str, str], PublishCounts] = {}
        """By vhost and exchange, those alone that something was published to."""

    def everything(self) -> Iterator[int]:
        """Add up all there is, a slice at a time."""
        yield from self.queues()
        yield from self.traffic()

    def queues(self) -> Iterator[int]:
        """Add up messages."""
        for vhost in [*self._node.broker.vhosts.values()]:
            sums, queues = self._sums(vhost), [*vhost.queues.values()]
            for start in range(0, len(queues), QUEUES):
                for each in queues[start : start + QUEUES]:
                    sums.ready += each.message_count
                    sums.unacknowledged += each.unacked - each.returning
                    sums.aside += each.delayed + each.dying
                    if each.tally is not None:
                        sums.redelivered += each.tally.redelivered
                yield len(queues[start : start + QUEUES]) // 8

    def traffic(self) -> Iterator[int]:
        """Add up what went through connections, channels and exchanges."""
        self.exchanges = dict(self._node.totals.exchanges)
        for vhost in self._node.broker.vhosts.values():
            ended, sums = ended_of(vhost), self._sums(vhost)
            sums.traffic += ended.channels
            sums.octets += ended.connections
        connections = [*self._node.connections]
        for start in range(0, len(connections), CONNECTIONS):
            for each in connections[start : start + CONNECTIONS]:
                if each.session is not None:
                    self._sums(each.session.vhost).octets += traffic_of(each)
            yield CONNECTIONS // 4
        channels = [channel for each in connections for channel in each.channels.values()]
        for start in range(0, len(channels), CHANNELS):
            for channel in channels[start : start + CHANNELS]:
                if channel.is_open:
                    vhost = channel.session.vhost
                    self._sums(vhost).traffic += channel_counts(channel)
                    for name, published in publish_counts_of(channel).items():
                        key = vhost.name, name
                        self.exchanges[key] = self.exchanges.get(key, PublishCounts()) + published
            yield CHANNELS

    def _sums(self, vhost: VHost) -> Sums:
        found = self.vhosts.get(vhost)
        if found is None:
            found = self.vhosts[vhost] = Sums()
        return found
