"""Quorum queues over AMQP 0-9-1: what they refuse, how messages come back, delivery counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.asking import again_and_again
from conformance.fields import Value
from conformance.received import ChannelClosed

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names
    from conformance.received import Received
    from conformance.targets import Target

Arguments = dict[str, Value]


def _declare(channel: Channel, names: Names, arguments: Arguments | None = None) -> str:
    queue = names("qq")
    channel.declare_queue(queue, {"x-queue-type": "quorum", **(arguments or {})}, durable=True)
    return queue


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    return _declare(channel, names)


def _fill(channel: Channel, queue: str, *bodies: bytes) -> None:
    """Publish and wait for the confirms, since a quorum queue counts later than it accepts."""
    channel.confirm()
    for body in bodies:
        channel.publish("", queue, body)
        channel.expect("basic.ack")


@pytest.mark.proves("quorum.refusals")
@pytest.mark.proves("error.queue.declare.other-type")
def test_redeclaring_as_another_type(channel: Channel, queue: str) -> None:
    text = (
        f"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '{queue}' in vhost '/': "
        "received 'classic' but current is 'quorum'"
    )
    with channel.refused(406, text, "queue.declare"):
        channel.declare_queue(queue, {"x-queue-type": "classic"}, durable=True)


@pytest.mark.proves("quorum.refusals")
@pytest.mark.parametrize(
    "flag",
    [
        pytest.param("if_unused", marks=pytest.mark.proves("error.queue.delete.quorum-if-unused")),
        pytest.param("if_empty", marks=pytest.mark.proves("error.queue.delete.quorum-if-empty")),
    ],
)
def test_conditional_deletes_are_not_implemented(channel: Channel, queue: str, flag: str) -> None:
    text = (
        f"NOT_IMPLEMENTED - cannot delete queue '{queue}' in vhost '/'. queue.delete operations with "
        f"{flag.replace('_', '-')} flag set are not supported by quorum queues"
    )
    with channel.connection.refused(540, text, "queue.delete"):
        channel.delete_queue(queue, **{flag: True})


@pytest.mark.versions(before="4.3", otherwise="since 4.3 the global flag means nothing")
@pytest.mark.proves("quorum.refusals", "error.basic.consume.global-quorum")
def test_a_global_prefetch_is_not_implemented(channel: Channel, queue: str) -> None:
    channel.qos(1, globally=True)
    with channel.connection.refused(
        540, f"NOT_IMPLEMENTED - queue '{queue}' in vhost '/' does not support global qos", "basic.consume"
    ):
        channel.consume(queue)


@pytest.mark.proves("quorum.refusals", "error.basic.get.single-active")
def test_get_is_refused_with_a_single_active_consumer(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-single-active-consumer": True})
    text = (
        f"RESOURCE_LOCKED - cannot obtain access to locked queue '{queue}' in vhost '/'. basic.get operations are not "
        "supported by quorum queues with single active consumer"
    )
    with channel.refused(405, text, "basic.get"):
        channel.get(queue)


@pytest.mark.proves("quorum.requeue")
@pytest.mark.versions(
    before="4.0", otherwise="with a delivery limit, the default since 4.0, returned messages come first"
)
def test_without_a_delivery_limit_a_returned_message_goes_to_the_tail(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"1", b"2", b"3")
    channel.reject(channel.must_get(queue)["delivery_tag"])
    assert [channel.must_get(queue).body for _ in range(3)] == [b"2", b"3", b"1"]


@pytest.mark.proves("quorum.requeue")
def test_with_a_delivery_limit_a_returned_message_comes_first(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-delivery-limit": 5})
    _fill(channel, queue, b"1", b"2", b"3")
    channel.reject(channel.must_get(queue)["delivery_tag"])
    assert [channel.must_get(queue).body for _ in range(3)] == [b"1", b"2", b"3"]


@pytest.mark.proves("quorum.delivery-count")
@pytest.mark.versions(before="4.0", otherwise="later basic.get shows no count at first either")
def test_a_delivery_count_is_shown(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"x")
    first = channel.must_get(queue)
    assert (first.message.headers, first["redelivered"]) == ({"x-delivery-count": 0}, False)
    channel.reject(first["delivery_tag"])
    channel.consume(queue)
    second = channel.expect("basic.deliver")
    assert (second.message.headers, second["redelivered"]) == ({"x-delivery-count": 1}, True)


@pytest.mark.proves("quorum.delivery-count")
def test_a_consumer_sees_no_count_at_first(channel: Channel, queue: str) -> None:
    channel.consume(queue)
    channel.publish("", queue, b"x")
    assert channel.expect("basic.deliver").message.raw_properties == b"\0\0"


@pytest.mark.proves("basic.deliver.01", "dead-letter.delivery-limit")
def test_over_the_delivery_limit_a_message_is_dead_lettered(channel: Channel, names: Names) -> None:
    dead = names("dead")
    channel.declare_queue(dead)
    queue = _declare(
        channel, names, {"x-delivery-limit": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    )
    channel.consume(dead, "dead", no_ack=True)
    channel.consume(queue, "source")
    channel.publish("", queue, b"x")
    for _ in range(2):
        delivery = channel.expect("basic.deliver")
        assert delivery["consumer_tag"] == "source"
        channel.reject(delivery["delivery_tag"])
    letter = channel.expect("basic.deliver")
    assert letter["consumer_tag"] == "dead"
    deaths = letter.message.headers["x-death"]
    assert deaths[0]["reason"] == "delivery_limit"


@pytest.mark.proves("quorum.refusals")
def test_exclusive_consumers_are_not_exclusive(channel: Channel, queue: str) -> None:
    channel.consume(queue, exclusive=True)
    channel.consume(queue)


@pytest.mark.proves("quorum.refusals")
def test_a_stream_offset_is_refused(channel: Channel, queue: str) -> None:
    text = (
        f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{queue}' in vhost '/' "
        "of queue type rabbit_quorum_queue"
    )
    with channel.refused(406, text, "basic.consume"):
        channel.consume(queue, arguments={"x-stream-offset": "first"})


# -- what comes back


def _await_ready(channel: Channel, queue: str, count: int) -> None:
    """Ask until the queue counts so many ready messages: it learns of a channel's end after the client does."""
    for _ in again_and_again():
        if channel.counts(queue)[0] == count:
            return
    pytest.fail(f"{count} messages never were ready in {queue!r}, but {channel.counts(queue)[0]}")


def _counted(target: Target, count: int) -> Arguments:
    """The headers of a message that was returned so often; since 4.3 that is no failure."""
    counts = ["x-delivery-count"] if target.version < (4, 3) else []
    return dict.fromkeys([*counts, *(["x-acquired-count"] if target.version >= (4, 2) else [])], count)


@pytest.mark.proves("quorum.requeue")
def test_returned_messages_come_in_the_order_of_their_return(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-delivery-limit": 5})
    _fill(channel, queue, b"1", b"2", b"3", b"4")
    for _ in range(3):
        channel.must_get(queue)
    for tag in (3, 1, 2):
        channel.reject(tag)
    assert [channel.must_get(queue).body for _ in range(4)] == [b"3", b"1", b"2", b"4"]


@pytest.mark.proves("quorum.requeue")
def test_a_consumer_gets_back_at_once_what_it_returns(channel: Channel, names: Names, target: Target) -> None:
    queue = _declare(channel, names, {"x-delivery-limit": 5})
    channel.qos(2)
    channel.consume(queue)
    _publish(channel, queue, b"1", b"2", b"3")
    channel.deliveries(2)
    channel.nack(2, multiple=True)
    again = channel.deliveries(2)
    assert [(each.body, each["redelivered"]) for each in again] == [(b"1", True), (b"2", True)]
    assert [each.message.headers for each in again] == [_counted(target, 1)] * 2


LIMITS: list[Arguments] = [{}, {"x-delivery-limit": 5}]


@pytest.mark.proves("quorum.loss")
@pytest.mark.parametrize("limit", LIMITS)
def test_what_a_closed_channel_held_comes_first(channel: Channel, names: Names, limit: Arguments) -> None:
    queue = _declare(channel, names, limit)
    _fill(channel, queue, b"1", b"2", b"3")
    other = channel.connection.channel(2)
    other.qos(2)
    other.consume(queue)
    other.deliveries(2)
    other.close()
    _await_ready(channel, queue, 3)
    came = [channel.must_get(queue) for _ in range(3)]
    assert [(each.body, each["redelivered"]) for each in came] == [(b"1", True), (b"2", True), (b"3", False)]


@pytest.mark.proves("quorum.loss")
def test_a_failed_channel_keeps_everything_until_close_ok(channel: Channel, queue: str) -> None:
    """A classic queue has what its consumers held back before the close is sent."""
    _fill(channel, queue, b"1", b"2")
    other = channel.connection.channel(2)
    other.qos(1)
    other.consume(queue)
    other.expect("basic.deliver")
    other.must_get(queue)
    other.ack(99)
    with pytest.raises(ChannelClosed):
        other.next()
    assert channel.counts(queue)[0] == 0
    other.send("channel.close-ok")
    _await_ready(channel, queue, 2)


# -- dead letters that must arrive

AT_LEAST_ONCE: Arguments = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


@pytest.mark.proves("dead-letter.at-least-once")
def test_a_dead_letter_that_must_arrive_leaves_its_queue_when_it_has(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("dead"), durable=True)
    to_dead: Arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": names("dead")}
    queue = _declare(channel, names, {**AT_LEAST_ONCE, **to_dead})
    channel.confirm()
    channel.publish("", queue, b"x")
    channel.expect("basic.ack")
    channel.reject(channel.must_get(queue)["delivery_tag"], requeue=False)
    _await_ready(channel, names("dead"), 1)
    letter = channel.must_get(names("dead"))
    assert (letter.body, _reason(letter)) == (b"x", "rejected")
    _await_ready(channel, queue, 0)


@pytest.mark.proves("dead-letter.at-least-once")
def test_a_dead_letter_that_cannot_arrive_stays_and_takes_up_room(channel: Channel, names: Names) -> None:
    """It is ready for nobody, and not counted as such."""
    queue = _declare(
        channel, names, {**AT_LEAST_ONCE, "x-dead-letter-exchange": names("missing"), "x-max-length": 1}
    )
    channel.confirm()
    channel.publish("", queue, b"dead")
    channel.expect("basic.ack")
    channel.reject(channel.must_get(queue)["delivery_tag"], requeue=False)
    _await_ready(channel, queue, 0)
    for verdict in ("basic.ack", "basic.nack"):
        channel.publish("", queue, b"x")
        channel.expect(verdict)
    assert channel.counts(queue)[0] == 1


# -- failures are counted


@pytest.fixture
def dead(channel: Channel, names: Names) -> str:
    """A queue for dead letters, consumed."""
    channel.declare_queue(names("dead"), durable=True)
    channel.consume(names("dead"), "dead", no_ack=True)
    return names("dead")


def _dying(channel: Channel, names: Names, dead: str, arguments: Arguments) -> str:
    to_dead: Arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    return _declare(channel, names, {**to_dead, **arguments})


def _reason(letter: Received) -> Value:
    deaths: list[dict[str, Value]] = letter.message.headers["x-death"]
    return deaths[0]["reason"]


@pytest.mark.proves("quorum.delivery-limit", "dead-letter.delivery-limit")
def test_a_limit_of_0_allows_no_failure(channel: Channel, names: Names, dead: str) -> None:
    queue = _dying(channel, names, dead, {"x-delivery-limit": 0})
    _fill(channel, queue, b"x")
    channel.reject(channel.must_get(queue)["delivery_tag"])
    assert _reason(channel.expect("basic.deliver")) == "delivery_limit"
    assert channel.get(queue) is None


@pytest.mark.proves("quorum.delivery-limit", "quorum.loss")
def test_a_lost_channel_is_a_failure(channel: Channel, names: Names, dead: str) -> None:
    queue = _dying(channel, names, dead, {"x-delivery-limit": 0})
    _fill(channel, queue, b"x")
    other = channel.connection.channel(2)
    other.must_get(queue)
    other.close()
    assert _reason(channel.expect("basic.deliver")) == "delivery_limit"


@pytest.mark.proves("quorum.delivery-limit")
def test_a_limit_that_is_no_number_is_never_reached(channel: Channel, names: Names) -> None:
    """It is a limit all the same: what comes back comes first."""
    queue = _declare(channel, names, {"x-delivery-limit": "none"})
    _fill(channel, queue, b"1", b"2")
    for _ in range(3):
        got = channel.must_get(queue)
        assert got.body == b"1"
        channel.reject(got["delivery_tag"])


@pytest.mark.proves("quorum.delivery-count")
def test_the_count_hides_a_header_of_that_name_until_the_message_dies(
    channel: Channel, names: Names, dead: str, target: Target
) -> None:
    queue = _dying(channel, names, dead, {"x-delivery-limit": 5})
    channel.consume(queue, "source")
    channel.publish("", queue, b"x", {"headers": {"z": 1, "x-delivery-count": 7, "a": 1}})
    first = channel.expect("basic.deliver")
    assert list(first.message.headers.items()) == [("z", 1), ("x-delivery-count", 7), ("a", 1)]
    channel.reject(first["delivery_tag"])
    second = channel.expect("basic.deliver")
    assert second.message.headers == {"a": 1, "z": 1, "x-delivery-count": 1, **_counted(target, 1)}
    assert list(second.message.headers) == sorted(second.message.headers)
    channel.reject(second["delivery_tag"], requeue=False)
    letter = channel.expect("basic.deliver")
    assert (letter["redelivered"], letter.message.headers["x-delivery-count"]) == (False, 7)
    assert "x-acquired-count" not in letter.message.headers


# -- length


@pytest.mark.proves("quorum.soft-limit")
def test_publishers_are_refused_from_over_the_limit_down_to_four_fifths(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-overflow": "reject-publish", "x-max-length": 5})
    channel.confirm()
    assert [_published(channel, queue) for _ in range(8)] == ["basic.ack"] * 6 + ["basic.nack"] * 2
    channel.must_get(queue, no_ack=True)
    assert _published(channel, queue) == "basic.nack"
    channel.must_get(queue, no_ack=True)
    # The publisher's channel learns of the room that there is later than the queue.
    assert any(_published(channel, queue) == "basic.ack" for _ in again_and_again())


@pytest.mark.proves("quorum.soft-limit")
def test_a_length_of_0_holds_one_message(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-overflow": "reject-publish", "x-max-length": 0})
    channel.confirm()
    assert [_published(channel, queue) for _ in range(2)] == ["basic.ack", "basic.nack"]
    assert channel.must_get(queue).body == b"x"


@pytest.mark.proves("quorum.soft-limit")
def test_reject_publish_dlx_drops_the_head(channel: Channel, names: Names, dead: str) -> None:
    queue = _dying(channel, names, dead, {"x-overflow": "reject-publish-dlx", "x-max-length": 2})
    _publish(channel, queue, b"1", b"2", b"3")
    letter = channel.expect("basic.deliver")
    assert (letter.body, _reason(letter)) == (b"1", "maxlen")
    assert [channel.must_get(queue).body for _ in range(2)] == [b"2", b"3"]


@pytest.mark.proves("quorum.soft-limit")
def test_consumers_have_their_turn_before_returned_messages_are_dropped(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-max-length": 1, "x-delivery-limit": 5})
    channel.qos(2)
    channel.consume(queue)
    _publish(channel, queue, b"1", b"2", b"3", b"4")
    channel.deliveries(2)
    _await_ready(channel, queue, 1)
    channel.nack(2, multiple=True)
    assert channel.bodies(2) == [b"1", b"2"]
    channel.ack(3)
    assert channel.expect("basic.deliver").body == b"4"


@pytest.mark.proves("quorum.soft-limit")
def test_a_commit_does_not_fail_for_a_full_queue(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-overflow": "reject-publish", "x-max-length": 0})
    channel.call("tx.select")
    for _ in range(3):
        channel.publish("", queue, b"x")
        channel.call("tx.commit")


def _publish(channel: Channel, queue: str, *bodies: bytes) -> None:
    for body in bodies:
        channel.publish("", queue, body)


def _published(channel: Channel, queue: str) -> str:
    """Publish one message; return what becomes of it."""
    channel.publish("", queue, b"x")
    return channel.connection.wait_for(channel.number, "basic.ack", "basic.nack").name


# -- consumers and counts


@pytest.mark.proves("quorum.consumer-count")
def test_a_message_that_was_got_is_a_consumer_until_it_is_settled(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"1", b"2")
    assert channel.must_get(queue)["message_count"] == 1
    assert channel.counts(queue) == (1, 1)
    channel.ack(1)
    channel.must_get(queue, no_ack=True)
    assert channel.counts(queue) == (0, 0)


@pytest.mark.proves("quorum.consumer-count")
def test_a_cancelled_consumer_counts_until_all_is_settled(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"1")
    channel.consume(queue, "a")
    channel.expect("basic.deliver")
    channel.cancel("a")
    assert channel.get(queue) is None
    assert channel.counts(queue) == (0, 1)
    channel.ack(1)
    assert channel.get(queue) is None
    assert channel.counts(queue) == (0, 0)


@pytest.mark.proves("quorum.consumer-count", "quorum.single-active")
def test_of_consumers_beside_a_single_active_one_only_that_one_counts(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-single-active-consumer": True})
    for tag in "abc":
        channel.consume(queue, tag)
    assert channel.counts(queue) == (0, 1)


@pytest.mark.proves("quorum.single-active")
def test_the_next_single_active_consumer(channel: Channel, names: Names, target: Target) -> None:
    """The one that waited longest; since 4.0 one of the highest priority."""
    queue = _declare(channel, names, {"x-single-active-consumer": True})
    for priority, tag in enumerate("abc"):
        channel.consume(queue, tag, {"x-priority": priority})
    channel.cancel("a")
    channel.publish("", queue, b"x")
    assert channel.expect("basic.deliver")["consumer_tag"] == ("c" if target.version >= (4, 0) else "b")


@pytest.mark.proves("quorum.single-active", "quorum.take-over")
def test_a_newcomer_of_a_higher_priority_waits_for_what_is_unsettled(
    channel: Channel, names: Names, target: Target
) -> None:
    """Since 4.0 it takes over then; before, the active one stays."""
    queue = _declare(channel, names, {"x-single-active-consumer": True})
    channel.consume(queue, "first")
    channel.publish("", queue, b"1")
    held = channel.expect("basic.deliver")
    channel.consume(queue, "second", {"x-priority": 1})
    channel.ack(held["delivery_tag"])
    channel.publish("", queue, b"2")
    assert channel.expect("basic.deliver")["consumer_tag"] == ("second" if target.version >= (4, 0) else "first")


PRIORITIES = (0, 9, 4, 5, 200)


@pytest.mark.proves("quorum.priorities")
def test_message_priorities(channel: Channel, queue: str, target: Target) -> None:
    """None before 4.0; then two levels, two messages of the higher one to one; since 4.3 the highest first."""
    channel.confirm()
    for priority in PRIORITIES:
        channel.publish("", queue, b"%d" % priority, {"priority": priority})
        channel.expect("basic.ack")
    if target.version < (4, 0):
        expected = list(PRIORITIES)
    elif target.version < (4, 3):
        expected = [9, 5, 0, 200, 4]
    else:
        expected = sorted(PRIORITIES, reverse=True)
    assert [channel.must_get(queue).body for _ in PRIORITIES] == [b"%d" % each for each in expected]


@pytest.mark.proves("quorum.single-active", "quorum.loss")
def test_what_the_active_consumer_held_goes_first_to_the_next(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, {"x-single-active-consumer": True})
    other = channel.connection.channel(2)
    other.qos(2)
    other.consume(queue, "first")
    channel.consume(queue, "second")
    _publish(channel, queue, b"1", b"2", b"3")
    other.deliveries(2)
    other.close()
    assert channel.bodies(3) == [b"1", b"2", b"3"]


@pytest.mark.proves("quorum.window")
def test_without_a_prefetch_a_consumer_holds_2000(channel: Channel, queue: str) -> None:
    _publish(channel, queue, *[b"x"] * 2001)
    _await_ready(channel, queue, 2001)
    channel.consume(queue)
    channel.deliveries(2000)
    assert channel.quiet(queue) == []
    channel.ack(1)
    assert channel.expect("basic.deliver")["delivery_tag"] == 2001


@pytest.mark.proves("quorum.window")
def test_a_global_prefetch_does_not_hold_back_consumers_that_are_there(channel: Channel, queue: str) -> None:
    channel.consume(queue)
    channel.qos(1, globally=True)
    _publish(channel, queue, b"1", b"2", b"3")
    assert channel.bodies(3) == [b"1", b"2", b"3"]


@pytest.mark.proves("quorum.counts")
def test_purge_and_delete_count_what_is_ready(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"1", b"2", b"3")
    channel.must_get(queue)
    assert channel.purge(queue) == 2
    channel.publish("", queue, b"4")
    channel.expect("basic.ack")
    assert channel.delete_queue(queue) == 1


# -- time


@pytest.mark.proves("quorum.ttl")
def test_a_message_that_expires_is_dead_lettered(channel: Channel, names: Names, dead: str) -> None:
    queue = _dying(channel, names, dead, {"x-message-ttl": 1})
    channel.publish("", queue, b"x")
    letter = channel.expect("basic.deliver")
    assert (letter["consumer_tag"], _reason(letter)) == ("dead", "expired")


@pytest.mark.proves("quorum.ttl")
def test_a_ttl_of_0_reaches_a_consumer_that_waits(channel: Channel, queue: str) -> None:
    channel.consume(queue)
    channel.publish("", queue, b"x", {"expiration": "0"})
    assert channel.expect("basic.deliver").body == b"x"


@pytest.mark.proves("quorum.ttl")
def test_a_deadline_is_kept_by_what_comes_back(channel: Channel, names: Names, dead: str) -> None:
    queue = _dying(channel, names, dead, {"x-delivery-limit": 5})
    channel.confirm()
    channel.publish("", queue, b"x", {"expiration": "200"})
    channel.expect("basic.ack")
    channel.reject(channel.must_get(queue)["delivery_tag"])
    assert _reason(channel.expect("basic.deliver")) == "expired"
