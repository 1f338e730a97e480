"""basic.get, delivery tags, and settling with ack, nack and reject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from conformance.channel import Channel
    from conformance.conftest import Connect, Names


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("q"))
    return names("q")


def _unknown(channel: Channel, tag: int, method: str = "basic.ack") -> AbstractContextManager[None]:
    return channel.refused(406, f"PRECONDITION_FAILED - unknown delivery tag {tag}", method)


@pytest.mark.proves("basic.get", "basic.get-empty", "basic.get-empty.cluster-id")
def test_get_empty(channel: Channel, queue: str) -> None:
    channel.send("basic.get", queue=queue)
    assert dict(channel.expect("basic.get-empty").fields) == {"cluster_id": ""}


@pytest.mark.proves(
    "basic.get",
    "basic.get-ok",
    "basic.get-ok.delivery-tag",
    "basic.get-ok.redelivered",
    "basic.get-ok.exchange",
    "basic.get-ok.routing-key",
    "basic.get-ok.message-count",
)
def test_get_ok_tells_everything(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    assert dict(channel.must_get(queue).fields) == {
        "delivery_tag": 1, "redelivered": False, "exchange": "", "routing_key": queue, "message_count": 1,
    }  # fmt: skip


@pytest.mark.proves(
    "basic.deliver.delivery-tag",
    "basic.get-ok.delivery-tag",
    "domain.delivery-tag.non-zero",
    "basic.reject.requeue.01",
    "basic.deliver.redelivered",
)
def test_tags_count_gets_and_deliveries_acked_or_not(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    assert channel.must_get(queue)["delivery_tag"] == 1
    assert channel.must_get(queue, no_ack=True)["delivery_tag"] == 2
    channel.consume(queue, no_ack=True)
    channel.publish("", queue, b"c")
    assert channel.expect("basic.deliver")["delivery_tag"] == 3
    channel.reject(1)
    redelivered = channel.expect("basic.deliver")
    assert (redelivered["delivery_tag"], redelivered["redelivered"]) == (4, True)


@pytest.mark.proves("domain.delivery-tag.channel-local")
def test_tags_are_counted_per_channel(connect: Connect, names: Names) -> None:
    connection = connect()
    one, two = connection.channel(1), connection.channel(2)
    one.declare_queue(names("q"))
    one.fill(names("q"), b"a", b"b")
    assert (one.must_get(names("q"))["delivery_tag"], two.must_get(names("q"))["delivery_tag"]) == (1, 1)


@pytest.mark.proves("basic.ack", "basic.ack.delivery-tag", "basic.ack.multiple", "basic.ack.multiple.exists")
def test_vector_23_an_ack_of_many_settles_all_up_to_its_tag(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c")
    for _ in range(3):
        channel.must_get(queue)
    with _unknown(channel, 1):
        channel.ack(2, multiple=True)
        channel.ack(1)
    assert channel.open().drain(queue) == [b"c"]


@pytest.mark.proves("basic.ack.multiple", "basic.nack.multiple", "nack.multiple")
def test_vector_24_acking_all_of_nothing_is_no_error(channel: Channel) -> None:
    channel.ack(0, multiple=True)
    channel.nack(0, multiple=True)
    assert channel.quiet() == []


@pytest.mark.proves("basic.ack.multiple")
def test_acking_0_with_multiple_settles_everything(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    for _ in range(2):
        channel.must_get(queue)
    channel.ack(0, multiple=True)
    with _unknown(channel, 2):
        channel.ack(2)


@pytest.mark.proves("basic.ack.multiple.exists")
@pytest.mark.proves("error.basic.ack.unknown-tag")
def test_vector_25_tag_0_alone_is_unknown(channel: Channel) -> None:
    with _unknown(channel, 0):
        channel.ack(0)


@pytest.mark.proves("basic.get.no-ack", "basic.ack.multiple.exists")
@pytest.mark.proves("error.basic.ack.unknown-tag")
def test_vector_26_a_get_without_ack_leaves_nothing_to_ack(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a")
    channel.must_get(queue, no_ack=True)
    with _unknown(channel, 1):
        channel.ack(1)


@pytest.mark.proves(
    "basic.ack.multiple.exists",
    "basic.nack.multiple.exists",
    "basic.ack.delivery-tag",
    "basic.nack.delivery-tag",
    "basic.reject.delivery-tag",
    "reply-code.precondition-failed",
)
@pytest.mark.parametrize("method", ["basic.ack", "basic.nack", "basic.reject"])
@pytest.mark.parametrize("tag", [0, 7, 2**63])
@pytest.mark.proves("error.basic.ack.unknown-tag", "error.basic.nack.unknown-tag", "error.basic.reject.unknown-tag")
def test_an_unknown_tag(channel: Channel, method: str, tag: int) -> None:
    with _unknown(channel, tag, method):
        channel.send(method, delivery_tag=tag)


@pytest.mark.proves("basic.ack.multiple.exists", "basic.nack.multiple.exists")
@pytest.mark.parametrize("method", ["basic.ack", "basic.nack"])
@pytest.mark.proves("error.basic.ack.unknown-tag", "error.basic.nack.unknown-tag")
def test_with_multiple_the_tag_itself_must_be_outstanding(channel: Channel, queue: str, method: str) -> None:
    """A refused one settles nothing."""
    channel.fill(queue, b"a", b"b", b"c")
    for _ in range(3):
        channel.must_get(queue)
    channel.ack(2)
    with _unknown(channel, 2, method):
        channel.send(method, delivery_tag=2, multiple=True)
    assert channel.open().drain(queue) == [b"a", b"c"]


@pytest.mark.proves("domain.delivery-tag.channel-local")
@pytest.mark.proves("error.basic.ack.unknown-tag")
def test_a_tag_of_another_channel_is_unknown(connect: Connect, names: Names) -> None:
    connection = connect()
    one, two = connection.channel(1), connection.channel(2)
    one.declare_queue(names("q"))
    one.fill(names("q"), b"a")
    one.must_get(names("q"))
    with _unknown(two, 1):
        two.ack(1)


@pytest.mark.proves("basic.ack.delivery-tag")
def test_acks_may_come_in_any_order(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c")
    for _ in range(3):
        channel.must_get(queue)
    for tag in (2, 3, 1):
        channel.ack(tag)
    channel.close()
    assert channel.open().drain(queue) == []


# -- coming back


@pytest.mark.proves(
    "basic.reject",
    "basic.reject.delivery-tag",
    "basic.reject.requeue",
    "basic.reject.02",
    "basic.get-ok.redelivered",
    "requeue.position",
)
def test_vector_28_a_rejected_message_comes_back_to_its_place(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    channel.must_get(queue)
    channel.reject(1)
    again = channel.must_get(queue)
    assert (again.body, again["redelivered"], again["message_count"]) == (b"a", True, 1)
    assert not channel.must_get(queue)["redelivered"]


@pytest.mark.proves(
    "basic.nack",
    "basic.nack.multiple",
    "basic.nack.requeue",
    "basic.nack.02",
    "nack.multiple",
    "nack.requeue",
    "requeue.position",
)
def test_vector_27_nack_of_many_keeps_the_order(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c", b"d")
    for _ in range(3):
        channel.must_get(queue)
    channel.nack(3, multiple=True)
    got = [channel.must_get(queue) for _ in range(4)]
    assert [(one.body, one["redelivered"]) for one in got] == [(b"a", True), (b"b", True), (b"c", True), (b"d", False)]


@pytest.mark.proves("requeue.position", "nack.requeue", "basic.nack.delivery-tag")
def test_messages_come_back_to_their_places_one_by_one(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c", b"d", b"e")
    for _ in range(4):
        channel.must_get(queue)
    channel.nack(3)
    channel.reject(1)
    channel.nack(2)
    assert channel.drain(queue) == [b"a", b"b", b"c", b"e"]
    channel.nack(4)
    assert channel.drain(queue) == [b"d"]


@pytest.mark.proves("basic.reject.requeue", "basic.nack.requeue", "nack.drop")
def test_without_requeue_a_message_is_gone(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c")
    for _ in range(2):
        channel.must_get(queue)
    channel.reject(1, requeue=False)
    channel.nack(2, requeue=False)
    channel.close()
    assert channel.open().drain(queue) == [b"c"]


@pytest.mark.proves("ordering.requeue", "channel.close", "domain.redelivered.implementation")
def test_vector_29_closing_the_channel_brings_messages_back_in_order(connect: Connect, names: Names) -> None:
    connection, queue = connect(), names("q")
    one, two = connection.channel(1), connection.channel(2)
    one.declare_queue(queue)
    one.fill(queue, b"a", b"b", b"c")
    one.must_get(queue)
    one.must_get(queue)
    one.close()
    got = [two.must_get(queue) for _ in range(3)]
    assert [(got.body, got["redelivered"]) for got in got] == [(b"a", True), (b"b", True), (b"c", False)]


@pytest.mark.proves("ordering.requeue", "connection.close", "domain.redelivered.implementation")
def test_closing_the_connection_brings_messages_back_in_order(connect: Connect, names: Names) -> None:
    one, two, queue = connect(), connect().channel(), names("q")
    two.declare_queue(queue)
    two.fill(queue, b"a", b"b", b"c")
    consumer = one.channel(1)
    consumer.qos(2)
    consumer.consume(queue)
    assert consumer.bodies(2) == [b"a", b"b"]
    one.close()
    got = [two.must_get(queue) for _ in range(3)]
    assert [(got.body, got["redelivered"]) for got in got] == [(b"a", True), (b"b", True), (b"c", False)]


@pytest.mark.proves("ordering.requeue")
def test_a_channel_error_brings_consumed_messages_back_before_its_close(connect: Connect, names: Names) -> None:
    one, two, queue = connect().channel(), connect().channel(), names("q")
    one.declare_queue(queue)
    one.fill(queue, b"a", b"b")
    one.consume(queue)
    assert one.bodies(2) == [b"a", b"b"]
    one.ack(9)
    assert one.connection.read().name == "channel.close"
    assert two.counts(queue) == (2, 0)


@pytest.mark.proves("domain.redelivered.implementation")
def test_a_channel_error_brings_got_messages_back_after_close_ok(connect: Connect, names: Names) -> None:
    """No consumer of the channel is on the queue, so nothing happens before the client agrees to the close."""
    one, two, queue = connect().channel(), connect().channel(), names("q")
    one.declare_queue(queue)
    one.fill(queue, b"a")
    one.must_get(queue)
    one.ack(9)
    assert one.connection.read().name == "channel.close"
    assert two.counts(queue) == (0, 0)
    two.consume(queue)
    one.send("channel.close-ok")
    assert two.expect("basic.deliver")["redelivered"]


@pytest.mark.proves("domain.redelivered.implementation")
def test_a_lost_connection_brings_messages_back(connect: Connect, names: Names) -> None:
    one, two, queue = connect(), connect().channel(), names("q")
    two.declare_queue(queue)
    two.fill(queue, b"a")
    one.channel().must_get(queue)
    one.abort()
    two.consume(queue)
    delivery = two.expect("basic.deliver")
    assert (delivery.body, delivery["redelivered"]) == (b"a", True)


# -- recover


@pytest.mark.proves(
    "basic.recover.01",
    "basic.recover-async.01",
    "basic.recover.requeue",
    "basic.recover-async.requeue",
    "basic.recover",
    "basic.recover-async",
    "ordering.requeue",
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_recover_brings_everything_back_in_order(channel: Channel, queue: str, asynchronous: bool) -> None:
    channel.fill(queue, b"a", b"b", b"c")
    channel.must_get(queue)
    channel.must_get(queue)
    if asynchronous:
        channel.send("basic.recover-async", requeue=True)
    else:
        channel.call("basic.recover", requeue=True)
    got = [channel.must_get(queue) for _ in range(3)]
    assert [(one.body, one["redelivered"]) for one in got] == [(b"a", True), (b"b", True), (b"c", False)]
    with _unknown(channel, 1):
        channel.ack(1)


@pytest.mark.proves("basic.recover.01", "basic.deliver.redelivered", "ordering.requeue")
def test_recover_redelivers_to_the_same_consumer_in_order(channel: Channel, queue: str) -> None:
    channel.consume(queue)
    channel.fill(queue, b"a", b"b", b"c")
    assert channel.bodies(3) == [b"a", b"b", b"c"]
    channel.call("basic.recover", requeue=True)
    again = channel.deliveries(3)
    assert [(one.body, one["redelivered"], one["delivery_tag"]) for one in again] == [
        (b"a", True, 4), (b"b", True, 5), (b"c", True, 6),
    ]  # fmt: skip


@pytest.mark.proves(
    "basic.recover.requeue",
    "basic.recover-async.requeue",
    "deviation.basic.recover-requeue",
    "reply-code.not-implemented",
)
@pytest.mark.parametrize("method", ["basic.recover", "basic.recover-async"])
@pytest.mark.proves("error.basic.recover.no-requeue", "error.basic.recover-async.no-requeue")
def test_vector_64_recover_without_requeue_is_not_implemented(channel: Channel, method: str) -> None:
    with channel.connection.refused(540, "NOT_IMPLEMENTED - requeue=false", method):
        channel.send(method, requeue=False)
