"""What a durable broker has after a restart: messages in order with all that is known of them, and nothing settled."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.alarms import DISK
from amqpd.broker.compat import Compat
from amqpd.broker.message import Message
from amqpd.broker.operations.queues import purge
from amqpd.broker.packed_run import RUN
from amqpd.broker.pending import Pending
from amqpd.broker.ports import JournalFailed, Offload
from amqpd.broker.returns import REFUSED, RETURNED
from amqpd.broker.session import Session
from amqpd.broker.users import User
from amqpd.properties import Properties
from tests.unit.broker.world import RecordingConsumer, RecordingPeer
from tests.unit.storage.durable import PERSISTENT, Durable

T = TypeVar("T")


@pytest.fixture
def durable() -> Durable:
    return Durable()


def test_persistent_messages_of_durable_queues_are_there_again_in_order(durable: Durable) -> None:
    durable.queue()
    durable.queue("transient", durable=False)
    durable.publish(b"1", b"2")
    durable.publish(b"gone", properties=Properties.of())
    durable.publish(b"3")
    durable.publish(b"gone", queue="transient")
    durable.drain()
    again = durable.restarted()
    assert again.bodies() == [b"1", b"2", b"3"]
    assert "transient" not in again.vhost.queues
    again.publish(b"4")
    again.drain()
    assert again.restarted().bodies() == [b"1", b"2", b"3", b"4"]


def test_what_a_turn_has_not_committed_is_gone_as_a_whole(durable: Durable) -> None:
    durable.queue()
    durable.drain()
    durable.publish(b"1", b"2")
    assert durable.restarted().bodies() == []
    durable.drain()
    assert durable.restarted().bodies() == [b"1", b"2"]


def test_settled_messages_do_not_rise_again(durable: Durable) -> None:
    queue = durable.queue()
    durable.publish(*[b"%d" % number for number in range(10)])
    durable.drain()
    for _ in range(4):
        message = queue.get()
        assert message is not None
        queue.settle(message)
    durable.drain()
    assert durable.restarted().bodies() == [b"4", b"5", b"6", b"7", b"8", b"9"]
    queue.purge()
    durable.drain()
    assert durable.restarted().bodies() == []


def test_unsettled_messages_come_back_marked_as_redelivered(durable: Durable) -> None:
    queue = durable.queue()
    durable.publish(b"1", b"2", b"3")
    durable.drain()
    consumer = RecordingConsumer(queue, window=2)
    queue.add_consumer(consumer)
    queue.resume()
    durable.drain()
    found = durable.restarted().vhost.queues["q"].browse(5)
    assert [(each.body, each.redelivered) for each in found] == [(b"1", True), (b"2", True), (b"3", False)]


def test_what_is_acknowledged_before_its_commit_is_confirmed_and_leaves_no_trace(durable: Durable) -> None:
    queue = durable.queue()
    durable.drain()
    durable.publish(b"x" * 100_000)
    message = queue.get()
    assert message is not None
    queue.settle(message)
    pending = durable.journal.messages_durable()
    before = durable.octets
    durable.drain()
    assert pending is not None
    assert pending.done
    assert durable.octets < before + 300


def test_a_message_to_many_queues_is_written_once(durable: Durable) -> None:
    queues = [durable.queue(str(number)) for number in range(50)]
    durable.drain()
    before = durable.octets
    durable.vhost.publish(Message("e", "k", PERSISTENT, b"x" * 100_000), tuple(queues))
    durable.drain()
    assert durable.octets < before + 110_000
    again = durable.restarted()
    assert all(again.bodies(str(number)) == [b"x" * 100_000] for number in range(50))


def test_a_message_expires_at_its_time_though_the_broker_was_down(durable: Durable) -> None:
    durable.queue("q", {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
    durable.queue("dead")
    durable.publish(b"m", properties=Properties.of(delivery_mode=2, expiration="10000"))
    durable.drain()
    durable.clock.advance(4)
    again = durable.restarted()
    assert again.bodies() == [b"m"]
    again.advance(5.9)
    assert again.bodies() == [b"m"]
    again.advance(0.2)
    assert (again.bodies(), again.bodies("dead")) == ([], [b"m"])
    durable.clock.advance(100)
    late = durable.restarted()
    late.advance(0)
    assert (late.bodies(), late.bodies("dead")) == ([], [b"m"])


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_what_expired_while_the_broker_was_down_goes_behind_what_its_new_queue_has(durable: Durable, kind: str) -> None:
    durable.queue("q", {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead", "x-message-ttl": 1000})
    durable.queue("dead", {"x-queue-type": kind})
    durable.publish(b"1", b"2")
    durable.drain()
    durable.publish(b"a", b"b", b"c", queue="dead")
    durable.drain()
    durable.clock.advance(2)
    again = durable.restarted()
    assert again.bodies("dead") == [b"a", b"b", b"c", b"1", b"2"]
    assert again.restarted().bodies("dead") == [b"a", b"b", b"c", b"1", b"2"]


def test_many_messages_that_were_delivered_are_all_marked(durable: Durable) -> None:
    queue = durable.queue()
    durable.publish(*[b"%d" % number for number in range(3000)])
    for _ in range(2000):
        queue.get()
    durable.drain()
    found = durable.restarted().vhost.queues["q"]
    taken = [found.get() for _ in range(3000)]
    assert [each is not None and each.redelivered for each in taken] == [True] * 2000 + [False] * 1000


@pytest.mark.parametrize("kind", [{"x-max-priority": 9}, {"x-queue-type": "quorum"}])
def test_a_higher_priority_that_was_delivered_is_marked_though_lower_ones_wait(
    durable: Durable, kind: dict[str, object]
) -> None:
    queue = durable.queue("q", kind)
    durable.publish(b"low", properties=Properties.of(delivery_mode=2, priority=1))
    durable.publish(b"high", b"next", properties=Properties.of(delivery_mode=2, priority=9))
    message = queue.get()
    assert message is not None
    assert message.body == b"high"
    durable.drain()
    found = durable.restarted().vhost.queues["q"].browse(5)
    marks = {each.body: each.redelivered for each in found}
    assert (marks[b"high"], marks[b"next"]) == (True, False)


def test_what_went_to_the_tail_comes_back_marked(durable: Durable) -> None:
    queue = durable.queue("q", {"x-queue-type": "quorum", "x-delivery-limit": -1})
    durable.publish(b"1", b"2")
    message = queue.get()
    assert message is not None
    queue.put_back(message, RETURNED)
    durable.drain()
    found = durable.restarted().vhost.queues["q"].browse(5)
    assert [(each.body, each.redelivered) for each in found] == [(b"2", False), (b"1", True)]


def test_failures_count_at_the_tail_though_other_queues_have_the_message(durable: Durable) -> None:
    queue = durable.queue("q", {"x-queue-type": "quorum", "x-delivery-limit": -1})
    durable.vhost.publish(Message("", "q", PERSISTENT, b"m"), (queue, durable.queue("other")))
    message = queue.get()
    assert message is not None
    queue.put_back(message, REFUSED)
    durable.drain()
    again = durable.restarted().vhost.queues
    [found], [other] = again["q"].browse(5), again["other"].browse(5)
    assert found.trail is not None
    assert (found.trail.failures, found.redelivered, other.trail, other.redelivered) == (1, True, None, False)


def test_a_purge_is_done_once_nothing_of_it_comes_back(durable: Durable) -> None:
    durable.queue()
    durable.publish(*[b"%d" % number for number in range(1000)])
    durable.drain()
    access = durable.broker.access
    access.users["u"] = User("u")
    access.grant("u", "/")
    session = Session("c", User("u"), durable.vhost, access, durable.broker.compat.profile, RecordingPeer())
    purged = purge(durable.broker, session, "q")
    assert isinstance(purged, Pending)
    while not purged.done:
        durable.broker.drain()
    assert purged.result() == 1000
    assert durable.restarted().bodies() == []


def test_the_history_of_a_dead_letter_is_kept(durable: Durable) -> None:
    queue = durable.queue("q", {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
    dead = durable.queue("dead", {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"})
    durable.publish(b"m")
    message = queue.get()
    assert message is not None
    queue.reject(message)
    durable.drain()
    again = durable.restarted()
    dead = again.vhost.queues["dead"]
    message = dead.get()
    assert message is not None
    assert message.properties.headers is not None
    assert "x-first-death-queue" in message.properties.headers
    dead.reject(message)
    again.drain()
    [found] = again.vhost.queues["q"].browse(5)
    assert found.trail is not None
    assert [(death.queue, death.count) for death in found.trail.deaths] == [("dead", 1), ("q", 1)]


def test_failures_are_counted_on(durable: Durable) -> None:
    queue = durable.queue("q", {"x-queue-type": "quorum", "x-delivery-limit": 2})
    durable.publish(b"m", properties=Properties.of())
    durable.drain()
    for _ in range(2):
        message = durable.vhost.queues["q"].get()
        assert message is not None
        durable.vhost.queues["q"].put_back(message)
        durable.drain()
        durable = durable.restarted()
    queue = durable.vhost.queues["q"]
    message = queue.get()
    assert message is not None
    assert message.redelivered
    assert message.properties.headers is not None
    assert message.properties.headers.to_python()["x-delivery-count"] == 2
    queue.put_back(message)
    durable.drain()
    assert durable.bodies() == durable.restarted().bodies() == []


def test_each_of_very_many_messages_shows_its_failures_again(durable: Durable) -> None:
    queue = durable.queue("q", {"x-queue-type": "quorum", "x-delivery-limit": 2})
    durable.publish(*[b"m"] * (RUN + 1))
    held = [queue.get() for _ in range(RUN + 1)]
    for message in held:
        assert message is not None
        queue.put_back(message)
    durable.drain()
    headers = [each.properties.headers for each in durable.restarted().vhost.queues["q"].browse(RUN + 1)]
    assert [each and each.to_python()["x-delivery-count"] for each in headers] == [1] * (RUN + 1)


def test_failures_that_a_dead_letter_took_along_are_counted_on() -> None:
    durable = Durable(compat=Compat.of("4.3"))
    quorum: dict[str, object] = {"x-queue-type": "quorum"}
    queue = durable.queue("q", quorum | {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
    durable.queue("dead", quorum)
    durable.publish(b"m")
    for end in (queue.put_back, queue.reject):
        message = queue.get()
        assert message is not None
        end(message)
    durable.drain()
    [found] = durable.restarted().vhost.queues["dead"].browse(5)
    assert found.redelivered
    assert found.properties.headers is not None
    assert found.properties.headers.to_python()["x-delivery-count"] == 1


def test_a_message_that_went_to_the_tail_stays_there(durable: Durable) -> None:
    queue = durable.queue("q", {"x-queue-type": "quorum", "x-delivery-limit": -1})
    durable.publish(b"1", b"2")
    message = queue.get()
    assert message is not None
    queue.put_back(message, REFUSED)
    durable.drain()
    assert durable.bodies() == durable.restarted().bodies() == [b"2", b"1"]


def test_a_deleted_queue_and_a_new_one_of_its_name_share_nothing(durable: Durable) -> None:
    durable.queue()
    durable.publish(b"old")
    durable.drain()
    durable.vhost.delete_queue(durable.vhost.queues["q"])
    durable.queue()
    durable.publish(b"new")
    durable.drain()
    assert durable.restarted().bodies() == [b"new"]


def test_a_failing_disk_blocks_publishers_and_refuses_confirms(durable: Durable) -> None:
    queue = durable.queue()
    durable.publish(b"safe")
    durable.drain()
    durable.disk.room = 10
    durable.publish(b"lost" * 100)
    pending = durable.journal.messages_durable()
    assert pending is not None
    durable.drain()
    with pytest.raises(JournalFailed, match="no space left"):
        pending.result()
    assert durable.broker.alarms.reasons == (DISK,)
    later = durable.journal.messages_durable()
    assert later is not None
    with pytest.raises(JournalFailed):
        later.result()
    message = queue.get()
    assert message is not None
    queue.settle(message)
    durable.drain()
    durable.disk.room = None
    assert durable.restarted().bodies() == [b"safe"]


class Lost(Offload):
    """Takes work and never does it, as a thread that the end of the server came before."""

    def run(self, function: Callable[[], T]) -> Pending[T]:
        return Pending()


class Unheard(Offload):
    """Does the work and tells nobody."""

    def run(self, function: Callable[[], T]) -> Pending[T]:
        function()
        return Pending()


class Defective(Offload):
    """Ends all work with an error that no disk raises."""

    def run(self, function: Callable[[], T]) -> Pending[T]:
        pending: Pending[T] = Pending()
        pending.fail(ValueError("a defect"))
        return pending


def test_an_orderly_end_commits_what_was_on_its_way_and_what_came_after(durable: Durable) -> None:
    durable.queue()
    durable.drain()
    durable.journal.start(Lost())
    durable.publish(b"on its way")
    durable.drain()
    durable.publish(b"after")
    durable.drain()
    assert durable.restarted().bodies() == []
    durable.journal.close()
    assert durable.restarted().bodies() == [b"on its way", b"after"]


def test_a_commit_that_nobody_was_told_of_is_made_again_without_harm(durable: Durable) -> None:
    durable.queue()
    durable.publish(b"settled")
    durable.drain()
    durable.journal.start(Unheard())
    durable.publish(b"1", b"2")
    message = durable.vhost.queues["q"].get()
    assert message is not None
    durable.vhost.queues["q"].settle(message)
    durable.drain()
    assert durable.restarted().bodies() == [b"1", b"2"]
    durable.journal.close()
    assert durable.restarted().bodies() == [b"1", b"2"]


def test_a_defect_in_a_commit_is_no_confirm(durable: Durable) -> None:
    durable.queue()
    durable.drain()
    durable.journal.start(Defective())
    durable.publish(b"m")
    pending = durable.journal.messages_durable()
    durable.drain()
    assert pending is not None
    with pytest.raises(JournalFailed, match="a defect"):
        pending.result()
    assert durable.broker.alarms.reasons == (DISK,)


@given(st.integers(0, 2**32))
def test_a_power_loss_at_any_moment_loses_nothing_confirmed_and_brings_nothing_back(seed: int) -> None:
    """Publishes to one and to two queues, settlements, dead letters and requeues, with power losses in between."""
    random = Random(seed)
    durable = Durable()
    durable.queue("a", {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "b"})
    durable.queue("b", {"x-queue-type": "quorum"})
    durable.drain()
    confirmed: dict[bytes, str] = {}
    body = 0
    for _ in range(3):
        waiting: list[dict[bytes, str | None]] = []
        changes: dict[bytes, str | None] = {}
        for _ in range(random.randint(1, 25)):
            queue = durable.vhost.queues[random.choice("ab")]
            action = random.choice(("publish", "publish", "settle", "reject", "requeue", "drain"))
            if action == "publish":
                body += 1
                durable.publish(b"%d" % body, queue=queue.name)
                changes[b"%d" % body] = queue.name
            elif action == "drain":
                waiting.append(changes)
                changes = {}
                durable.drain()
            elif (message := queue.get()) is not None:
                if action == "requeue":
                    queue.put_back(message)
                elif action == "settle" or queue.name == "b":
                    queue.settle(message)
                    changes[message.body] = None
                else:
                    queue.reject(message)
                    changes[message.body] = "b"
        for made in waiting:
            confirmed |= {each: where for each, where in made.items() if where is not None}
            for each in [each for each, where in made.items() if where is None]:
                confirmed.pop(each, None)
        durable = Durable(durable.disk.lose_power(random), durable.clock)
        found = {each: name for name in "ab" for each in durable.bodies(name)}
        assert len(found) == sum(len(durable.bodies(name)) for name in "ab"), "nothing stands twice"
        assert found == confirmed, "all turns that were drained, and none of what came later"
