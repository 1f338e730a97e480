"""Recovery against a dictionary, whatever was published, settled, returned and copied forward."""

from __future__ import annotations

from random import Random

import pytest

from amqpd.broker import trails
from amqpd.broker.message import Message, Trail
from amqpd.properties import Properties
from amqpd.storage.batch import Batch, Content
from amqpd.storage.placement import Rows
from amqpd.storage.recovery import Recovery, Survey

HEADERS = [Properties.of().raw, Properties.of(app_id="a").raw]


class History:
    """Random rows, and what they leave."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.rows: list[tuple[int, bytes]] = []
        self.there: dict[tuple[int, int], tuple[Content, float | None, int]] = {}
        self.place: dict[tuple[int, int], int] = {}
        self.numbers = {1: 0, 2: 0, 3: 0}
        self.delivered = {1: 0, 2: 0, 3: 0}

    def content(self, number: int) -> Content:
        trail = trails.encoded(Trail(hidden_keys=("h",))) if self.random.random() < 0.1 else b""
        exchange = "x\udcff" if self.random.random() < 0.1 else ""
        return Content(exchange, f"k{number % 3}", self.random.choice(HEADERS), b"%d" % number, trail)

    def row(self) -> None:
        batch, seq = Batch(), len(self.rows) + 1
        for _ in range(self.random.choice([0, 1, 5, 60])):
            queue = self.random.randrange(1, 4)
            self.numbers[queue] += 1
            number = self.numbers[queue]
            until = self.random.choice([-1, -1, 5000 + number])
            content = self.content(number)
            batch.publish(queue, number, content, until)
            self.there[queue, number] = content, None if until < 0 else until / 1000 - 3, 0
            self.place[queue, number] = seq
        for key in self.random.sample(sorted(self.there), len(self.there) // self.random.choice([2, 5, 50])):
            batch.settle(*key)
            del self.there[key]
        for key in self.random.sample(sorted(self.there), len(self.there) // 20):
            content, deadline, failures = self.there[key]
            batch.give_back(*key, failures + 1)
            self.there[key] = content, deadline, failures + 1
        oldest = self.random.randrange(1, seq + 1)
        for key, (kept, due, failed) in sorted(self.there.items()):
            if self.place[key] == oldest != seq:
                batch.copy(*key, kept, -1 if due is None else round((due + 3) * 1000))
                if failed:
                    batch.give_back(*key, failed)
                self.place[key] = seq
        for queue, number in self.numbers.items():
            if self.random.random() < 0.2:
                self.delivered[queue] = self.random.randrange(self.delivered[queue], number + 1)
                batch.deliver(queue, self.delivered[queue])
        self.rows.append((seq, batch.encode()))


def recovered(rows: list[tuple[int, bytes]]) -> tuple[Survey, Rows, dict[tuple[int, int], Message]]:
    """Everything in two passes; runs must be in order in themselves."""
    survey, held = Survey(rows), Rows()
    recovery = Recovery(survey, [1, 2, 3], -3, held)
    runs = [found for seq, data in rows for found in recovery.row(seq, data)]
    runs += recovery.rest()
    messages: dict[tuple[int, int], Message] = {}
    for queue, run in runs:
        assert list(run.numbers) == sorted(run.numbers)
        for message in run.unpack():
            assert (queue, message.number) not in messages
            messages[queue, message.number] = message
    return survey, held, messages


@pytest.mark.parametrize("seed", range(60))
def test_it_finds_what_was_left(seed: int) -> None:
    history = History(seed)
    for _ in range(history.random.randrange(1, 40)):
        history.row()
    survey, rows, messages = recovered(history.rows)
    assert messages.keys() == history.there.keys()
    for (queue, number), (content, deadline, failures) in history.there.items():
        message = messages[queue, number]
        assert (message.exchange, message.routing_key) == (content.exchange, content.routing_key)
        assert message.properties.raw == content.header
        assert (message.body, message.deadline) == (content.body, deadline)
        assert message.redelivered == (number <= history.delivered[queue] or failures > 0)
        trail = message.trail
        assert (0 if trail is None else trail.failures) == failures
        assert (() if trail is None else trail.hidden_keys) == (("h",) if content.trail else ())
    assert {key: rows.row_of(*key) for key in history.there} == {key: history.place[key] for key in history.there}
    held = [(queue, each) for row in rows.oldest() for queue, kept in rows.held(row).items() for each in kept]
    assert sorted(held) == sorted(history.there)
    for (queue, number), (_, _, failures) in history.there.items():
        assert rows.failures(queue, number) == failures
    for queue, state in survey.queues.items():
        left = max((number for held_by, number in history.there if held_by == queue), default=0)
        assert max(left, history.delivered[queue]) <= state.last_number <= history.numbers[queue]


def test_queues_that_are_not_known_leave_nothing() -> None:
    batch = Batch()
    batch.publish(7, 1, Content("", "", HEADERS[0], b"gone"))
    assert recovered([(1, batch.encode())])[2] == {}


def test_numbers_go_on_above_what_was_delivered() -> None:
    """The row that settled the last ones may have gone."""
    batch = Batch()
    batch.settle(1, 3)
    batch.deliver(1, 10)
    assert recovered([(1, batch.encode())])[0].queues[1].last_number == 10


def test_a_copy_may_stand_behind_what_is_newer_in_the_first_row() -> None:
    batch = Batch()
    for number in (2, 3, 1):
        batch.publish(1, number, Content("", "", HEADERS[0], b"%d" % number))
    _, rows, messages = recovered([(4, batch.encode())])
    assert sorted(messages) == [(1, 1), (1, 2), (1, 3)]
    assert [rows.row_of(1, number) for number in (1, 2, 3)] == [4, 4, 4]
