"""Space comes back while the broker runs: what is not needed goes, and what is in the way of that moves on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.broker import Broker
from amqpd.broker.compat import Compat
from amqpd.broker.message import Message
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Inline
from amqpd.broker.queue import Queue
from amqpd.clock import ManualClock
from amqpd.properties import Properties
from amqpd.storage import care
from amqpd.storage.engine import Durability
from amqpd.storage.journal import EngineJournal
from amqpd.storage.sqlite import SqliteEngine
from tests.unit.broker.world import SeededRandomness
from tests.unit.storage.durable import PERSISTENT, Durable

T = TypeVar("T")


@pytest.fixture
def durable() -> Durable:
    return Durable()


def get(queue: Queue) -> Message:
    message = queue.get()
    assert message is not None
    return message


def test_rows_go_once_their_messages_are_settled(durable: Durable) -> None:
    queue = durable.queue()
    for number in range(200):
        durable.publish(b"%d" % number * 100)
        durable.drain()
        queue.settle(get(queue))
        durable.drain()
    assert durable.octets < 12_000
    assert durable.restarted().bodies() == []


def test_a_message_that_stays_keeps_nothing_but_itself(durable: Durable) -> None:
    queue = durable.queue()
    durable.publish(b"stays")
    durable.drain()
    held = get(queue)
    for number in range(200):
        durable.publish(b"%d" % number * 100)
        durable.drain()
        queue.settle(get(queue))
        durable.drain()
    assert durable.octets < 12_000
    again = durable.restarted()
    assert [(each.body, each.redelivered) for each in again.vhost.queues["q"].browse(5)] == [(b"stays", True)]
    queue.settle(held)
    durable.drain()
    assert durable.restarted().bodies() == []


def test_what_is_known_of_a_message_moves_with_it(durable: Durable) -> None:
    """Deadline, failures, and that it was delivered: the rows that said so are gone."""
    queue = durable.queue("q", {"x-queue-type": "quorum", "x-delivery-limit": 5})
    durable.publish(b"m", properties=Properties.of(expiration="60000"))
    for _ in range(3):
        message = get(queue)
        durable.drain()
        queue.put_back(message)
        durable.drain()
    other = durable.queue("other")
    for _ in range(100):
        durable.publish(b"x" * 300, queue="other")
        durable.drain()
        other.settle(get(other))
        durable.drain()
    assert durable.octets < 12_000
    again = durable.restarted()
    [found] = again.vhost.queues["q"].browse(5)
    assert found.redelivered
    assert found.trail is not None
    assert found.trail.failures == 3
    again.advance(59)
    assert again.bodies() == [b"m"]
    again.advance(2)
    assert again.bodies() == []


def test_a_message_in_many_queues_is_copied_as_one(durable: Durable) -> None:
    queues = [durable.queue(str(number)) for number in range(50)]
    other = durable.queue("other")
    durable.vhost.publish(Message("e", "k", PERSISTENT, b"x" * 5_000), tuple(queues))
    durable.drain()
    for _ in range(100):
        durable.publish(b"x" * 500, queue="other")
        durable.drain()
        other.settle(get(other))
        durable.drain()
    assert durable.octets < 40_000
    again = durable.restarted()
    assert all(again.bodies(str(number)) == [b"x" * 5_000] for number in range(50))


def test_after_a_restart_space_comes_back_as_well(durable: Durable) -> None:
    durable = Durable(slack=10**9)
    queue = durable.queue()
    durable.publish(b"stays")
    held = get(queue)
    for _ in range(200):
        durable.publish(b"x" * 100)
        durable.drain()
        queue.settle(get(queue))
        durable.drain()
    assert held.body == b"stays"
    assert durable.octets > 20_000
    again = durable.restarted()
    assert again.octets < 12_000
    assert again.restarted().bodies() == [b"stays"]


def one_stays(durable: Durable, count: int, octets: int) -> tuple[Queue, Message, int | None]:
    """Take a message, then let others of a size come and go; return its queue, the message, and its first row."""
    queue = durable.queue()
    durable.publish(b"stays")
    durable.drain()
    held = get(queue)
    before = durable.journal.rows.row_of(queue.id, held.number)
    for _ in range(count):
        durable.publish(b"x" * octets)
        durable.drain()
        queue.settle(get(queue))
        durable.drain()
    return queue, held, before


def test_little_is_left_alone() -> None:
    """What is below the slack isn't worth copying."""
    durable = Durable(slack=100_000)
    queue, held, before = one_stays(durable, 100, 100)
    assert durable.journal.rows.row_of(queue.id, held.number) == before


def test_a_copied_message_is_found_where_it_stands(durable: Durable) -> None:
    queue, held, before = one_stays(durable, 10, 1000)
    after = durable.journal.rows.row_of(queue.id, held.number)
    assert before is not None
    assert after is not None
    assert after > before
    queue.settle(held)
    durable.drain()
    assert durable.journal.rows.row_of(queue.id, held.number) is None


class Steps(Inline):
    """Counts what runs away from the broker's thread, and lets something happen in between."""

    def __init__(self) -> None:
        self.count = 0
        self.meanwhile: Callable[[], None] = lambda: None

    def run(self, function: Callable[[], T]) -> Pending[T]:
        self.count += 1
        self.meanwhile()
        return super().run(function)


def test_very_many_messages_move_in_slices_and_what_is_settled_meanwhile_stays_settled() -> None:
    durable = Durable(slack=100_000)
    queue, other = durable.queue(), durable.queue("other")
    steps = Steps()
    durable.publish(*[b"%d" % number for number in range(10_000)])
    durable.publish(b"x" * 4_000_000, queue="other")
    durable.drain()
    durable.journal.start(steps)
    random = Random(1)

    def meanwhile() -> None:
        for _ in range(random.randint(0, 3)):
            queue.settle(get(queue))

    steps.meanwhile = meanwhile
    other.settle(get(other))
    durable.drain()
    steps.meanwhile = lambda: None
    durable.drain()
    assert steps.count > 10_000 / care.MESSAGES
    assert durable.octets < 1_500_000
    assert 0 < len(durable.bodies()) < 10_000
    assert durable.restarted().bodies() == durable.bodies()


@given(st.integers(0, 2**32))
def test_whatever_happened_the_rows_take_up_at_most_three_times_what_is_needed(seed: int) -> None:
    """And a slack: small bodies beside large ones, queues that stay beside some that are emptied, restarts."""
    random = Random(seed)
    slack = 5_000
    durable = Durable(slack=slack)
    names = "abc"
    for name in names:
        durable.queue(name)
    for _ in range(random.randint(1, 30)):
        for _ in range(random.randint(1, 6)):
            queue = durable.vhost.queues[random.choice(names)]
            action = random.choice(("publish", "publish", "fan out", "take", "purge", "drain"))
            body = random.randbytes(random.choice((1, 10, 100, 3000)))
            if action == "publish":
                durable.publish(body, queue=queue.name)
            elif action == "fan out":
                durable.vhost.publish(Message("e", "k", PERSISTENT, body), tuple(durable.vhost.queues.values()))
            elif action == "drain":
                durable.drain()
            elif action == "purge":
                queue.purge()
            elif queue.message_count:
                for number in random.sample(list(queue.numbers()), random.randint(1, queue.message_count)):
                    queue.remove(number)
        durable.drain()
        expected = {name: durable.bodies(name) for name in names}
        needed = {id(body): len(body) for bodies in expected.values() for body in bodies}
        entries = sum(map(len, expected.values()))
        assert durable.journal.rows.octets <= 3 * (sum(needed.values()) + 80 * entries) + slack
        if random.random() < 0.2:
            durable = Durable(durable.disk.lose_power(random), durable.clock, slack=slack)
            assert {name: durable.bodies(name) for name in names} == expected


def test_the_files_of_the_database_shrink(tmp_path: Path) -> None:
    journal = EngineJournal(SqliteEngine(tmp_path, Durability.OS), ManualClock(), slack=1_000_000)
    broker = Broker(ManualClock(), SeededRandomness(), compat=Compat.of(), journal=journal)
    vhost = broker.add_vhost("/")
    journal.restore_graph(broker)
    queue = vhost.add_queue("q", True, False, None, Durable().queue().arguments)
    for _ in range(200):
        vhost.publish(Message("", "q", PERSISTENT, b"x" * 500_000), (queue,))
        while broker.drain():
            pass

    def octets() -> int:
        return sum(each.stat().st_size for each in tmp_path.glob("*.db*"))

    assert octets() > 100_000_000
    for _ in range(199):
        queue.settle(get(queue))
    while broker.drain():
        pass
    assert octets() < 45_000_000
    journal.close()
