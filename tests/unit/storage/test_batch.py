"""Batches and their octets, and what a sequence of them adds up to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amqpd.storage.batch import NO_DEADLINE, Batch, Content, decode
from amqpd.storage.columns import text
from amqpd.storage.contents import content_of
from amqpd.storage.placement import Rows
from amqpd.storage.recovery import Recovery, Survey

PLAIN = Content("", "q", b"\x00\x00", b"body")
octets = st.binary(max_size=20)
texts = octets.map(text)
contents = st.builds(Content, texts, texts, octets, octets, octets)


def published(batch: Batch, queue: int) -> list[tuple[int, Content, int]]:
    decoded = decode(batch.encode())
    return [
        (number, content, deadline)
        for records in decoded.queues
        if records.queue == queue
        for number, content, deadline in records.published(decoded.contents)
    ]


@given(st.lists(st.tuples(contents, st.integers(0, 2**40) | st.just(NO_DEADLINE)), max_size=20))
def test_what_was_published_is_read_back(messages: list[tuple[Content, int]]) -> None:
    batch = Batch()
    for number, (content, deadline) in enumerate(messages, start=5):
        batch.publish(7, number, content, deadline)
    expected = [(number, *message) for number, message in enumerate(messages, start=5)]
    assert published(batch, 7) == expected


def test_a_message_to_very_many_queues_is_in_the_row_once() -> None:
    batch = Batch()
    body = b"x" * 1_000_000
    for queue in range(1000):
        batch.publish(queue, 1, PLAIN._replace(body=body), shared="one")
    assert len(batch.encode()) < 1_100_000
    assert published(batch, 999) == [(1, PLAIN._replace(body=body), NO_DEADLINE)]


def test_what_repeats_is_in_the_row_once() -> None:
    batch = Batch()
    for number in range(1000):
        batch.publish(1, number, Content("an exchange", "a routing key", b"a header" * 10, b"%d" % number))
    assert len(batch.encode()) < 1000 * 45


def test_what_is_settled_in_the_same_batch_leaves_no_trace() -> None:
    batch = Batch()
    batch.publish(1, 1, PLAIN, shared="both")
    batch.publish(2, 1, PLAIN, shared="both")
    batch.publish(1, 2, PLAIN._replace(body=b"gone" * 1000))
    batch.settle(1, 2)
    batch.settle(1, 1)
    assert (published(batch, 1), len(published(batch, 2))) == ([], 1)
    assert len(batch.encode()) < 200
    batch.settle(2, 1)
    assert decode(batch.encode()).contents == []


def test_a_message_that_goes_to_the_tail_is_kept_though_its_copies_were_settled() -> None:
    batch = Batch()
    batch.publish(1, 1, PLAIN, shared="both")
    batch.publish(2, 1, PLAIN, shared="both")
    batch.settle(1, 1)
    batch.settle(2, 1)
    batch.publish(2, 2, PLAIN, shared="both")
    assert published(batch, 2) == [(2, PLAIN, NO_DEADLINE)]


def test_a_copy_that_is_settled_at_once_settles_the_older_row_too() -> None:
    batch = Batch()
    batch.copy(1, 4, PLAIN)
    batch.settle(1, 4)
    [records] = decode(batch.encode()).queues
    assert (list(records.numbers), records.settled) == ([], [(4, 4)])


def test_settlements_in_a_row_are_one_range() -> None:
    batch = Batch()
    for number in (*range(1, 1001), 2000, 2001):
        batch.settle(1, number)
    [records] = decode(batch.encode()).queues
    assert records.settled == [(1, 1000), (2000, 2001)]


def test_a_batch_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of version 2: this version reads 1"):
        decode(b"\x02\x00\x00\x00")


class JournalAgainstADictionary(RuleBasedStateMachine):
    """Random publishes, settlements, returns, commits, copies and trims; a crash at any moment leaves what was
    committed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[int, bytes]] = []
        self.rows = Rows()
        self.batch = Batch()
        self.numbers = {1: 0, 2: 0, 3: 0}
        self.now: dict[tuple[int, int], tuple[Content, int]] = {}
        self.committed: dict[tuple[int, int], tuple[Content, int]] = {}
        self.pending: set[tuple[int, int]] = set()
        self.seq = 0

    @rule(queues=st.sets(st.sampled_from([1, 2, 3]), min_size=1), body=octets)
    def publish(self, queues: set[int], body: bytes) -> None:
        content = PLAIN._replace(body=body)
        for queue in sorted(queues):
            self.numbers[queue] += 1
            place = queue, self.numbers[queue]
            self.batch.publish(*place, content, shared=(body, self.numbers[queue]) if len(queues) == 1 else object())
            self.now[place] = content, 0
            self.pending.add(place)

    @precondition(lambda self: self.now)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(sorted(self.now)))
        del self.now[place]
        self.batch.settle(*place)
        self.pending.discard(place)

    @precondition(lambda self: self.now)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(sorted(self.now)))
        content, failures = self.now[place]
        self.now[place] = content, failures + 1
        self.batch.give_back(*place, failures + 1)

    @rule()
    def commit(self) -> None:
        self.seq += 1
        octets = self.batch.encode()
        self.log.append((self.seq, octets))
        queues = self.batch.queues
        copied = {queue: records.copied for queue, records in queues.items()}
        self.rows.add(self.seq, len(octets), self.batch.placed(), copied)
        for queue, records in queues.items():
            for first, last in records.settled:
                self.rows.settled(queue, first, last)
            for number, failures in records.returned.items():
                self.rows.returned(queue, number, failures)
        self.batch, self.pending = Batch(), set()
        self.committed = dict(self.now)

    @rule(data=st.data())
    def take_a_batch_back_and_go_on_with_it(self, data: st.DataObject) -> None:
        """As after a commit that found no room: what was said meanwhile is added to it."""
        later = Batch()
        for place in data.draw(st.lists(st.sampled_from(sorted(self.now)), unique=True)) if self.now else ():
            later.settle(*place)
            del self.now[place]
            self.pending.discard(place)
        self.batch.absorb(later)

    @precondition(lambda self: self.log)
    @rule()
    def copy_the_oldest_row_forward(self) -> None:
        for oldest in self.rows.oldest():
            for queue, numbers in self.rows.held(oldest).items():
                for number in numbers:
                    found = self.now.get((queue, number))
                    if found is not None and not self.copied(queue, number):
                        self.batch.copy(queue, number, found[0])
                        failures = self.rows.failures(queue, number)
                        if failures and number not in self.batch.queues[queue].returned:
                            self.batch.give_back(queue, number, failures)
            return

    def copied(self, queue: int, number: int) -> bool:
        records = self.batch.queues.get(queue)
        return records is not None and number in records.copied

    @rule()
    def trim(self) -> None:
        below, _ = self.rows.dead(10**9)
        if below:
            self.rows.trim(below)
            self.log = [(seq, octets) for seq, octets in self.log if seq >= below]

    @rule()
    def restart(self) -> None:
        self.batch, self.pending, self.now = Batch(), set(), dict(self.committed)
        self.rows, _ = recovered(self.log)

    @invariant()
    def every_message_is_in_one_row_that_is_held(self) -> None:
        rows = {seq for seq, _ in self.log}
        assert all(self.rows.row_of(*place) in rows for place in self.committed)
        held = [
            (queue, number)
            for row in self.rows.oldest()
            for queue, numbers in self.rows.held(row).items()
            for number in numbers
        ]
        assert sorted(held) == sorted(self.committed)
        assert 0 <= self.rows.live_octets <= self.rows.octets
        assert self.rows.live_octets == sum(row.live_octets for row in self.rows.oldest())

    @invariant()
    def a_restart_now_finds_what_was_committed(self) -> None:
        _, found = recovered(self.log)
        assert found == self.committed


def recovered(log: list[tuple[int, bytes]]) -> tuple[Rows, dict[tuple[int, int], tuple[Content, int]]]:
    """What rows add up to: which of them holds what, and the messages with their failures."""
    rows = Rows()
    recovery = Recovery(Survey(log), [1, 2, 3], 0, rows)
    runs = [found for seq, data in log for found in recovery.row(seq, data)]
    runs += recovery.rest()
    messages = [(queue, message) for queue, run in runs for message in run.unpack()]
    return rows, {
        (queue, each.number): (content_of(each)._replace(trail=b""), 0 if each.trail is None else each.trail.failures)
        for queue, each in messages
    }


TestRandomJournal = JournalAgainstADictionary.TestCase
TestRandomJournal.settings = settings(max_examples=60, stateful_step_count=40)
