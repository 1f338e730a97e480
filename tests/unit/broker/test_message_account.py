"""The broker's own count of the bytes it holds."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.broker.message import OVERHEAD, Account, Message
from amqpd.broker.queue import Queue
from amqpd.properties import Properties
from tests.unit.broker.world import RecordingConsumer, RecordingReplyConsumer, World, accounted, message, publish

BODY = b"x" * 1000


def fan_out(world: World, count: int) -> tuple[list[Queue], Message]:
    """One message in `count` queues."""
    source = world.exchange("x", "fanout")
    queues = [world.queue(f"q{number}") for number in range(count)]
    for queue in queues:
        world.bind(source, queue)
    original = message(BODY)
    world.vhost.publish(original, world.vhost.route(source, ("k",), original))
    return queues, original


def test_a_waiting_message_counts_its_body_and_an_entry(world: World) -> None:
    publish(world.queue(), BODY)
    assert world.octets == len(BODY) + OVERHEAD


def test_an_unacked_message_still_counts(world: World) -> None:
    queue = world.queue()
    publish(queue, BODY)
    got = queue.get()
    assert got is not None
    assert world.octets == len(BODY) + OVERHEAD
    queue.settle(got)
    assert world.octets == 0


def test_a_fan_out_counts_its_body_once(world: World) -> None:
    fan_out(world, 100)
    assert world.octets == len(BODY) + 100 * OVERHEAD


def test_a_fan_out_shares_one_body(world: World) -> None:
    queues, original = fan_out(world, 3)
    for queue in queues:
        got = queue.get()
        assert got is not None
        assert got.body is original.body


def test_a_shared_body_counts_until_its_last_holder_lets_go(world: World) -> None:
    queues, _ = fan_out(world, 3)
    queues[0].purge()
    world.drain()
    assert world.octets == len(BODY) + 2 * OVERHEAD
    world.vhost.delete_queue(queues[1])
    world.drain()
    assert world.octets == len(BODY) + OVERHEAD
    got = queues[2].get()
    assert got is not None
    queues[2].settle(got)
    assert world.octets == 0


def test_a_fan_out_to_consumers_without_ack_leaves_nothing(world: World) -> None:
    source = world.exchange("x", "fanout")
    kept = world.queue("kept")
    world.bind(source, kept)
    for number in range(3):
        queue = world.queue(f"q{number}")
        queue.add_consumer(RecordingConsumer(queue, no_ack=True))
        world.bind(source, queue)
    original = message(BODY)
    world.vhost.publish(original, world.vhost.route(source, ("k",), original))
    assert world.octets == len(BODY) + OVERHEAD
    kept.purge()
    world.drain()
    assert world.octets == 0


def test_a_reply_beside_a_queue_leaves_nothing_in_the_account(world: World) -> None:
    """CC can name both; the waiting channel keeps nothing."""
    queue = world.queue("q")
    consumer = RecordingReplyConsumer("amq.rabbitmq.reply-to.abc")
    world.broker.reply_consumers[consumer.name] = consumer
    for keys in (("q", consumer.name), (consumer.name, "q")):
        original = message(BODY)
        world.vhost.publish(original, world.vhost.route(world.vhost.default_exchange, keys, original))
        queue.purge()
        world.drain()
        assert world.octets == 0
    assert consumer.replies == [BODY, BODY]


@pytest.mark.parametrize("mode", ["reject-publish", "reject-publish-dlx", "drop-head"])
def test_a_full_queue_in_a_fan_out_leaves_nothing(world: World, mode: str) -> None:
    source = world.exchange("x", "fanout")
    kept = world.queue("kept")
    full = world.queue("full", {"x-max-length": 0, "x-overflow": mode})
    world.bind(source, kept)
    world.bind(source, full)
    original = message(BODY)
    accepted = world.vhost.publish(original, world.vhost.route(source, ("k",), original))
    assert accepted is (mode == "drop-head")
    kept.purge()
    world.drain()
    assert world.octets == 0


def test_a_dead_letter_counts_like_any_other_message(world: World) -> None:
    world.queue("dead")
    queue = world.queue("q", {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
    publish(queue, BODY)
    got = queue.get()
    assert got is not None
    queue.reject(got)
    world.drain()
    dead = world.vhost.queues["dead"]
    assert dead.message_count == 1
    assert world.octets == accounted(dead.browse(1)) > len(BODY) + OVERHEAD
    world.vhost.queues["dead"].purge()
    world.drain()
    assert world.octets == 0


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=12), st.data())
def test_holding_and_releasing_in_any_order_comes_to_nothing(
    fan_outs: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """Each fan-out has so many holders; some never hold what they pass on."""
    account = Account()
    held: list[Message] = []
    for holders, passes_first_on in fan_outs:
        original = message(BODY)
        copies = [original, *(original.copy() for _ in range(holders - 1))]
        if passes_first_on:
            account.let_go(copies.pop(0))
        for each in copies:
            account.hold(each)
        held += copies
    assert account.octets >= len(held) * OVERHEAD
    for at in data.draw(st.permutations(range(len(held)))):
        account.release(held[at])
    assert account.octets == 0


COUNT = 20_000
SMALL = b"x" * 100


def fill(queue: Queue) -> None:
    """With bodies and properties of their own, as a connection makes them."""
    raw = Properties.of(delivery_mode=2).raw
    for number in range(COUNT):
        queue.publish(Message("", queue.name, Properties.parse(raw), SMALL + b"%06d" % number))


def unacked(queue: Queue) -> list[Message]:
    return [got for got in (queue.get() for _ in range(COUNT)) if got is not None]


def requeued(queue: Queue) -> None:
    queue.put_back_all(unacked(queue))


@pytest.mark.parametrize("state", ["waiting", "unacked", "requeued"])
def test_the_overhead_is_near_what_a_message_really_takes(world: World, state: str) -> None:
    """Body and overhead of a message of 100 octets, within a factor of 2.5, in whatever form messages wait."""
    queue = world.queue()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        fill(queue)
        kept = unacked(queue) if state == "unacked" else []
        if state == "requeued":
            requeued(queue)
            world.drain()
        gc.collect()
        real = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(kept) in (0, COUNT)
    assert world.octets == COUNT * (len(SMALL) + 6 + OVERHEAD)
    assert real / 2.5 <= world.octets <= real * 2.5
