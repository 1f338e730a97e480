"""Looks at counters every five seconds, in slices that timers of the broker start: no task, and no cost in between.

A small broker's objects are all looked at, so that their past is there when somebody asks; of a large one, those that
somebody has asked for in the last minutes. Memory is bounded: the more objects, the shorter each one's past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from amqpd.broker.queue import Queue
from amqpd.broker.timers import Timer
from amqpd.broker.vhost import VHost
from amqpd.management.rates import counted
from amqpd.management.rates.counted import Sample, Sums
from amqpd.management.rates.details import NOTHING, Details, Ranges
from amqpd.management.rates.history import DETAILED, GLOBAL, TICK, History
from amqpd.management.rates.survey import Survey
from amqpd.protocol.channel import Channel
from amqpd.protocol.connection import Connection
from amqpd.protocol.node import Node

SMALL: Final = 1000
"""Up to so many queues, channels and connections all are looked at: some 6 ms of five seconds."""
MANY: Final = 20_000
"""More are never looked at."""
SAMPLES: Final = 50_000
"""Samples of all objects together, at one distance: some 15 MB if all numbers change all the time."""
INTEREST: Final = 300
"""Seconds for which an object is looked at after somebody has asked for it."""
SLICE: Final = 48
"""Objects that are looked at in one go: some 0.3 ms."""
GAP: Final = 0.002
"""Seconds between two slices."""

Single: TypeAlias = Queue | Channel | Connection
"""What is read by itself."""
Key: TypeAlias = Single | VHost | tuple[str, str] | str
"""An object with a past: exchanges by vhost and name, the overview and the node by a word."""

OVERVIEW: Final = "overview"
NODE: Final = "node"


class Sampler:
    """Of one node. `node_numbers` reads what `counted.NODE` names."""

    def __init__(self, node: Node, node_numbers: Callable[[], Sample]) -> None:
        self._node = node
        self._node_numbers = node_numbers
        self._histories: dict[Key, History] = {}
        self._wanted: dict[Single, int] = {}
        """Until which tick somebody is interested."""
        self._sums_wanted = 0
        """Until which tick somebody is interested in anything that is a sum."""
        self._saw_all = self._saw_sums = False
        """Whether the last pass did: what it hasn't seen is new."""
        self._steps: Iterator[int] | None = None
        """The pass that is under way."""
        self._started = False
        self._timers: list[Timer | None] = [None, None]

    def start(self) -> None:
        """Look now, and from then on at each tick."""
        self._started = True
        wall = self._node.broker.clock.wall()
        # Half a second into it: a clock that is set by a little does not make it the one before.
        self._timers[0] = self._node.broker.timers.after(TICK - wall % TICK + 0.5, self.start)
        if self._steps is None:  # a pass that takes longer than a tick is ended first
            self._steps = self._look(int(wall // TICK))
            self._step()

    def stop(self) -> None:
        """Look no more."""
        for each in self._timers:
            self._node.broker.timers.cancel(each)

    def of_all(self, keys: Sequence[Key], ranges: Ranges) -> Details:
        """The past of an object, or of several of one kind together; there is interest in them from now on."""
        if not self._started:  # nobody would ever forget what is asked for
            return NOTHING
        until = int(self._node.broker.clock.wall() // TICK) + INTEREST // TICK
        for key in keys:
            if isinstance(key, Queue | Channel | Connection):
                self._wanted[key] = until
            else:
                self._sums_wanted = until
        found = [self._histories[key] for key in keys if key in self._histories]
        return Details(names_of(keys[0]), tuple(found), ranges) if found else NOTHING

    # -- looking ---------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        left = SLICE
        for units in self._steps or ():
            left -= units
            if left <= 0:
                self._timers[1] = self._node.broker.timers.after(GAP, self._step)
                return
        self._steps = None

    def _look(self, tick: int) -> Iterator[int]:
        is_small = self._count() <= SMALL
        wanted = [key for key, until in self._wanted.items() if until >= tick]
        keys = self._all() if is_small else wanted[:MANY]
        room = max(2, SAMPLES // max(1, len(keys)))
        kept: dict[Key, History] = {}
        for key in keys:
            if _is_there(key):
                self._record(kept, key, tick, _read(key), room, is_new=self._saw_all)
            yield 1
        self._record(kept, NODE, tick, self._node_numbers(), SAMPLES, is_new=False)
        with_sums = is_small or self._sums_wanted >= tick
        if with_sums:
            survey = Survey(self._node)
            yield from survey.everything()
            self._record_sums(kept, survey, tick)
        self._wanted = {key: self._wanted[key] for key in wanted if _is_there(key)}
        self._histories = kept
        self._saw_all, self._saw_sums = is_small, with_sums

    def _record_sums(self, kept: dict[Key, History], survey: Survey, tick: int) -> None:
        total = Sums()
        for vhost, sums in survey.vhosts.items():
            self._record(kept, vhost, tick, sums.of_vhost, SAMPLES, is_new=self._saw_sums)
            total += sums
        churn = self._node.broker.statistics
        came_and_went = [getattr(churn, name) for name in counted.CHURN.values()]
        everything = (*total.lengths, *total.messages, *came_and_went)
        self._record(kept, OVERVIEW, tick, everything, SAMPLES, is_new=False)
        room = max(2, SAMPLES // max(1, len(survey.exchanges)))
        for exchange, counts in survey.exchanges.items():
            self._record(kept, exchange, tick, counted.of_exchange(counts), room, is_new=self._saw_sums)

    def _record(
        self, kept: dict[Key, History], key: Key, tick: int, sample: Sample, room: int, *, is_new: bool
    ) -> None:
        """Add to an object's past; one that wasn't there at the last pass had nothing then."""
        history = self._histories.get(key)
        if history is None:
            history = History(GLOBAL if isinstance(key, str) else DETAILED)
            if is_new:
                history.record(tick - 1, (0,) * len(sample), room)
        history.record(tick, sample, room)
        kept[key] = history

    def _count(self) -> int:
        connections = self._node.connections
        objects = len(connections) + sum([len(each.queues) for each in self._node.broker.vhosts.values()])
        return objects if objects > SMALL else objects + sum([len(each.channels) for each in connections])

    def _all(self) -> list[Single]:
        connections = [*self._node.connections]
        return [
            *[queue for vhost in self._node.broker.vhosts.values() for queue in vhost.queues.values()],
            *connections,
            *[channel for each in connections for channel in each.channels.values()],
        ]


def names_of(key: Key) -> tuple[str, ...]:
    """What the numbers of an object are called."""
    if isinstance(key, Queue):
        return counted.QUEUE
    if isinstance(key, Channel):
        return counted.CHANNEL
    if isinstance(key, Connection):
        return counted.OCTETS
    if isinstance(key, VHost):
        return counted.VHOST
    if isinstance(key, str):
        return counted.OVERVIEW if key == OVERVIEW else counted.NODE
    return counted.EXCHANGES


def _is_there(key: Single) -> bool:
    if isinstance(key, Queue):
        return not key.deleted
    return key.is_open if isinstance(key, Channel) else not key.finished


def _read(key: Single) -> Sample:
    if isinstance(key, Queue):
        return counted.of_queue(key)
    return counted.of_channel(key) if isinstance(key, Channel) else counted.of_connection(key)
