"""Queues with x-message-deduplication: a duplicate of what is there is dropped, and every way out frees the key."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd import fields
from amqpd.broker.message import OVERHEAD, Message
from amqpd.broker.operations import policies
from amqpd.broker.packed_run import Run
from amqpd.broker.policy_validation import InvalidPolicy
from amqpd.broker.queue import ACCEPTED, REJECTED, Queue
from amqpd.broker.seen_keys import KEY_OCTETS
from amqpd.fields import Table
from amqpd.properties import Properties
from tests.unit.broker.world import RecordingConsumer, World, message

TYPES = pytest.mark.parametrize("type_", ["classic", "quorum"])


def deduplicating(world: World, *, type_: object = "classic", **arguments: object) -> Queue:
    return world.queue("q", {"x-message-deduplication": True, "x-queue-type": type_, **arguments})


def keyed(key: str, body: bytes = b"", expiration: str | None = None) -> Message:
    headers = Table.of({"x-deduplication-header": fields.longstr(key)})
    return message(body or key.encode(), properties=Properties.of(headers=headers, expiration=expiration))


def send(queue: Queue, *keys: str) -> int:
    """Publish; return how many messages are ready then."""
    for key in keys:
        assert queue.publish(keyed(key)) == ACCEPTED
    return queue.message_count


@TYPES
def test_a_duplicate_of_a_ready_message_is_dropped(world: World, type_: str) -> None:
    queue = deduplicating(world, type_=type_)
    assert send(queue, "a", "b", "a", "b", "c") == 3
    assert world.bodies("q") == [b"a", b"b", b"c"]


@TYPES
def test_a_duplicate_of_an_unacknowledged_message_is_dropped_until_it_is_settled(world: World, type_: str) -> None:
    queue = deduplicating(world, type_=type_)
    send(queue, "a")
    got = queue.get()
    assert got is not None
    assert send(queue, "a") == 0
    queue.settle(got)
    assert send(queue, "a") == 1


def test_without_the_header_every_message_is_kept(world: World) -> None:
    queue = deduplicating(world)
    for _ in range(2):
        queue.publish(message())
        queue.publish(message(properties=Properties.of(headers=Table.of({"other": fields.longstr("a")}))))
    assert queue.message_count == 4


def test_what_a_consumer_without_acks_takes_at_once_was_never_there(world: World) -> None:
    queue = deduplicating(world)
    consumer = RecordingConsumer(queue, no_ack=True)
    queue.add_consumer(consumer)
    send(queue, "a", "a")
    assert consumer.bodies == [b"a", b"a"]


@TYPES
def test_a_requeued_message_keeps_its_key(world: World, type_: str) -> None:
    queue = deduplicating(world, type_=type_)
    send(queue, "a")
    got = queue.get()
    assert got is not None
    queue.put_back_all([got])
    world.drain()
    assert send(queue, "a") == 1


@TYPES
def test_a_rejected_message_frees_its_key_even_for_its_own_dead_letter(world: World, type_: str) -> None:
    queue = deduplicating(
        world, type_=type_, **{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"}
    )
    send(queue, "a")
    got = queue.get()
    assert got is not None
    queue.reject(got)
    world.drain()
    assert world.bodies("q") == [b"a"]


@TYPES
def test_an_expired_message_frees_its_key(world: World, type_: str) -> None:
    queue = deduplicating(world, type_=type_)
    queue.publish(keyed("a", expiration="100"))
    assert send(queue, "a") == 1
    world.advance(0.1)
    assert send(queue, "a") == 1


def test_a_message_that_a_limit_drops_frees_its_key(world: World) -> None:
    queue = deduplicating(world, **{"x-max-length": 2})
    assert send(queue, "a", "b", "c", "a") == 2
    assert world.bodies("q") == [b"c", b"a"]


@pytest.mark.parametrize("mode", ["reject-publish", "reject-publish-dlx"])
def test_a_refused_message_leaves_no_key_behind(world: World, mode: str) -> None:
    queue = deduplicating(world, **{"x-max-length": 1, "x-overflow": mode})
    send(queue, "a")
    assert queue.publish(keyed("b")) == REJECTED
    assert queue.publish(keyed("a")) == ACCEPTED
    assert world.bodies("q") == [b"a"]
    assert send(queue, "b") == 1


def test_a_message_that_an_operator_removes_frees_its_key(world: World) -> None:
    queue = deduplicating(world)
    send(queue, "a", "b")
    assert queue.remove(next(queue.numbers())) is not None
    assert send(queue, "a", "b") == 2


@TYPES
def test_a_purge_frees_all_keys_of_ready_messages_at_once(world: World, type_: str) -> None:
    queue = deduplicating(world, type_=type_)
    keys = [f"{number}" for number in range(3000)]
    send(queue, *keys)
    got = queue.get()
    assert got is not None
    assert queue.purge() == 2999
    assert send(queue, *keys) == 2999
    world.drain()
    assert send(queue, *keys) == 2999
    queue.settle(got)
    assert send(queue, *keys) == 3000


def test_a_duplicate_in_a_fan_out_is_dropped_where_it_is_one(world: World) -> None:
    source = world.exchange("x", "fanout")
    for queue in (deduplicating(world), world.queue("plain")):
        world.bind(source, queue)
    for _ in range(2):
        sent = keyed("a")
        world.vhost.publish(sent, world.vhost.route(source, ("k",), sent))
    assert world.bodies("q") == [b"a"]
    assert world.bodies("plain") == [b"a", b"a"]
    assert world.octets == 0


def test_keys_are_accounted_for(world: World) -> None:
    queue = deduplicating(world)
    send(queue, "a", "b", "a")
    assert world.octets == 2 * (OVERHEAD + 1 + KEY_OCTETS)
    world.vhost.delete_queue(queue)
    world.drain()
    assert world.octets == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("pgsrxtz"), st.integers(0, 4)), max_size=60))
def test_a_key_is_in_the_queue_once_or_not_at_all(play: list[tuple[str, int]]) -> None:
    """Whatever happens: publish, get, settle, return, reject, let time pass, purge."""
    world = World()
    queue = deduplicating(world, **{"x-message-ttl": 3000})
    out: list[Message] = []
    for step, number in play:
        if step == "p":
            inside = [each.body for each in (*queue.browse(100), *out)]
            count = queue.message_count
            send(queue, f"{number}")
            assert queue.message_count == count + (b"%d" % number not in inside)
        elif step == "g":
            out += [got for got in [queue.get()] if got is not None]
        elif step == "t":
            world.advance(number)
        elif step == "z":
            queue.purge()
        elif out:
            got = out.pop(number % len(out))
            if step == "s":
                queue.settle(got)
            elif step == "r":
                queue.put_back_all([got])
            else:
                queue.reject(got)
        bodies = [each.body for each in (*queue.browse(100), *out)]
        assert len(bodies) == len(set(bodies))


@pytest.mark.parametrize("arguments", [{}, {"x-message-deduplication": False}])
def test_a_queue_without_the_argument_keeps_everything(world: World, arguments: dict[str, object]) -> None:
    assert send(world.queue("plain", arguments), "a", "a") == 2


def apply(world: World, value: object) -> None:
    policies.set_policy(world.broker, world.vhost, "p", "^q", {"message-deduplication": value}, apply_to="queues")


@TYPES
def test_a_policy_begins_with_what_comes_from_then_on(world: World, type_: str) -> None:
    queue = world.queue("q", {"x-queue-type": type_})
    assert send(queue, "old", "old") == 2
    apply(world, True)
    assert send(queue, "old", "old", "new", "new") == 4
    assert world.bodies("q") == [b"old", b"old", b"old", b"new"]
    assert send(queue, "old", "new", "new") == 2


@TYPES
def test_a_policy_that_is_cleared_ends_it_at_once(world: World, type_: str) -> None:
    queue = world.queue("q", {"x-queue-type": type_})
    apply(world, True)
    keys = [f"{number}" for number in range(3000)]
    send(queue, *keys)
    got = queue.get()
    assert got is not None
    queue.purge()
    policies.clear_policy(world.broker, world.vhost, "p")
    assert send(queue, "a", "a", "0") == 3
    queue.settle(got)
    apply(world, True)
    assert send(queue, "a", "a") == 4
    assert len(world.bodies("q")) == 4
    world.drain()
    assert world.octets == 0


def test_an_argument_counts_more_than_a_policy(world: World) -> None:
    apply(world, True)
    assert send(world.queue("q", {"x-message-deduplication": False}), "a", "a") == 2
    apply(world, False)
    assert send(world.queue("q2", {"x-message-deduplication": True}), "a", "a") == 1


@pytest.mark.parametrize("value", [1, "true", None])
def test_a_policy_says_true_or_false(world: World, value: object) -> None:
    with pytest.raises(InvalidPolicy, match="is neither true nor false"):
        apply(world, value)


def test_with_strict_there_is_no_such_policy() -> None:
    with pytest.raises(InvalidPolicy, match="not recognised policy settings"):
        apply(World(strict=True), True)


def test_two_messages_of_one_key_that_come_back_after_a_restart_cost_one_key(world: World) -> None:
    queue = deduplicating(world)
    twins = [keyed("a"), keyed("a")]
    for number, each in enumerate(twins, 1):
        each.number = number
    queue.restore(Run(twins))
    queue.restored(2)
    assert send(queue, "a") == 2
    assert world.octets == 2 * (OVERHEAD + 1) + KEY_OCTETS
    assert len(world.bodies("q")) == 2
    assert world.octets == 0


def test_with_strict_the_argument_is_ignored() -> None:
    queue = World(strict=True).queue("q", {"x-message-deduplication": True})
    assert send(queue, "a", "a") == 2
