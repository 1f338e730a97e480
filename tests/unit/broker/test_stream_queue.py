"""Streams: everybody reads the same log, each at its own place and pace."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amqpd.broker.message import OVERHEAD, Message
from amqpd.broker.queue import ACCEPTED, SLICE
from amqpd.broker.stream.chunk import CHUNK
from amqpd.properties import Properties
from tests.unit.broker.streams import arguments, batch, left, offsets, reading, stream
from tests.unit.broker.world import RecordingConsumer, World, message, numbered


def test_what_was_read_stays(world: World) -> None:
    queue = stream(world)
    batch(world, queue, *numbered(3))
    first, second = reading(world, queue), reading(world, queue)
    for each in list(first.unsettled):
        first.ack(each)
    assert first.bodies == second.bodies == numbered(3)
    assert queue.message_count == 3
    assert [each.body for each in queue.browse(2)] == numbered(2)


def test_a_consumer_at_the_end_gets_what_is_published_at_the_end_of_the_turn(world: World) -> None:
    queue = stream(world)
    batch(world, queue, b"old")
    consumer = reading(world, queue, None)
    assert queue.publish(message(b"new")) == ACCEPTED
    assert consumer.bodies == []
    world.drain()
    assert (consumer.bodies, offsets(consumer)) == ([b"new"], [1])


def test_each_settlement_lets_one_more_in(world: World) -> None:
    queue = stream(world)
    batch(world, queue, *numbered(10))
    consumer = reading(world, queue, window=3)
    assert offsets(consumer) == [0, 1, 2]
    consumer.ack(consumer.unsettled[1])
    world.drain()
    assert offsets(consumer) == [0, 1, 2, 3]


def test_nothing_comes_back(world: World) -> None:
    queue = stream(world)
    batch(world, queue, *numbered(4))
    consumer = reading(world, queue, window=2)
    consumer.requeue(*consumer.unsettled)
    world.drain()
    assert offsets(consumer) == [0, 1, 2, 3]
    assert not any(each.redelivered for each in consumer.delivered)
    assert (queue.message_count, queue.unacked) == (4, 2)


def test_a_slow_consumer_holds_nobody_up(world: World) -> None:
    queue = stream(world)
    slow, fast = reading(world, queue, window=1), reading(world, queue)
    batch(world, queue, *numbered(5))
    assert (offsets(slow), offsets(fast)) == ([0], [0, 1, 2, 3, 4])


def test_a_consumer_that_was_blocked_goes_on_where_it_stopped(world: World) -> None:
    queue = stream(world)
    consumer = reading(world, queue)
    consumer.block()
    batch(world, queue, b"0")
    batch(world, queue, b"1")
    assert consumer.bodies == []
    consumer.refresh()
    world.drain()
    assert consumer.bodies == numbered(2)


def test_a_long_log_is_handed_out_in_slices_that_consumers_share(world: World) -> None:
    queue = stream(world)
    batch(world, queue, *numbered(4 * SLICE))
    consumers = [RecordingConsumer(queue, tag, arguments=arguments("first")) for tag in "ab"]
    for each in consumers:
        queue.add_consumer(each)
    queue.resume()
    world.broker.drain(2 * SLICE)
    assert [len(each.delivered) for each in consumers] == [SLICE // 2, SLICE // 2]
    world.drain()
    assert [each.bodies for each in consumers] == [numbered(4 * SLICE)] * 2


@pytest.mark.parametrize("start", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5])
def test_reading_passes_from_chunk_to_chunk(world: World, start: int) -> None:
    queue = stream(world)
    batch(world, queue, *numbered(2 * CHUNK + 10))
    consumer = reading(world, queue, start)
    assert consumer.bodies == numbered(2 * CHUNK + 10)[start:]
    assert offsets(consumer) == list(range(start, 2 * CHUNK + 10))


def content(message: Message) -> tuple[str, str, Properties, int, bool, bytes]:
    properties = message.properties
    flags, persistent = properties.flags, properties.persistent
    return message.exchange, message.routing_key, properties, flags, persistent, message.body


def test_a_message_keeps_exchange_key_properties_and_body(world: World) -> None:
    queue = stream(world)
    published = [
        Message(
            f"x{number % 3}",
            f"k{number}",
            Properties.of(message_id=str(number % 500), delivery_mode=1 + number % 2),
            b"%d" % number,
        )
        for number in range(CHUNK + 1)
    ]
    for each in published:
        queue.publish(each)
    world.drain()
    consumer = reading(world, queue)
    assert [content(each) for each in consumer.delivered] == [content(each) for each in published]


def test_a_deleted_stream_cancels_its_consumers_and_counts_nothing(world: World) -> None:
    queue = stream(world)
    batch(world, queue, *numbered(3))
    consumer = reading(world, queue)
    assert world.vhost.delete_queue(queue) == 0
    assert consumer.was_cancelled
    queue.settle(consumer.unsettled[0])
    queue.put_back(consumer.unsettled[1])
    queue.put_back(consumer.unsettled[2])
    queue.publish(message())  # of a route that was found before
    world.drain()
    assert (queue.message_count, world.octets) == (0, 0)


def test_no_consumer_is_counted(world: World) -> None:
    queue = stream(world)
    reading(world, queue)
    assert queue.consumer_count == 0


def test_a_consumer_that_left_gets_nothing(world: World) -> None:
    queue = stream(world)
    consumer = reading(world, queue)
    left(queue, consumer)
    batch(world, queue, b"x")
    assert consumer.bodies == []


def test_consumers_that_left_are_forgotten_even_if_nothing_is_published(world: World) -> None:
    queue = stream(world)
    for _ in range(50):
        left(queue, reading(world, queue))
    gc.collect()
    assert not [each for each in gc.get_objects() if type(each) is RecordingConsumer and each.queue is queue]


# -- memory ------------------------------------------------------------------------------------------------------------


def test_the_account_is_at_nought_again_once_a_stream_is_gone(world: World) -> None:
    before = world.octets
    queue = stream(world, x_stream_max_segment_size_bytes=1000, x_max_length_bytes=3000)
    for number in range(3 * CHUNK):
        queue.publish(message(b"x" * 10, properties=Properties.of(message_id=str(number))))
    world.drain()
    assert world.octets > before
    consumer = reading(world, queue, x_stream_name="n")
    world.vhost.delete_queue(queue)
    world.drain()
    for each in consumer.unsettled:
        queue.put_back(each)
    assert (world.octets, world.broker.account.definitions) == (before, 0)


def test_a_body_that_a_classic_queue_shares_is_let_go(world: World) -> None:
    classic, log = world.queue("c"), stream(world, "s")
    world.vhost.publish(message(b"x" * 1000), (classic, log))
    world.vhost.delete_queue(log)
    world.drain()
    held = classic.get()
    assert held is not None
    classic.settle(held)
    assert world.octets == 0


def test_a_long_log_is_no_load_for_the_garbage_collector(world: World) -> None:
    queue = stream(world)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(50_000):
        queue.publish(message(b"%d" % number, properties=Properties.of(message_id=str(number))))
    gc.collect()
    assert len(gc.get_objects()) - before < 2 * CHUNK + 2000


def test_what_is_out_counts_until_it_is_settled(world: World) -> None:
    queue = stream(world)
    batch(world, queue, b"0", b"1")
    held = world.octets
    consumer = reading(world, queue)
    assert world.octets == held + 2 * OVERHEAD
    queue.put_back(consumer.unsettled.pop())
    consumer.ack(consumer.unsettled[0])
    assert world.octets == held


# -- against plain lists -----------------------------------------------------------------------------------------------


class Readers(RuleBasedStateMachine):
    """A stream with consumers that come and go; the model is one list, and an index for each consumer."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.queue = stream(self.world)
        self.published: list[bytes] = []
        self.consumers: dict[RecordingConsumer, int] = {}

    @rule(count=st.integers(1, 5))
    def publish(self, count: int) -> None:
        bodies = [b"%d" % number for number in range(len(self.published), len(self.published) + count)]
        self.published += bodies
        batch(self.world, self.queue, *bodies)

    @rule(offset=st.one_of(st.sampled_from(["first", "next"]), st.integers(-2, 20)), window=st.integers(0, 3))
    def consume(self, offset: str | int, window: int) -> None:
        named = {"first": 0, "next": len(self.published)}
        start = named[offset] if isinstance(offset, str) else max(0, offset)
        self.consumers[reading(self.world, self.queue, offset, window=window)] = start

    @precondition(lambda self: self.consumers)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        consumer = data.draw(st.sampled_from(list(self.consumers)))
        if consumer.unsettled:
            consumer.ack(data.draw(st.sampled_from(consumer.unsettled)))
        self.world.drain()

    @precondition(lambda self: self.consumers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        consumer = data.draw(st.sampled_from(list(self.consumers)))
        del self.consumers[consumer]
        left(self.queue, consumer)
        for each in consumer.unsettled:
            self.queue.put_back(each)

    @invariant()
    def everybody_has_all_that_its_window_allows(self) -> None:
        for consumer, start in self.consumers.items():
            wanted = self.published[start:]
            got = consumer.bodies
            assert got == wanted[: len(got)]
            assert len(got) == len(wanted) or (consumer.window and len(consumer.unsettled) == consumer.window)
        assert self.queue.unacked == sum(len(each.unsettled) for each in self.consumers)
        assert self.queue.message_count == len(self.published)


TestReaders = Readers.TestCase
TestReaders.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@settings(deadline=None)
@given(bodies=st.lists(st.binary(max_size=20), max_size=30), budget=st.integers(1, 7))
def test_any_budget_delivers_everything_in_order(bodies: list[bytes], budget: int) -> None:
    world = World()
    queue = stream(world)
    consumers = [reading(world, queue) for _ in range(3)]
    for body in bodies:
        queue.publish(message(body))
    while world.broker.drain(budget):
        pass
    assert [each.bodies for each in consumers] == [bodies] * 3
