"""Length limits, expiry, priorities, and what dead-lettering makes of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Typed, Value

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names

Arguments = dict[str, Value]


def _queue(channel: Channel, names: Names, arguments: Arguments, label: str = "q") -> str:
    channel.declare_queue(names(label), arguments)
    return names(label)


def _short(channel: Channel, names: Names) -> tuple[str, str]:
    """A queue for one message, and the one to which it sends what it drops."""
    dead = _queue(channel, names, {}, "dead")
    dying: Arguments = {"x-max-length": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    return _queue(channel, names, dying), dead


def _get_the_first_last(holder: Channel, queue: str) -> None:
    """Take three messages, of which the first one is out under the last tag."""
    for body in (b"a", b"b", b"c"):
        holder.fill(queue, body)
        assert holder.must_get(queue).body == body
    holder.nack(1, requeue=True)
    holder.fence(queue)
    assert holder.must_get(queue).body == b"a"


# -- length


@pytest.mark.proves("max-length.drop-head")
def test_vector_51_the_head_is_dropped(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-max-length": 1})
    channel.fill(queue, b"a", b"b")
    assert channel.drain(queue) == [b"b"]


@pytest.mark.proves("max-length.ready")
def test_unacked_messages_do_not_count(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-max-length": 1})
    channel.fill(queue, b"a")
    channel.must_get(queue)
    channel.fill(queue, b"b", b"c")
    assert channel.counts(queue) == (1, 0)


@pytest.mark.proves("max-length.drop-head", "requeue.position")
def test_what_comes_back_together_is_in_its_place_before_heads_are_dropped(channel: Channel, names: Names) -> None:
    queue, dead = _short(channel, names)
    tag = channel.consume(queue)
    for body in (b"a", b"b", b"c"):
        channel.publish("", queue, body)
    assert channel.bodies(3) == [b"a", b"b", b"c"]
    channel.nack(1, requeue=True)
    assert channel.bodies(1) == [b"a"]  # with the last tag, and still before the others
    channel.cancel(tag)
    channel.call("basic.recover", requeue=True)
    assert channel.counts(queue) == (1, 0)
    assert channel.drain(dead) == [b"a", b"b"]
    assert channel.drain(queue) == [b"c"]


@pytest.mark.proves("max-length.drop-head", "requeue.position")
def test_what_was_got_comes_back_one_by_one_and_heads_are_dropped_in_between(channel: Channel, names: Names) -> None:
    queue, dead = _short(channel, names)
    _get_the_first_last(channel, queue)
    channel.call("basic.recover", requeue=True)
    assert channel.counts(queue) == (1, 0)
    assert channel.drain(dead) == [b"b", b"a"]
    assert channel.drain(queue) == [b"c"]


@pytest.mark.proves("max-length.drop-head", "requeue.position")
def test_what_a_channel_held_is_in_its_place_before_heads_are_dropped(channel: Channel, names: Names) -> None:
    queue, dead = _short(channel, names)
    holder = channel.connection.channel(7)
    _get_the_first_last(holder, queue)
    holder.close()
    channel.fence(queue)
    assert channel.counts(queue) == (1, 0)
    assert channel.drain(dead) == [b"a", b"b"]
    assert channel.drain(queue) == [b"c"]


@pytest.mark.proves("max-length.bytes")
def test_a_limit_in_octets_counts_bodies(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-max-length-bytes": 10})
    channel.fill(queue, b"aaaa", b"bbbb", b"", b"cc", b"d")
    assert channel.drain(queue) == [b"bbbb", b"", b"cc", b"d"]
    channel.fill(queue, b"e" * 11)
    assert channel.drain(queue) == []


@pytest.mark.proves("max-length.bytes")
def test_both_limits_apply(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-max-length-bytes": 4, "x-max-length": 2})
    channel.fill(queue, b"a", b"b", b"c")
    assert channel.drain(queue) == [b"b", b"c"]
    channel.fill(queue, b"aaa", b"bb")
    assert channel.drain(queue) == [b"bb"]


@pytest.mark.proves("max-length.drop-head", "max-length.ready")
def test_with_limit_0_only_a_waiting_consumer_gets_messages(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-max-length": 0})
    channel.fill(queue, b"lost")
    channel.consume(queue, no_ack=True)
    channel.publish("", queue, b"seen")
    assert channel.bodies(1) == [b"seen"]


@pytest.mark.proves("max-length.reject-publish")
def test_reject_publish_keeps_the_old_ones(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-max-length": 2, "x-overflow": "reject-publish"})
    channel.fill(queue, b"a", b"b", b"c")
    assert channel.drain(queue) == [b"a", b"b"]


@pytest.mark.proves("max-length.reject-publish-dlx", "dead-letter.maxlen")
def test_reject_publish_dlx_dead_letters_what_it_refuses(channel: Channel, names: Names) -> None:
    dead = _queue(channel, names, {}, "dead")
    queue = _queue(
        channel, names,
        {"x-max-length": 1, "x-overflow": "reject-publish-dlx", "x-dead-letter-exchange": "",
         "x-dead-letter-routing-key": dead},
    )  # fmt: skip
    channel.confirm()
    channel.publish("", queue, b"a")
    channel.publish("", queue, b"b")
    assert [channel.next().name for _ in range(2)] == ["basic.ack", "basic.nack"]
    channel.fence(queue, dead)
    refused = channel.must_get(dead)
    assert (refused.body, refused.message.headers["x-first-death-reason"]) == (b"b", "maxlen")
    assert channel.drain(queue) == [b"a"]


# -- time to live


@pytest.mark.proves("ttl.zero", "ttl.message", "basic.properties.expiration")
def test_a_message_that_expires_at_once_is_gone(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {})
    channel.publish("", queue, b"x", {"expiration": "0"})
    assert channel.counts(queue) == (0, 0)


@pytest.mark.proves("ttl.zero")
def test_a_message_that_expires_at_once_reaches_a_waiting_consumer(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-message-ttl": 0})
    channel.consume(queue, no_ack=True)
    channel.publish("", queue, b"x")
    assert channel.bodies(1) == [b"x"]


@pytest.mark.proves("ttl.queue", "ttl.message", "basic.properties.expiration")
def test_the_smaller_time_to_live_counts(channel: Channel, names: Names) -> None:
    dead = _queue(channel, names, {}, "dead")
    dlx: Arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    long = _queue(channel, names, {"x-message-ttl": 600_000, **dlx}, "long")
    short = _queue(channel, names, {"x-message-ttl": 1, **dlx}, "short")
    channel.consume(dead, no_ack=True)
    channel.publish("", long, b"by message", {"expiration": "1"})
    assert channel.bodies(1) == [b"by message"]
    channel.publish("", short, b"by queue", {"expiration": "600000"})
    assert channel.bodies(1) == [b"by queue"]


@pytest.mark.proves("ttl.head")
def test_messages_expire_at_the_head_only(channel: Channel, names: Names) -> None:
    dead = _queue(channel, names, {}, "dead")
    queue = _queue(channel, names, {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    channel.consume(dead, no_ack=True)
    channel.publish("", queue, b"first")
    channel.publish("", queue, b"second", {"expiration": "1"})
    channel.publish("", queue, b"third", {"expiration": "1"})
    assert channel.must_get(queue).body == b"first"
    assert channel.bodies(2) == [b"second", b"third"]


@pytest.mark.proves("expires.unused")
@pytest.mark.slow
def test_an_unused_queue_expires(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-expires": 50})
    end_of_wait: Arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": names("end")}
    other = _queue(channel, names, {"x-message-ttl": 1000, **end_of_wait}, "timer")
    end = _queue(channel, names, {}, "end")
    channel.consume(end, no_ack=True)
    channel.publish("", other, b"a second later")
    assert channel.bodies(1) == [b"a second later"]
    with channel.refused(404, f"NOT_FOUND - no queue '{queue}' in vhost '/'", "queue.declare"):
        channel.declare_queue(queue, passive=True)


# -- priorities


@pytest.mark.proves("priority.order", "priority.cap", "basic.properties.priority", "basic.06")
def test_vector_56_the_highest_priority_comes_first(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-max-priority": 10})
    for priority in (1, 5, 11, 10, 0):
        channel.publish("", queue, b"%d" % priority, {"priority": priority})
    channel.publish("", queue, b"none")
    channel.fence(queue)
    assert channel.drain(queue) == [b"11", b"10", b"5", b"1", b"0", b"none"]


@pytest.mark.proves("priority.order", "requeue.position")
def test_a_message_comes_back_to_its_place_in_its_priority(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-max-priority": 2})
    for body, priority in [(b"lo1", 0), (b"hi1", 1), (b"hi2", 1), (b"lo2", 0)]:
        channel.publish("", queue, body, {"priority": priority})
    channel.fence(queue)
    for _ in range(3):
        channel.must_get(queue)
    channel.nack(3, multiple=True)
    assert channel.drain(queue) == [b"hi1", b"hi2", b"lo1", b"lo2"]


@pytest.mark.proves("priority.limit", "basic.05")
def test_a_length_limit_drops_what_would_be_delivered_next(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-max-priority": 2, "x-max-length": 2})
    for body, priority in [(b"lo1", 0), (b"hi1", 1), (b"hi2", 1), (b"lo2", 0)]:
        channel.publish("", queue, body, {"priority": priority})
    channel.fence(queue)
    assert channel.drain(queue) == [b"lo1", b"lo2"]


@pytest.mark.proves("basic.properties.priority", "basic.06")
def test_without_max_priority_the_order_is_the_order_of_arrival(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {})
    for priority in (1, 9, 5):
        channel.publish("", queue, b"%d" % priority, {"priority": priority})
    channel.fence(queue)
    assert channel.drain(queue) == [b"1", b"9", b"5"]


@pytest.mark.proves("arguments.integers", "priority.order")
def test_the_width_of_max_priority_is_no_matter(channel: Channel, names: Names) -> None:
    queue = _queue(channel, names, {"x-max-priority": Typed("b", 3)})
    channel.publish("", queue, b"lo")
    channel.publish("", queue, b"hi", {"priority": 3})
    channel.fence(queue)
    assert channel.drain(queue) == [b"hi", b"lo"]
