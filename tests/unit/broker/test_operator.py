"""What an operator sees and takes out, without a session."""

from __future__ import annotations

import pytest

from amqpd.broker.operations import operator
from amqpd.broker.ports import Holding
from amqpd.broker.queue import Queue
from amqpd.errors import NotFound, NotImplementedHere
from tests.unit.broker.world import (
    RecordingConsumer,
    RecordingPeer,
    World,
    accounted,
    configure,
    expiring,
    message,
    numbered,
    publish,
)

TYPES = ("classic", "quorum")


def of_type(world: World, type_: str, **arguments: object) -> Queue:
    more = {name.replace("_", "-"): value for name, value in arguments.items()}
    return world.queue(arguments={"x-queue-type": type_, **more})


def peeked(world: World, count: int = 100, offset: int = 0) -> list[bytes]:
    return [each.body for each in operator.peek(world.vhost, "q", count=count, offset=offset)]


def delete(world: World, number: int) -> object:
    return operator.delete_message(world.broker, world.vhost, "q", number)


# -- peek --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", TYPES)
def test_a_peek_shows_a_page_of_ready_messages_and_changes_nothing(world: World, type_: str) -> None:
    queue = of_type(world, type_)
    publish(queue, *numbered(3000))
    octets = world.octets
    assert peeked(world, 2, 1500) == [b"1500", b"1501"]
    assert peeked(world, 5, 2998) == [b"2998", b"2999"]
    assert peeked(world, 5, 3000) == []
    assert (queue.message_count, queue.unacked, world.octets) == (3000, 0, octets)
    head = queue.get()
    assert head is not None
    assert (head.body, head.redelivered, head.number) == (b"0", False, 1)


def test_a_peek_shows_which_messages_were_delivered_before(world: World) -> None:
    queue = of_type(world, "quorum", x_delivery_limit=-1)
    consumer = RecordingConsumer(queue, window=1)
    queue.add_consumer(consumer)
    publish(queue, b"a", b"b")
    queue.remove_consumer(consumer)
    consumer.block()
    consumer.requeue(*consumer.unsettled)
    shown = {each.body: each.redelivered for each in operator.peek(world.vhost, "q", count=9)}
    assert shown == {b"a": True, b"b": False}


def test_looking_into_a_queue_that_is_not_there_is_refused(world: World) -> None:
    for look in (operator.peek, operator.held):
        with pytest.raises(NotFound, match="no queue 'q' in vhost '/'"):
            look(world.vhost, "q", count=1)


# -- held --------------------------------------------------------------------------------------------------------------


def test_what_is_unacknowledged_is_listed_by_connection(world: World) -> None:
    world.queue()
    sessions = [world.session(), world.session("other")]
    for session in sessions:
        assert isinstance(session.peer, RecordingPeer)
        session.peer.held = [Holding(message(), 1, tag, "c") for tag in (1, 2)]
    found = [(each.session, each.delivery.delivery_tag) for each in operator.held(world.vhost, "q", count=9)]
    assert found == [(sessions[0], 1), (sessions[0], 2), (sessions[1], 1), (sessions[1], 2)]
    page = operator.held(world.vhost, "q", count=2, offset=1)
    assert [(each.session, each.delivery.delivery_tag) for each in page] == found[1:3]


# -- delete ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("number", [1, 2, 1500, 3000])
def test_one_message_is_deleted_by_its_number(world: World, type_: str, number: int) -> None:
    queue = of_type(world, type_, x_max_length=5000)
    messages = publish(queue, *numbered(3000))
    assert delete(world, number) is True
    assert delete(world, number) is False
    left = [each for each in messages if each.number != number]
    assert peeked(world, 5000) == [each.body for each in left]
    assert world.octets == accounted(left)


def test_a_message_that_is_out_is_not_deleted(world: World) -> None:
    queue = world.queue()
    publish(queue, b"a")
    queue.get()
    assert delete(world, 1) is False
    assert queue.unacked == 1


def test_a_deleted_message_is_no_dead_letter(world: World) -> None:
    dead = world.queue("dead")
    publish(world.queue(arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}), b"a")
    assert delete(world, 1) is True
    assert dead.message_count == 0


def test_the_message_behind_a_deleted_head_expires_in_time(world: World) -> None:
    queue = world.queue()
    queue.publish(message(b"stays"))
    queue.publish(expiring(1000))
    assert delete(world, 1) is True
    world.advance(1)
    assert queue.message_count == 0


def test_deleting_makes_room_below_a_limit(world: World) -> None:
    queue = of_type(world, "quorum", x_max_length=5, x_overflow="reject-publish")
    publish(queue, *numbered(6))
    assert queue.refuses(message())
    for number in (1, 2):
        delete(world, number)
    assert not queue.refuses(message())
    configure(queue, max_length=3)
    assert queue.message_count == 4


def test_a_stream_shows_its_messages_and_gives_none_away(world: World) -> None:
    publish(of_type(world, "stream"), *numbered(5))
    world.drain()
    assert peeked(world, 2, 3) == [b"3", b"4"]
    with pytest.raises(NotImplementedHere, match="messages of stream queue 'q' can't be taken out one by one"):
        delete(world, 1)


def test_deleting_from_a_queue_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(NotFound, match="no queue 'q' in vhost '/'"):
        delete(world, 1)
