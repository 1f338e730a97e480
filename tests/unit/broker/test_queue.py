"""One queue: delivery, requeue, TTL, expiry, purge and deletion."""

from __future__ import annotations

import pytest

from amqpd.broker.queue import ACCEPTED, SLICE
from tests.unit.broker.world import RecordingConsumer, World, expiring, message, numbered, publish

MANY = 5 * SLICE


def bodies_by_get(world: World, queue_name: str = "q") -> list[bytes]:
    queue = world.vhost.queues[queue_name]
    found = []
    while (got := queue.get()) is not None:
        found.append(got.body)
        queue.settle(got)
    return found


def test_a_message_for_nobody_waits(world: World) -> None:
    queue = world.queue()
    assert queue.publish(message()) == ACCEPTED
    assert (queue.message_count, queue.unacked) == (1, 0)


def test_a_message_goes_straight_to_an_able_consumer(world: World) -> None:
    queue = world.queue()
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    publish(queue, b"a")
    assert consumer.bodies == [b"a"]
    assert (queue.message_count, queue.unacked) == (0, 1)


def test_a_delivery_without_ack_is_gone_at_once(world: World) -> None:
    queue = world.queue()
    queue.add_consumer(RecordingConsumer(queue, no_ack=True))
    publish(queue, b"a")
    assert (queue.message_count, queue.unacked, world.octets) == (0, 0, 0)


def test_waiting_messages_reach_a_new_consumer_only_at_the_next_resume(world: World) -> None:
    """So that consume-ok precedes the first delivery."""
    queue = world.queue()
    publish(queue, b"a", b"b")
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    assert consumer.bodies == []
    queue.resume()
    assert consumer.bodies == [b"a", b"b"]


def test_a_deep_queue_is_handed_out_slice_by_slice(world: World) -> None:
    queue = world.queue()
    bodies = numbered(MANY)
    publish(queue, *bodies)
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    queue.resume()
    assert len(consumer.bodies) == SLICE
    world.drain()
    assert consumer.bodies == bodies


def test_a_message_published_while_a_deep_queue_is_handed_out_keeps_its_place(world: World) -> None:
    queue = world.queue()
    bodies = numbered(MANY)
    publish(queue, *bodies)
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    queue.resume()
    publish(queue, b"late")
    world.drain()
    assert consumer.bodies == [*bodies, b"late"]


def test_a_requeued_message_goes_back_to_its_position_and_is_marked(world: World) -> None:
    queue = world.queue()
    publish(queue, b"a", b"b", b"c")
    first = queue.get()
    assert first is not None
    assert not first.redelivered
    queue.put_back_all([first])
    again = queue.get()
    assert again is first
    assert again.redelivered
    assert queue.message_count == 2


@pytest.mark.parametrize("count", [SLICE, SLICE + 1, MANY])
def test_many_requeued_messages_come_back_in_their_order(world: World, count: int) -> None:
    queue = world.queue()
    bodies = numbered(count)
    publish(queue, *bodies)
    got = [each for each in (queue.get() for _ in range(count)) if each is not None]
    publish(queue, b"behind")
    got.reverse()
    queue.put_back_all(got)
    assert queue.message_count == count + 1
    world.drain()
    assert (queue.message_count, queue.unacked) == (count + 1, 0)
    assert bodies_by_get(world) == [*bodies, b"behind"]


def test_consumers_get_returned_messages_only_once_all_are_in_place(world: World) -> None:
    """Otherwise the order of a large return would depend on the size of a slice."""
    queue = world.queue()
    bodies = numbered(MANY)
    publish(queue, *bodies)
    got = [each for each in (queue.get() for _ in range(MANY)) if each is not None]
    consumer = RecordingConsumer(queue)
    queue.add_consumer(consumer)
    queue.put_back_all(got)
    publish(queue, b"new")
    assert consumer.bodies == []
    world.drain()
    assert consumer.bodies == [*bodies, b"new"]


def test_a_get_during_a_large_return_sees_the_right_head(world: World) -> None:
    queue = world.queue()
    publish(queue, *numbered(MANY), b"behind")
    got = [each for each in (queue.get() for _ in range(MANY)) if each is not None]
    queue.put_back_all(got)
    head = queue.get()
    assert head is not None
    assert head.body == b"0"
    world.drain()
    assert queue.message_count == MANY


def test_a_queue_deleted_during_a_large_return_holds_nothing_afterwards(world: World) -> None:
    queue = world.queue()
    publish(queue, *numbered(MANY))
    got = [each for each in (queue.get() for _ in range(MANY)) if each is not None]
    queue.put_back_all(got)
    assert world.vhost.delete_queue(queue) == MANY
    world.drain()
    assert (world.octets, queue.unacked, queue.message_count) == (0, 0, 0)


def test_settling_for_a_deleted_queue_is_harmless(world: World) -> None:
    queue = world.queue()
    publish(queue, b"a", b"b", b"c")
    got = [each for each in (queue.get() for _ in range(2)) if each is not None]
    world.vhost.delete_queue(queue)
    queue.settle(got[0])
    queue.put_back_all([got[1]])
    world.drain()
    assert (world.octets, queue.message_count) == (0, 0)


def test_purge_drops_ready_messages_only(world: World) -> None:
    queue = world.queue()
    publish(queue, b"a", b"b", b"c")
    assert queue.get() is not None
    assert queue.purge() == 2
    assert (queue.message_count, queue.unacked) == (0, 1)


def test_purge_counts_messages_on_their_way_back(world: World) -> None:
    queue = world.queue()
    publish(queue, *numbered(MANY))
    got = [each for each in (queue.get() for _ in range(MANY)) if each is not None]
    queue.put_back_all(got)
    assert queue.purge() == MANY
    world.drain()
    assert (queue.message_count, queue.unacked, world.octets) == (0, 0, 0)


def test_deletion_cancels_the_consumers_and_counts_the_ready(world: World) -> None:
    queue = world.queue()
    consumer = RecordingConsumer(queue, window=1)
    queue.add_consumer(consumer)
    publish(queue, b"a", b"b", b"c")
    assert world.vhost.delete_queue(queue) == 2
    assert consumer.was_cancelled
    assert len(queue.consumers) == 0
    assert world.vhost.delete_queue(queue) == 0


# -- message TTL -------------------------------------------------------------------------------------------------------


def test_a_message_expires_at_the_ttl_of_its_queue(world: World) -> None:
    queue = world.queue(arguments={"x-message-ttl": 1000})
    publish(queue, b"a")
    world.advance(0.875)
    assert queue.message_count == 1
    world.advance(0.125)
    assert (queue.message_count, world.octets) == (0, 0)


@pytest.mark.parametrize(("queue_ttl", "expiration", "lives"), [(1000, 300, 0.3), (300, 1000, 0.3), (None, 300, 0.3)])
def test_the_shorter_of_queue_ttl_and_expiration_counts(
    world: World, queue_ttl: int | None, expiration: int, lives: float
) -> None:
    queue = world.queue(arguments=None if queue_ttl is None else {"x-message-ttl": queue_ttl})
    queue.publish(expiring(expiration))
    world.advance(lives - 0.01)
    assert queue.message_count == 1
    world.advance(0.02)
    assert queue.message_count == 0


def test_a_message_expires_only_at_the_head(world: World) -> None:
    queue = world.queue()
    queue.publish(expiring(2000, b"long"))
    queue.publish(expiring(1000, b"short"))
    world.advance(1.5)
    assert queue.message_count == 2
    world.advance(0.5)
    assert queue.message_count == 0


def test_a_message_that_becomes_the_head_expires_on_time(world: World) -> None:
    """Its deadline was set behind a message without one; nothing else happens to the queue until then."""
    queue = world.queue()
    publish(queue, b"for ever")
    queue.publish(expiring(1000, b"short"))
    assert queue.get() is not None
    world.advance(1.0)
    assert queue.message_count == 0


def test_a_message_that_becomes_the_head_by_a_delivery_expires_on_time(world: World) -> None:
    queue = world.queue()
    publish(queue, b"for ever")
    queue.publish(expiring(1000, b"short"))
    consumer = RecordingConsumer(queue, window=1)
    queue.add_consumer(consumer)
    queue.resume()
    assert consumer.bodies == [b"for ever"]
    world.advance(1.0)
    assert queue.message_count == 0


def test_an_expired_message_reaches_neither_get_nor_a_consumer(world: World) -> None:
    queue = world.queue()
    publish(queue, b"for ever")
    queue.publish(expiring(1000, b"short"))
    publish(queue, b"after")
    first = queue.get()
    assert first is not None
    world.clock.advance(1.0)
    second = queue.get()
    assert second is not None
    assert second.body == b"after"


def test_a_ttl_of_zero_reaches_an_able_consumer_and_nobody_else(world: World) -> None:
    queue = world.queue(arguments={"x-message-ttl": 0})
    publish(queue, b"lost")
    assert queue.message_count == 0
    consumer = RecordingConsumer(queue, window=1)
    queue.add_consumer(consumer)
    publish(queue, b"taken", b"no room")
    assert consumer.bodies == [b"taken"]
    assert queue.message_count == 0


def test_a_requeued_message_keeps_its_deadline(world: World) -> None:
    queue = world.queue(arguments={"x-message-ttl": 1000})
    publish(queue, b"a")
    got = queue.get()
    assert got is not None
    world.advance(0.75)
    queue.put_back_all([got])
    assert queue.message_count == 1
    world.advance(0.25)
    assert queue.message_count == 0


def test_a_message_requeued_after_its_deadline_expires_at_once(world: World) -> None:
    queue = world.queue(arguments={"x-message-ttl": 1000})
    publish(queue, b"a")
    got = queue.get()
    assert got is not None
    world.advance(2)
    queue.put_back_all([got])
    assert (queue.message_count, queue.unacked, world.octets) == (0, 0, 0)


def test_an_unacked_message_does_not_expire(world: World) -> None:
    queue = world.queue(arguments={"x-message-ttl": 1000})
    publish(queue, b"a")
    assert queue.get() is not None
    world.advance(2)
    assert queue.unacked == 1


def test_a_storm_of_expiries_does_not_fill_one_turn(world: World) -> None:
    """Ten turns' worth of messages fall due at one instant: one turn leaves some of them."""
    queue = world.queue(arguments={"x-message-ttl": 1000})
    publish(queue, *numbered(20 * SLICE))
    world.clock.advance(1)
    world.broker.timers.run_due()
    world.broker.drain()
    assert queue.message_count > 0
    world.advance(0)
    assert queue.message_count == 0


# -- expiry of the queue -----------------------------------------------------------------------------------------------


def test_an_unused_queue_expires_with_its_messages(world: World) -> None:
    queue = world.queue(arguments={"x-expires": 1000})
    publish(queue, b"a")
    world.advance(0.875)
    assert "q" in world.vhost.queues
    world.advance(0.125)
    assert "q" not in world.vhost.queues
    assert world.octets == 0


def test_get_and_declare_renew_the_lease_and_publish_does_not(world: World) -> None:
    queue = world.queue(arguments={"x-expires": 1000})
    world.advance(0.75)
    queue.get()
    world.advance(0.75)
    queue.renew_lease()
    world.advance(0.75)
    publish(queue, b"a")
    world.advance(0.125)
    assert not queue.deleted
    world.advance(0.125)
    assert queue.deleted


def test_a_queue_with_a_consumer_does_not_expire_and_starts_anew_when_it_leaves(world: World) -> None:
    queue = world.queue(arguments={"x-expires": 1000})
    first, second = RecordingConsumer(queue, "a"), RecordingConsumer(queue, "b")
    queue.add_consumer(first)
    queue.add_consumer(second)
    world.advance(5)
    queue.remove_consumer(first)
    world.advance(5)
    assert not queue.deleted
    queue.remove_consumer(second)
    world.advance(0.875)
    assert not queue.deleted
    world.advance(0.125)
    assert queue.deleted


# -- auto-delete and exclusive consumers -------------------------------------------------------------------------------


def test_an_auto_delete_queue_is_unused_after_its_last_consumer(world: World) -> None:
    queue = world.queue(auto_delete=True)
    assert not queue.unused_auto_delete
    first, second = RecordingConsumer(queue, "a"), RecordingConsumer(queue, "b")
    queue.add_consumer(first)
    queue.add_consumer(second)
    assert not queue.remove_consumer(first)
    assert queue.remove_consumer(second)
    world.vhost.delete_unused(queue)
    assert "q" not in world.vhost.queues


def test_an_auto_delete_queue_with_a_new_consumer_stays(world: World) -> None:
    """The deletion follows the reply to basic.cancel; somebody may have come in between."""
    queue = world.queue(auto_delete=True)
    first = RecordingConsumer(queue)
    queue.add_consumer(first)
    assert queue.remove_consumer(first)
    queue.add_consumer(RecordingConsumer(queue))
    world.vhost.delete_unused(queue)
    assert "q" in world.vhost.queues


def test_an_exclusive_consumer_is_known_until_it_leaves(world: World) -> None:
    queue = world.queue()
    consumer = RecordingConsumer(queue, exclusive=True)
    queue.add_consumer(consumer)
    assert queue.exclusive_consumer is consumer
    queue.remove_consumer(consumer)
    assert queue.exclusive_consumer is None
