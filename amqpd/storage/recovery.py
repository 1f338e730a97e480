"""What the rows of a shard add up to after a restart, in two passes and with little in memory.

A number of a queue is given once, and once settled it is gone in all rows. So the first pass collects what was settled
and delivered, without looking at contents, and the second one hands out what is left, row by row, as runs. A message
may stand in several rows (it was copied forward, so that an old row could go); the last one counts. A replay may begin
at any row that was once the first, and what a crash left of older ones changes nothing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from amqpd.broker.message import Trail
from amqpd.broker.packed_run import RUN, Columns, Run, packed_numbers
from amqpd.storage.batch import NO_DEADLINE, Decoded, QueueEvents, decode, decode_queues
from amqpd.storage.contents import Texts
from amqpd.storage.placement import Placed, Rows, Scattered

T = TypeVar("T")

COMPACT: Final = 10_000
"""Settled ranges of a queue that are collected before they are merged."""


class QueueSurvey:
    """What all rows together say of one queue, contents aside."""

    __slots__ = ("_firsts", "_lasts", "_settled", "delivered", "failures", "highest", "last_number", "moved")

    def __init__(self) -> None:
        self._settled: list[tuple[int, int]] = []
        self._firsts: Sequence[int] = ()
        self._lasts: Sequence[int] = ()
        self.highest = 0
        """The highest number that was published."""
        self.last_number = 0
        """The highest number that was ever given: the next message gets a higher one."""
        self.delivered = 0
        """All up to this number were delivered."""
        self.failures: dict[int, int] = {}
        self.moved: dict[int, int] = {}
        """Number -> the last row that it was copied to."""

    def take(self, seq: int, records: QueueEvents) -> None:
        """The next row."""
        numbers = records.numbers
        if numbers:
            rising = sorted(numbers)
            if rising[0] <= self.highest or rising != numbers.tolist():
                self._find_moved(seq, numbers)
            self.highest = max(self.highest, rising[-1])
        self._settled += records.settled
        if len(self._settled) > COMPACT:
            self._settled = _merged([*zip(self._firsts, self._lasts, strict=True), *self._settled])
            self._firsts = self._lasts = ()
        self.failures.update(records.returned)
        self.delivered = max(self.delivered, records.delivered)

    def _find_moved(self, seq: int, numbers: Iterable[int]) -> None:
        """What is below a number that came earlier was copied, wherever it stood before."""
        highest = self.highest
        for number in numbers:
            if number <= highest:
                self.moved[number] = seq
            else:
                highest = number

    def finish(self) -> None:
        """All rows were taken."""
        settled = _merged(self._settled)
        self._settled = []
        self._firsts = array("Q", [first for first, _ in settled])
        self._lasts = array("Q", [last for _, last in settled])
        # Not below what was delivered, or new messages would pass for delivered ones.
        self.last_number = max(self.highest, self.delivered, settled[-1][1] if settled else 0)

    def left(self, seq: int, numbers: Sequence[int]) -> Sequence[int]:
        """Which places of a row's numbers hold messages that are still in the queue."""
        lowest, highest = min(numbers), max(numbers)
        at = bisect_right(self._firsts, highest) - 1
        if not self.moved and (at < 0 or self._lasts[at] < lowest):
            return range(len(numbers))
        return [
            place
            for place, number in enumerate(numbers)
            if self.moved.get(number, seq) == seq and not self.is_gone(number)
        ]

    def is_gone(self, number: int) -> bool:
        """Whether a message was settled."""
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and self._lasts[at] >= number


class Survey:
    """The first pass."""

    def __init__(self, rows: Iterable[tuple[int, bytes]]) -> None:
        self.queues: dict[int, QueueSurvey] = {}
        self.last_row = 0
        for seq, data in rows:
            self.last_row = seq
            for records in decode_queues(data):
                queue = self.queues.get(records.queue)
                if queue is None:
                    queue = self.queues[records.queue] = QueueSurvey()
                queue.take(seq, records)
        for queue in self.queues.values():
            queue.finish()


class Recovery:
    """The second pass. `known` are the queues that there are; what others held is gone with them."""

    def __init__(self, survey: Survey, known: Iterable[int], offset: float, rows: Rows | None = None) -> None:
        """`offset`: of the monotonic clock to the wall's, in seconds; `rows` learns which row holds what."""
        self._builders = {
            queue: _Builders(survey.queues[queue], offset) for queue in known if queue in survey.queues
        }
        self._texts = Texts()
        self._rows = rows
        self._scattered: dict[int, Scattered] = {}

    def row(self, seq: int, data: bytes) -> list[tuple[int, Run]]:
        """The next row: the runs, with their queues, that are complete by now."""
        runs: list[tuple[int, Run]] = []
        placed: list[Placed] = []
        decoded: Decoded | None = None
        weights: list[int] = []
        for at, records in enumerate(decode_queues(data)):
            builders = self._builders.get(records.queue)
            if builders is None or not records.numbers:
                continue
            places = builders.survey.left(seq, records.numbers)
            if not places:
                continue
            if decoded is None:
                decoded = decode(data)
                weights = decoded.weights()
            places = builders.take(decoded, decoded.queues[at], places, self._texts)
            numbers = [records.numbers[place] for place in places]
            found = Placed(records.queue, numbers, [weights[records.contents[place]] for place in places])
            if builders.survey.moved:
                self._scattered.setdefault(records.queue, Scattered()).add(seq, found)
            else:
                placed.append(found)
            runs += [(records.queue, run) for run in builders.complete()]
        if self._rows is not None:
            self._rows.add(seq, len(data), placed)
        return runs

    def rest(self) -> Iterator[tuple[int, Run]]:
        """The runs that are left, after all rows."""
        for queue, builders in self._builders.items():
            for run in builders.rest():
                yield queue, run
            if self._rows is not None:
                survey = builders.survey
                if queue in self._scattered:
                    self._rows.restore_scattered(queue, self._scattered.pop(queue))
                self._rows.delivered(queue, survey.delivered)
                for number, failures in survey.failures.items():
                    if failures and not survey.is_gone(number):
                        self._rows.returned(queue, number, failures)


class _Builders:
    """Makes runs of one queue: of what stands where it was published, and of what was copied forward."""

    def __init__(self, survey: QueueSurvey, offset: float) -> None:
        self.survey = survey
        self._published = _Builder(survey, offset)
        self._copied = _Builder(survey, offset)

    def take(
        self, decoded: Decoded, records: QueueEvents, places: Sequence[int], texts: Texts
    ) -> Sequence[int]:
        """Take what is at these places of a row's records; return them in the order of their numbers."""
        numbers, moved = records.numbers, self.survey.moved
        if not moved:
            self._published.take(decoded, records, places, texts)
            return places
        places = sorted(places, key=numbers.__getitem__)
        self._published.take(decoded, records, [each for each in places if numbers[each] not in moved], texts)
        self._copied.take(decoded, records, [each for each in places if numbers[each] in moved], texts)
        return places

    def complete(self) -> Iterator[Run]:
        yield from self._published.complete()
        yield from self._copied.complete()

    def rest(self) -> Iterator[Run]:
        yield from self._published.rest()
        yield from self._copied.rest()


class _Builder:
    """Collects messages with rising numbers as columns, and cuts runs off."""

    def __init__(self, survey: QueueSurvey, offset: float) -> None:
        self._survey = survey
        self._offset = offset
        self._numbers: list[int] = []
        self._bodies: list[bytes] = []
        self._exchanges: list[str] = []
        self._routing_keys: list[str] = []
        self._properties: list[bytes] = []
        self._deadlines: list[float | None] = []
        self._trails: list[bytes | None] = []
        self._ended: list[Run] = []

    def take(self, decoded: Decoded, records: QueueEvents, places: Sequence[int], texts: Texts) -> None:
        """Add what is at these places of a row's records; their numbers rise."""
        if not places:
            return
        numbers = [records.numbers[place] for place in places]
        if self._numbers and numbers[0] < self._numbers[-1]:
            self._ended += self.rest()
        contents = [records.contents[place] for place in places]
        deadlines, offset = records.deadlines, self._offset
        self._numbers += numbers
        self._bodies += [decoded.bodies[content] for content in contents]
        self._exchanges += decoded.exchanges.at(contents, texts.text)
        self._routing_keys += decoded.routing_keys.at(contents, texts.text)
        self._properties += decoded.headers.at(contents, texts.octets)
        self._trails += decoded.trails.at(contents, _trail)
        if deadlines is None:
            self._deadlines += [None] * len(places)
        else:
            self._deadlines += [
                None if deadlines[place] == NO_DEADLINE else deadlines[place] / 1000 + offset for place in places
            ]

    def complete(self) -> Iterator[Run]:
        """The runs that are complete."""
        while len(self._numbers) >= RUN:
            self._ended.append(self._cut(RUN))
        ended, self._ended = self._ended, []
        yield from ended

    def rest(self) -> Iterator[Run]:
        """All that is left."""
        yield from self.complete()
        if self._numbers:
            yield self._cut(len(self._numbers))

    def _cut(self, count: int) -> Run:
        numbers = self._numbers[:count]
        bodies, trails = _take(self._bodies, count), _take(self._trails, count)
        columns = Columns(
            tuple(bodies),  # which the garbage collector leaves alone, unlike a list
            _column(_take(self._exchanges, count)),
            _column(_take(self._routing_keys, count)),
            _column(_take(self._properties, count)),
            _or_none(_take(self._deadlines, count)),
            self._redelivered(numbers),
            _or_none(trails),
            (None,) * count,
        )
        del self._numbers[:count]
        run = Run.of(packed_numbers(numbers), columns)
        failures = self._survey.failures
        if columns.trails is None and not any(number in failures for number in numbers):
            return run
        return _with_failures(run, failures)

    def _redelivered(self, numbers: list[int]) -> bytes | None:
        count = bisect_right(numbers, self._survey.delivered)
        return b"\1" * count + bytes(len(numbers) - count) if count else None


def _with_failures(run: Run, failures: Mapping[int, int]) -> Run:
    """The messages with what later rows say of their returns."""
    messages = run.unpack()[::-1]
    for message in messages:
        failed = failures.get(message.number, 0)
        if failed:
            trail = message.trail = message.trail or Trail()
            trail.failures = max(trail.failures, failed)
            trail.returns = max(trail.returns, trail.failures)
        if message.trail is not None and message.trail.returns:
            message.redelivered = True  # it went to the tail, under a number that was not delivered yet
    return Run(messages)


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, without overlaps."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _trail(octets: bytes) -> bytes | None:
    return octets or None


def _take(column: list[T], count: int) -> list[T]:
    cut = column[:count]
    del column[:count]
    return cut


def _column(values: list[T]) -> T | tuple[T, ...]:
    first = values[0]
    return first if all(each is first for each in values) else tuple(values)


def _or_none(values: list[T | None]) -> tuple[T | None, ...] | None:
    return None if all(each is None for each in values) else tuple(values)
