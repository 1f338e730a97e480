"""Every way in which messages come back, from every kind of queue: to their places, marked as redelivered.

Six messages, four of them held by a client, the second one settled: whatever brings the others back, the queue then
holds five, in their first order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from conformance.received import ChannelClosed

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.channel import Channel
    from conformance.conftest import Connect, Names
    from conformance.fields import Value


class Kind(NamedTuple):
    """A kind of queue, and the properties of the six messages."""

    arguments: dict[str, Value]
    durable: bool = False
    priorities: tuple[int, ...] = (0,) * 6
    delivery_mode: int = 1


KINDS = {
    "transient": Kind({}),
    "durable": Kind({}, durable=True, delivery_mode=2),
    "lazy": Kind({"x-queue-mode": "lazy"}, durable=True, delivery_mode=2),
    "priority": Kind({"x-max-priority": 5}, priorities=(1, 4, 4, 0, 9, 1)),
}


def _each(method: str, backwards: bool = False) -> Callable[[Channel, list[int]], None]:
    def come_back(holder: Channel, tags: list[int]) -> None:
        for tag in reversed(tags) if backwards else tags:
            holder.send(method, delivery_tag=tag, requeue=True)

    return come_back


def _odd_first(holder: Channel, tags: list[int]) -> None:
    for tag in tags[::2] + tags[1::2]:
        holder.nack(tag)


def _nack_up_to_the_last(holder: Channel, tags: list[int]) -> None:
    holder.nack(tags[-1], multiple=True)


def _nack_all(holder: Channel, _: list[int]) -> None:
    holder.nack(0, multiple=True)


def _recover(holder: Channel, _: list[int]) -> None:
    holder.call("basic.recover", requeue=True)


def _recover_async(holder: Channel, _: list[int]) -> None:
    holder.send("basic.recover-async", requeue=True)


def _close_channel(holder: Channel, _: list[int]) -> None:
    holder.close()


def _fail_channel(holder: Channel, _: list[int]) -> None:
    with holder.refused(406, "PRECONDITION_FAILED - unknown delivery tag 99", "basic.ack"):
        holder.ack(99)


def _close_connection(holder: Channel, _: list[int]) -> None:
    holder.connection.close()


def _fail_connection(holder: Channel, _: list[int]) -> None:
    with holder.connection.refused(504, "CHANNEL_ERROR - second 'channel.open' seen", "channel.open"):
        holder.send("channel.open")


def _end_tcp(holder: Channel, _: list[int]) -> None:
    holder.connection.abort()


def _reset_tcp(holder: Channel, _: list[int]) -> None:
    holder.connection.reset()


def _commit(method: str) -> Callable[[Channel, list[int]], None]:
    def come_back(holder: Channel, tags: list[int]) -> None:
        holder.call("tx.select")
        for tag in tags:
            holder.send(method, delivery_tag=tag, requeue=True)
        holder.call("tx.commit")

    return come_back


def _roll_acks_back_and_close(holder: Channel, tags: list[int]) -> None:
    holder.call("tx.select")
    for tag in tags:
        holder.ack(tag)
    holder.call("tx.rollback")
    holder.close()


def _close_before_the_commit(holder: Channel, tags: list[int]) -> None:
    holder.call("tx.select")
    holder.ack(tags[-1], multiple=True)
    holder.close()


def _lose_before_the_commit(holder: Channel, tags: list[int]) -> None:
    holder.call("tx.select")
    holder.ack(tags[0])
    holder.nack(tags[1], requeue=False)
    holder.fence()
    holder.connection.reset()


WAYS = {
    "nack": _each("basic.nack"),
    "nack-backwards": _each("basic.nack", backwards=True),
    "nack-odd-first": _odd_first,
    "nack-multiple": _nack_up_to_the_last,
    "nack-all": _nack_all,
    "reject": _each("basic.reject"),
    "reject-backwards": _each("basic.reject", backwards=True),
    "recover": _recover,
    "recover-async": _recover_async,
    "channel-close": _close_channel,
    "channel-error": _fail_channel,
    "connection-close": _close_connection,
    "connection-error": _fail_connection,
    "tcp-end": _end_tcp,
    "tcp-reset": _reset_tcp,
    "commit-of-nacks": _commit("basic.nack"),
    "commit-of-rejects": _commit("basic.reject"),
    "rollback-of-acks": _roll_acks_back_and_close,
    "close-before-commit": _close_before_the_commit,
    "reset-before-commit": _lose_before_the_commit,
}
ENDS_THE_CONSUMER = {
    "channel-close", "channel-error", "connection-close", "connection-error", "tcp-end", "tcp-reset",
    "close-before-commit", "reset-before-commit",
}  # fmt: skip
"""The ways that can be told with a running consumer; after the others it gets its messages again at once."""
HOLDS = ["get", "consume-cancel", "consume"]
CASES = [
    pytest.param(way, hold, id=f"{way}-{hold}", marks=pytest.mark.proves(f"beyond.redelivery.{way}"))
    for way in WAYS
    for hold in HOLDS
    if hold != "consume" or way in ENDS_THE_CONSUMER
]


def _hold(holder: Channel, queue: str, hold: str, count: int) -> list[int]:
    """Take messages without settling them and return their tags."""
    if hold == "get":
        return [holder.must_get(queue)["delivery_tag"] for _ in range(count)]
    holder.qos(count)
    holder.consume(queue, "holder")
    tags = [delivery["delivery_tag"] for delivery in holder.deliveries(count)]
    if hold == "consume-cancel":
        holder.cancel("holder")
    return tags


def _wait_for(channel: Channel, queue: str, count: int) -> None:
    """Return when so many messages are ready: what a lost connection held comes back when the broker notices."""
    for _ in range(10_000):
        if channel.counts(queue)[0] == count:
            return
    raise AssertionError(f"expected {count} ready messages, got {channel.counts(queue)[0]}")


def _rest(channel: Channel, queue: str) -> list[tuple[bytes, bool]]:
    """Take all that is ready: bodies, and whether they were marked as redelivered."""
    taken = []
    while (reply := channel.get(queue, no_ack=True)) is not None:
        taken.append((reply.body, reply["redelivered"]))
    return taken


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("way", "hold"), CASES)
def test_messages_come_back_to_their_places(
    connect: Connect, channel: Channel, names: Names, way: str, hold: str, kind: str
) -> None:
    queue, that = names("q"), KINDS[kind]
    channel.declare_queue(queue, that.arguments, durable=that.durable)
    for body, priority in zip((b"a", b"b", b"c", b"d", b"e", b"f"), that.priorities, strict=True):
        channel.publish("", queue, body, {"priority": priority, "delivery_mode": that.delivery_mode})
    channel.fence(queue)
    holder = connect().channel()
    tags = _hold(holder, queue, hold, 4)
    holder.ack(tags.pop(1))
    if hold == "consume":  # there is room for one more
        tags += [delivery["delivery_tag"] for delivery in holder.deliveries(1)]
    holder.fence(queue)
    WAYS[way](holder, tags)
    _wait_for(channel, queue, 5)
    order = [b"e", b"b", b"c", b"a", b"f", b"d"] if kind == "priority" else [b"a", b"b", b"c", b"d", b"e", b"f"]
    seen = order[: len(tags) + 1]
    assert _rest(channel, queue) == [(body, body in seen) for body in order if body != order[1]]


# -- to consumers


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("q"))
    return names("q")


def _told(channel: Channel, count: int) -> list[tuple[bytes, bool]]:
    return [(delivery.body, delivery["redelivered"]) for delivery in channel.deliveries(count)]


@pytest.mark.proves("beyond.redelivery.same-consumer")
def test_what_a_consumer_nacks_comes_back_to_it_before_new_messages(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c", b"d")
    channel.qos(3)
    channel.consume(queue)
    assert channel.bodies(3) == [b"a", b"b", b"c"]
    channel.nack(2)
    assert _told(channel, 1) == [(b"b", True)]
    channel.ack(1)
    assert _told(channel, 1) == [(b"d", False)]
    channel.nack(0, multiple=True)
    assert _told(channel, 3) == [(b"b", True), (b"c", True), (b"d", True)]


@pytest.mark.proves("beyond.redelivery.other-consumer")
def test_what_one_consumer_gives_back_goes_to_another(connect: Connect, channel: Channel, queue: str) -> None:
    other = connect().channel()
    for each in (channel, other):
        each.qos(2)
        each.consume(queue)
    for body in (b"a", b"b", b"c", b"d", b"e", b"f"):
        channel.publish("", queue, body)
    assert (channel.bodies(2), other.bodies(2)) == ([b"a", b"c"], [b"b", b"d"])
    channel.close()
    other.ack(2, multiple=True)
    assert _told(other, 2) == [(b"a", True), (b"c", True)]
    other.ack(0, multiple=True)
    assert _told(other, 2) == [(b"e", False), (b"f", False)]


@pytest.mark.proves("beyond.redelivery.three-holders")
def test_what_several_hold_comes_back_to_its_places_in_any_order(
    connect: Connect, channel: Channel, queue: str
) -> None:
    holders = [connect().channel() for _ in range(3)]
    channel.fill(queue, *(b"%d" % number for number in range(9)))
    for number in range(9):
        assert holders[number % 3].must_get(queue).body == b"%d" % number
    for holder in (holders[1], holders[0]):
        holder.close()
    assert channel.must_get(queue, no_ack=True).body == b"0"
    holders[2].nack(2)
    holders[2].fence(queue)
    assert channel.drain(queue) == [b"1", b"3", b"4", b"5", b"6", b"7"]
    holders[2].close()
    assert channel.drain(queue) == [b"2", b"8"]


@pytest.mark.proves("beyond.redelivery.again")
def test_a_message_may_come_back_any_number_of_times(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    for turn in range(20):
        got = channel.must_get(queue)
        assert (got.body, got["redelivered"], got["delivery_tag"]) == (b"a", turn > 0, turn + 1)
        channel.reject(turn + 1)
    assert _rest(channel, queue) == [(b"a", True), (b"b", False)]


@pytest.mark.proves("beyond.redelivery.new-messages")
def test_messages_that_came_meanwhile_stay_behind(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    for _ in range(2):
        channel.must_get(queue)
    channel.fill(queue, b"c", b"d")
    assert channel.must_get(queue).body == b"c"
    channel.nack(2)
    channel.fill(queue, b"e")
    channel.nack(3)
    channel.nack(1)
    assert _rest(channel, queue) == [(b"a", True), (b"b", True), (b"c", True), (b"d", False), (b"e", False)]


@pytest.mark.proves("beyond.redelivery.cancelled-consumer")
def test_recover_brings_back_what_a_cancelled_consumer_held(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    tag = channel.consume(queue)
    assert channel.bodies(2) == [b"a", b"b"]
    channel.cancel(tag)
    assert channel.counts(queue) == (0, 0)
    channel.call("basic.recover", requeue=True)
    assert _rest(channel, queue) == [(b"a", True), (b"b", True)]


@pytest.mark.proves("beyond.redelivery.rollback")
def test_a_rollback_of_acks_brings_nothing_back(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    channel.call("tx.select")
    channel.consume(queue)
    assert channel.bodies(2) == [b"a", b"b"]
    channel.ack(2, multiple=True)
    channel.call("tx.rollback")
    assert channel.quiet(queue) == []
    channel.nack(0, multiple=True)
    assert channel.quiet(queue) == []
    channel.call("tx.commit")
    assert _told(channel, 2) == [(b"a", True), (b"b", True)]


@pytest.mark.proves("beyond.redelivery.deleted-queue")
def test_what_belongs_to_a_queue_that_was_declared_anew_does_not_come_back(
    connect: Connect, channel: Channel, queue: str
) -> None:
    holder = connect().channel()
    channel.fill(queue, b"old")
    holder.must_get(queue)
    channel.delete_queue(queue)
    channel.declare_queue(queue)
    channel.fill(queue, b"new")
    holder.nack(1)
    holder.close()
    assert _rest(channel, queue) == [(b"new", False)]


@pytest.mark.proves("beyond.redelivery.auto-delete")
def test_an_auto_delete_queue_takes_what_its_last_consumer_held_with_it(
    connect: Connect, channel: Channel, names: Names
) -> None:
    holder = connect().channel()
    channel.declare_queue(names("auto"), auto_delete=True)
    channel.fill(names("auto"), b"a")
    holder.consume(names("auto"))
    assert holder.bodies(1) == [b"a"]
    holder.close()
    with pytest.raises(ChannelClosed, match="404"):
        channel.counts(names("auto"))


# -- what a queue does with them


@pytest.mark.proves("beyond.redelivery.max-length")
def test_a_full_queue_drops_its_head_when_messages_come_back(channel: Channel, names: Names) -> None:
    queue = names("short")
    channel.declare_queue(queue, {"x-max-length": 2})
    channel.fill(queue, b"a", b"b")
    channel.must_get(queue)
    channel.fill(queue, b"c")
    channel.nack(1)
    assert _rest(channel, queue) == [(b"b", False), (b"c", False)]


@pytest.mark.proves("beyond.redelivery.max-length")
def test_a_queue_that_rejects_publishes_takes_back_what_it_has_given(channel: Channel, names: Names) -> None:
    queue = names("short")
    channel.declare_queue(queue, {"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.fill(queue, b"a")
    channel.must_get(queue)
    channel.fill(queue, b"b")
    channel.nack(1)
    channel.fill(queue, b"c")
    assert _rest(channel, queue) == [(b"a", True), (b"b", False)]


@pytest.mark.proves("beyond.redelivery.expired")
def test_a_message_whose_time_is_over_is_dead_lettered_when_it_comes_back(channel: Channel, names: Names) -> None:
    queue, dead = names("q"), names("dead")
    channel.declare_queue(dead)
    channel.declare_queue(queue, {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    channel.publish("", queue, b"held", {"expiration": "100"})
    channel.must_get(queue)
    channel.publish("", queue, b"waits longer", {"expiration": "200"})
    tag = channel.consume(dead, no_ack=True)
    assert channel.bodies(1) == [b"waits longer"]
    channel.nack(1)
    delivery = channel.expect("basic.deliver")
    assert (delivery.body, delivery["redelivered"]) == (b"held", False)
    assert delivery.message.headers["x-first-death-reason"] == "expired"
    channel.cancel(tag)


@pytest.mark.proves("beyond.redelivery.single-active")
def test_what_the_active_consumer_gives_back_comes_to_it_again(
    connect: Connect, channel: Channel, names: Names
) -> None:
    queue, second = names("single"), connect().channel()
    channel.declare_queue(queue, {"x-single-active-consumer": True})
    channel.consume(queue)
    second.consume(queue)
    channel.publish("", queue, b"a")
    channel.publish("", queue, b"b")
    assert channel.bodies(2) == [b"a", b"b"]
    channel.nack(2, multiple=True)
    assert _told(channel, 2) == [(b"a", True), (b"b", True)]
    channel.close()
    assert _told(second, 2) == [(b"a", True), (b"b", True)]


@pytest.mark.proves("beyond.redelivery.exclusive")
def test_what_an_exclusive_consumer_gives_back_comes_to_it_again(channel: Channel, queue: str) -> None:
    channel.consume(queue, exclusive=True)
    channel.publish("", queue, b"a")
    assert _told(channel, 1) == [(b"a", False)]
    channel.reject(1)
    assert _told(channel, 1) == [(b"a", True)]


@pytest.mark.proves("beyond.redelivery.consumer-priority")
def test_what_comes_back_goes_to_the_consumer_of_highest_priority(channel: Channel, queue: str) -> None:
    channel.qos(1)
    channel.consume(queue, "low", {"x-priority": 1})
    channel.fill(queue, b"a")
    assert channel.expect("basic.deliver")["consumer_tag"] == "low"
    channel.consume(queue, "high", {"x-priority": 2})
    channel.nack(1)
    again = channel.expect("basic.deliver")
    assert (again["consumer_tag"], again["redelivered"]) == ("high", True)


# -- several consumers of one channel


def _tagged(channel: Channel, count: int) -> list[tuple[str, bytes]]:
    return [(delivery["consumer_tag"], delivery.body) for delivery in channel.deliveries(count)]


@pytest.fixture
def pair(channel: Channel, queue: str) -> Channel:
    """Two consumers with room for more than there is: each holds every second of four messages."""
    channel.consume(queue, "t1")
    channel.consume(queue, "t2")
    for body in (b"a", b"b", b"c", b"d"):
        channel.publish("", queue, body)
    assert _tagged(channel, 4) == [("t1", b"a"), ("t2", b"b"), ("t1", b"c"), ("t2", b"d")]
    return channel


@pytest.mark.parametrize("way", ["nack-all", "nack-multiple", "recover", "recover-async"])
@pytest.mark.proves("beyond.redelivery.portions")
def test_what_is_given_back_together_goes_round_consumer_by_consumer(pair: Channel, way: str) -> None:
    """First all that one consumer held is handed out again, then what the other held; tags decide which is first."""
    WAYS[way](pair, [1, 2, 3, 4])
    assert _tagged(pair, 4) == [("t1", b"a"), ("t2", b"c"), ("t1", b"b"), ("t2", b"d")]


@pytest.mark.proves("beyond.redelivery.portions")
def test_acks_of_many_open_the_windows_consumer_by_consumer(channel: Channel, queue: str) -> None:
    channel.qos(1)
    channel.consume(queue, "t2")
    channel.consume(queue, "t1")
    for body in (b"a", b"b", b"c", b"d"):
        channel.publish("", queue, body)
    assert _tagged(channel, 2) == [("t2", b"a"), ("t1", b"b")]
    channel.ack(2, multiple=True)
    assert _tagged(channel, 2) == [("t1", b"c"), ("t2", b"d")]


@pytest.mark.proves("beyond.redelivery.window")
def test_the_window_that_a_nack_opens_is_open_when_the_message_is_handed_out_again(
    connect: Connect, channel: Channel, queue: str
) -> None:
    """So it comes back to the consumer that the priority prefers, not to the other that had room all the time."""
    other = connect().channel()
    channel.qos(1)
    channel.consume(queue, "high", {"x-priority": 1})
    other.consume(queue, "low")
    channel.publish("", queue, b"a")
    assert _tagged(channel, 1) == [("high", b"a")]
    channel.publish("", queue, b"b")
    assert _tagged(other, 1) == [("low", b"b")]
    channel.nack(1)
    assert _tagged(channel, 1) == [("high", b"a")]


@pytest.mark.proves("beyond.redelivery.many")
def test_a_thousand_messages_come_back_in_order(connect: Connect, channel: Channel, queue: str) -> None:
    """Between two thousand that never left."""
    numbers = [b"%d" % number for number in range(3000)]
    channel.fill(queue, *numbers)
    holder = connect().channel()
    holder.qos(1000)
    holder.consume(queue)
    assert holder.bodies(1000) == numbers[:1000]
    holder.close()
    channel.consume(queue, no_ack=True)
    assert channel.bodies(3000) == numbers
