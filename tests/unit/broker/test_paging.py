"""Messages that leave memory: what a queue shows stays the same, and the account is lighter by what is on the disk."""

from __future__ import annotations

import pytest

from amqpd.broker.classic_queue import ClassicQueue
from amqpd.broker.message import Account, Message, Trail
from amqpd.broker.packed_run import RUN, Run
from amqpd.broker.paged_run import BLOCK, RESIDENT
from amqpd.broker.pager import PAUSE, Pager
from amqpd.broker.ports import Spill
from amqpd.broker.queue import Queue
from amqpd.properties import Properties
from tests.forms import interpreted
from tests.unit.broker.spills import MemorySpill
from tests.unit.broker.world import RecordingConsumer, World, message, publish

MARK = 1_000_000


class Paged(World):
    """A broker whose messages leave memory above a mark; `drain` looks at it as the end of a turn does."""

    def __init__(self, mark: int = MARK, profile: str = "4.2") -> None:
        super().__init__(profile)
        self.spill = MemorySpill()
        self.pager = Pager(self.broker, self.spill, mark)

    def drain(self) -> None:
        self.pager.check(self.octets)
        super().drain()

    def filled(self, count: int, size: int = 100, arguments: dict[str, object] | None = None) -> Queue:
        """A queue with numbered bodies of a size, after the turns that follow."""
        queue = self.queue(f"q{len(self.vhost.queues)}", arguments)
        for number in range(count):
            queue.publish(message(b"%d" % number + bytes(size)))
        self.drain()
        return queue

    def numbers(self, queue: Queue) -> list[int]:
        """Take everything out; the numbers that the bodies begin with."""
        return [int(body.rstrip(b"\0")) for body in self.bodies(queue.name)]


def test_below_the_mark_everything_stays_in_memory() -> None:
    world = Paged()
    world.filled(3000)
    assert not world.spill.blocks
    assert world.octets < MARK


@pytest.mark.parametrize("arguments", [{}, {"x-queue-type": "quorum"}, {"x-max-priority": 3}])
def test_above_the_mark_messages_leave_memory_and_come_back_in_order(arguments: dict[str, object]) -> None:
    world = Paged()
    queue = world.filled(20 * RUN, arguments=arguments)
    assert world.octets <= MARK
    assert queue.message_count == 20 * RUN
    assert 0 < queue.paged < 20 * RUN
    assert world.numbers(queue) == list(range(20 * RUN))
    assert queue.paged == 0
    assert not world.spill.blocks
    assert world.octets == 0


def test_what_is_on_the_disk_costs_its_number() -> None:
    world = Paged(mark=0)
    world.filled(10 * RUN)
    in_memory = RUN * (100 + 3 + 220)
    assert RESIDENT * 9 * RUN < world.octets < in_memory * 1.1 + RESIDENT * 9 * RUN


def test_everything_about_a_message_comes_back() -> None:
    world = Paged(mark=0)
    queue = world.queue()
    sent = []
    for number in range(3 * RUN):
        each = Message(f"x{number}", f"k{number}", Properties.of(message_id=f"m{number}"), b"%d" % number)
        each.redelivered = number % 3 == 0
        each.deadline = 1000.0 + number if number % 2 else None
        each.trail = Trail(hidden_keys=("h",)) if number % 5 == 0 else None
        if each.trail is not None:
            each.trail.failures = number
            each.trail.published = Properties.of(app_id="before")
        each.number = number + 1
        sent.append(each)
    for at in range(0, 3 * RUN, RUN):
        queue.restore(Run(sent[at : at + RUN]))
    queue.restored(3 * RUN)
    world.drain()
    assert world.spill.blocks
    for before in sent:
        after = queue.get()
        assert after is not None
        for name in ("exchange", "routing_key", "body", "redelivered", "deadline", "number"):
            assert getattr(after, name) == getattr(before, name)
        assert after.properties.raw == before.properties.raw
        assert (after.trail is None) == (before.trail is None)
        if after.trail is not None and before.trail is not None:
            assert (after.trail.failures, after.trail.hidden_keys) == (before.trail.failures, ("h",))
            assert after.trail.published is not None
            assert after.trail.published.app_id == "before"


def test_queues_take_turns() -> None:
    world = Paged(mark=3_000_000)
    first, second = world.filled(5 * RUN), world.filled(5 * RUN)
    assert world.octets <= 3_000_000
    assert (first.message_count, second.message_count) == (5 * RUN, 5 * RUN)
    assert world.numbers(first) == world.numbers(second) == list(range(5 * RUN))


def test_large_bodies_leave_in_blocks_of_their_own() -> None:
    world = Paged()
    queue = world.filled(100, size=300_000)
    assert world.octets < 2 * BLOCK
    assert all(len(block.data) < BLOCK + 10_000 for block in world.spill.blocks)
    assert world.numbers(queue) == list(range(100))


def test_a_body_that_queues_share_leaves_with_each() -> None:
    world = Paged()
    queues = [world.queue(name) for name in ("a", "b")]
    for number in range(4 * RUN):
        sent = message(b"%d" % number + bytes(300))
        twin = sent.copy()
        queues[0].publish(sent)
        queues[1].publish(twin)
    world.drain()
    assert world.octets <= MARK
    assert world.numbers(queues[0]) == world.numbers(queues[1]) == list(range(4 * RUN))
    assert world.octets == 0


def test_single_messages_are_found_and_removed() -> None:
    world = Paged(mark=0)
    queue = world.filled(5 * RUN)
    found = queue.find(3 * RUN)
    assert found is not None
    assert found.body.startswith(b"%d" % (3 * RUN - 1))
    assert [each.number for each in queue.browse(3, 4 * RUN)] == [4 * RUN + 1, 4 * RUN + 2, 4 * RUN + 3]
    assert queue.remove(3 * RUN) is not None
    assert queue.find(3 * RUN) is None
    world.drain()
    assert world.numbers(queue) == [each for each in range(5 * RUN) if each != 3 * RUN - 1]
    assert world.octets == 0


def test_messages_expire_anywhere_on_the_disk() -> None:
    world = Paged(mark=0)
    queue = world.filled(5 * RUN, arguments={"x-message-ttl": 1000, "x-message-expiry": "anywhere"})
    assert world.spill.blocks
    world.advance(1.0)
    assert (queue.message_count, world.octets, len(world.spill.blocks)) == (0, 0, 0)


def test_a_purge_and_a_deletion_free_the_blocks() -> None:
    world = Paged(mark=0)
    purged, deleted = world.filled(5 * RUN), world.filled(5 * RUN)
    assert purged.purge() == 5 * RUN
    world.vhost.delete_queue(deleted)
    world.drain()
    assert (world.octets, len(world.spill.blocks)) == (0, 0)


def test_a_full_disk_leaves_messages_in_memory_until_it_has_room(caplog: pytest.LogCaptureFixture) -> None:
    world = Paged()
    world.spill.full = True
    queue = world.filled(20 * RUN)
    assert world.octets > MARK
    assert "make room on the disk" in caplog.text
    before = caplog.text
    world.drain()
    assert caplog.text == before
    world.spill.full = False
    world.advance(PAUSE)
    world.drain()
    assert world.octets <= MARK
    assert world.numbers(queue) == list(range(20 * RUN))


@pytest.mark.parametrize("arguments", [{}, {"x-max-priority": 3}, {"x-max-length-bytes": 10**9}])
def test_what_cannot_be_read_back_is_named_and_the_rest_goes_on(
    arguments: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    world = Paged(mark=0)
    queue = world.filled(6 * RUN, arguments=arguments)
    blocks = list(world.spill.blocks)
    world.spill.bad.update(blocks[1:3])
    consumer = RecordingConsumer(queue, no_ack=True)
    queue.add_consumer(consumer)
    queue.resume()
    world.drain()
    assert len(consumer.delivered) == 4 * RUN
    assert "cannot be read back" in caplog.text
    assert (queue.message_count, world.octets) == (0, 0)
    assert not world.spill.blocks
    publish(queue, b"7")
    assert consumer.bodies[-1] == b"7"


@interpreted
def test_queues_that_have_nothing_to_give_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until there is more to look at."""
    world = Paged(mark=64_000)
    looks: list[str] = []
    page_out = ClassicQueue.page_out

    def seen(queue: ClassicQueue, spill: Spill, account: Account, most: int) -> None:
        looks.append(queue.name)
        page_out(queue, spill, account, most)

    monkeypatch.setattr(ClassicQueue, "page_out", seen)
    for _ in range(300):
        world.filled(1, size=10)
    assert world.octets > 64_000
    before = len(looks)
    publish(world.vhost.queues["q0"], b"small")
    world.drain()
    assert len(looks) == before
    publish(world.vhost.queues["q0"], bytes(2000))
    world.drain()
    assert len(looks) > before
