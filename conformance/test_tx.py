"""Transactions: buffered publishes and settlements, commit, rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.frames import METHOD, encode_frame
from conformance.methods import encode_method

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("q"))
    return names("q")


@pytest.fixture
def other(connect: Connect) -> Channel:
    return connect().channel()


def _committed(channel: Channel, count: int) -> list[bytes]:
    """Commit and return what is delivered then, before or after the reply."""
    channel.send("tx.commit")
    received = [channel.next() for _ in range(count + 1)]
    return [each.content.body for each in received if each.content is not None]


@pytest.mark.proves("tx.select", "tx.commit", "tx.rollback")
def test_select_may_be_repeated(channel: Channel) -> None:
    channel.call("tx.select")
    channel.call("tx.select")
    channel.call("tx.commit")
    channel.call("tx.rollback")


@pytest.mark.proves("tx.commit.transacted", "tx.rollback.transacted")
@pytest.mark.parametrize("method", ["tx.commit", "tx.rollback"])
@pytest.mark.proves("error.tx.commit.not-transactional", "error.tx.rollback.not-transactional")
def test_vector_34_nothing_to_commit_or_roll_back_without_select(channel: Channel, method: str) -> None:
    with channel.refused(406, "PRECONDITION_FAILED - channel is not transactional", method):
        channel.call(method)


@pytest.mark.proves("confirms.no-tx")
@pytest.mark.proves("error.confirm.select.transactional")
def test_vector_33_a_transactional_channel_cannot_confirm(channel: Channel) -> None:
    channel.call("tx.select")
    text = "PRECONDITION_FAILED - cannot switch from tx to confirm mode"
    with channel.refused(406, text, "confirm.select"):
        channel.confirm()


@pytest.mark.proves("tx", "tx.select", "tx.commit", "tx.batch", "ordering.publish")
def test_publishes_appear_with_the_commit_in_order(channel: Channel, other: Channel, queue: str) -> None:
    channel.call("tx.select")
    for body in (b"a", b"b", b"c"):
        channel.publish("", queue, body)
    channel.fence(queue)
    assert other.counts(queue) == (0, 0)
    channel.call("tx.commit")
    assert other.drain(queue) == [b"a", b"b", b"c"]


@pytest.mark.proves("tx.rollback", "tx.undo")
def test_vector_35_a_rollback_drops_publishes(channel: Channel, queue: str) -> None:
    channel.call("tx.select")
    channel.publish("", queue, b"a")
    channel.call("tx.rollback")
    channel.publish("", queue, b"b")
    channel.call("tx.commit")
    assert channel.drain(queue) == [b"b"]


@pytest.mark.proves("tx.batch")
def test_closing_the_channel_rolls_back(channel: Channel, queue: str) -> None:
    channel.call("tx.select")
    channel.publish("", queue, b"a")
    channel.close()
    assert channel.open().counts(queue) == (0, 0)


@pytest.mark.proves("tx.batch")
def test_returns_come_with_the_commit(channel: Channel) -> None:
    channel.call("tx.select")
    channel.publish("", "nope", b"x", mandatory=True)
    assert channel.quiet() == []
    channel.send("tx.commit")
    assert [channel.next().name for _ in range(2)] == ["basic.return", "tx.commit-ok"]


@pytest.mark.proves("tx.checks")
@pytest.mark.proves("error.basic.publish.no-exchange")
def test_errors_come_with_the_publish(channel: Channel, names: Names) -> None:
    channel.call("tx.select")
    with channel.refused(404, f"NOT_FOUND - no exchange '{names('none')}' in vhost '/'", "basic.publish"):
        channel.publish(names("none"), "", b"x")


@pytest.mark.proves("tx.checks")
def test_the_route_is_decided_when_publishing(channel: Channel, names: Names, queue: str) -> None:
    exchange = names("e")
    channel.declare_exchange(exchange, "fanout")
    channel.call("tx.select")
    channel.publish(exchange, "", b"before")
    channel.bind(queue, exchange)
    channel.publish(exchange, "", b"after")
    channel.call("tx.commit")
    assert channel.drain(queue) == [b"after"]


@pytest.mark.proves("tx.names")
def test_a_queue_of_the_default_exchange_may_come_before_the_commit(channel: Channel, names: Names) -> None:
    channel.call("tx.select")
    channel.publish("", names("later"), b"x", mandatory=True)
    channel.declare_queue(names("later"))
    channel.call("tx.commit")
    assert channel.drain(names("later")) == [b"x"]


@pytest.mark.proves("tx.names")
@pytest.mark.parametrize("exchange", ["", "amq.direct"])
def test_a_queue_that_was_declared_anew_gets_the_message(channel: Channel, queue: str, exchange: str) -> None:
    if exchange:
        channel.bind(queue, exchange, queue)
    channel.call("tx.select")
    channel.publish(exchange, queue, b"x")
    channel.call("queue.delete", queue=queue)
    channel.declare_queue(queue)
    channel.call("tx.commit")
    assert channel.drain(queue) == [b"x"]


@pytest.mark.proves("tx.names")
@pytest.mark.parametrize("exchange", ["", "amq.direct"])
def test_a_message_whose_queue_is_gone_at_the_commit_is_returned(channel: Channel, queue: str, exchange: str) -> None:
    if exchange:
        channel.bind(queue, exchange, queue)
    channel.call("tx.select")
    channel.publish(exchange, queue, b"x", mandatory=True)
    channel.call("queue.delete", queue=queue)
    channel.send("tx.commit")
    assert [channel.next().name for _ in range(2)] == ["basic.return", "tx.commit-ok"]


@pytest.mark.proves("tx.batch", "tx.commit")
def test_acks_take_effect_with_the_commit(channel: Channel, other: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    channel.call("tx.select")
    channel.must_get(queue)
    channel.ack(1)
    channel.call("tx.commit")
    channel.must_get(queue)
    channel.ack(2)
    channel.close()
    assert other.drain(queue) == [b"b"]


@pytest.mark.proves("tx.rollback", "tx.undo")
def test_vector_36_a_rollback_takes_the_ack_back_without_redelivery(
    channel: Channel, other: Channel, queue: str
) -> None:
    channel.fill(queue, b"a")
    channel.call("tx.select")
    channel.must_get(queue)
    channel.ack(1)
    channel.call("tx.rollback")
    channel.fence(queue)
    assert other.get(queue) is None
    channel.close()
    assert other.must_get(queue)["redelivered"]


@pytest.mark.proves("tx.undo")
def test_after_a_rollback_the_tag_may_be_acked_again(channel: Channel, other: Channel, queue: str) -> None:
    channel.fill(queue, b"a")
    channel.call("tx.select")
    channel.must_get(queue)
    channel.ack(1)
    channel.call("tx.rollback")
    channel.ack(1)
    channel.call("tx.commit")
    channel.close()
    assert other.get(queue) is None


@pytest.mark.proves("basic.ack.multiple.exists", "tx.checks")
@pytest.mark.proves("error.basic.ack.unknown-tag")
def test_a_tag_acked_in_the_transaction_is_unknown(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a")
    channel.call("tx.select")
    channel.must_get(queue)
    with channel.refused(406, "PRECONDITION_FAILED - unknown delivery tag 1", "basic.ack"):
        channel.ack(1)
        channel.ack(1)


@pytest.mark.proves("tx.batch")
def test_rejects_take_effect_with_the_commit(channel: Channel, other: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c")
    channel.call("tx.select")
    for _ in range(3):
        channel.must_get(queue)
    channel.reject(1)
    channel.nack(2, requeue=False)
    channel.fence(queue)
    assert other.get(queue) is None
    channel.call("tx.commit")
    assert other.must_get(queue).body == b"a"
    assert other.get(queue) is None


@pytest.mark.proves("basic.recover", "tx.batch")
def test_recover_leaves_out_what_is_acked_in_the_transaction(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    channel.call("tx.select")
    channel.must_get(queue)
    channel.must_get(queue)
    channel.ack(1)
    channel.call("basic.recover", requeue=True)
    channel.call("tx.commit")
    assert channel.drain(queue) == [b"b"]


@pytest.mark.proves("tx.row")
@pytest.mark.parametrize(("first", "second"), [("nack", "nack"), ("nack", "reject"), ("reject", "nack")])
def test_returns_in_a_row_come_back_together(channel: Channel, queue: str, first: str, second: str) -> None:
    channel.fill(queue, b"a", b"b")
    channel.consume(queue)
    assert channel.bodies(2) == [b"a", b"b"]
    channel.call("tx.select")
    getattr(channel, first)(2)
    getattr(channel, second)(1)
    assert _committed(channel, 2) == [b"a", b"b"]


@pytest.mark.proves("tx.row")
def test_returns_with_an_ack_between_them_come_back_one_by_one(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b", b"c")
    channel.consume(queue)
    assert channel.bodies(3) == [b"a", b"b", b"c"]
    channel.call("tx.select")
    channel.nack(3)
    channel.ack(2)
    channel.nack(1)
    assert _committed(channel, 2) == [b"c", b"a"]


@pytest.mark.proves("tx.undo")
def test_what_was_acked_comes_back_before_what_came_later(channel: Channel, other: Channel, queue: str) -> None:
    """The later one has expired meanwhile: it stays as long as it isn't the head of the queue."""
    other.publish("", queue, b"a")
    other.fence(queue)
    channel.consume(queue)
    assert channel.bodies(1) == [b"a"]
    channel.call("tx.select")
    channel.ack(1)
    other.publish("", queue, b"late", {"expiration": "0"})
    assert channel.bodies(1) == [b"late"]
    with channel.refused(404, "NOT_FOUND - no exchange 'none' in vhost '/'", "exchange.declare"):
        channel.call("exchange.declare", exchange="none", passive=True)
    channel.open()
    other.fence(queue)
    assert other.counts(queue) == (2, 0)


@pytest.mark.proves("tx.batch")
def test_deliveries_are_not_transactional(channel: Channel, other: Channel, queue: str) -> None:
    channel.call("tx.select")
    channel.consume(queue)
    other.publish("", queue, b"x")
    assert channel.bodies(1) == [b"x"]


@pytest.mark.proves("tx.partial")
@pytest.mark.proves("error.tx.commit.partial")
def test_a_rejected_publish_fails_the_commit(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue, {"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.call("tx.select")
    channel.publish("", queue, b"a")
    channel.publish("", queue, b"b")
    with channel.refused(406, "PRECONDITION_FAILED - partial tx completion", "tx.commit"):
        channel.call("tx.commit")
    assert channel.open().drain(queue) == [b"a"]


@pytest.mark.proves("tx.commit")
def test_persistent_messages_are_committed(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"), durable=True)
    channel.call("tx.select")
    channel.publish("", names("q"), b"x", {"delivery_mode": 2})
    channel.call("tx.commit")
    assert channel.drain(names("q")) == [b"x"]


@pytest.mark.proves("error.tx.commit.pending")
def test_nothing_may_be_sent_while_a_commit_is_pending(channel: Channel, names: Names) -> None:
    """A commit waits for the disk; the client has to wait for commit-ok."""
    channel.declare_queue(names("q"), durable=True)
    channel.call("tx.select")
    text = "CHANNEL_ERROR - unexpected command while processing 'tx.commit'"
    frames = channel.connection.publish_frames(1, "", names("q"), b"x", {"delivery_mode": 2})
    for method in ("tx.commit", "basic.qos"):
        frames += encode_frame(METHOD, 1, encode_method(method))
    with channel.connection.refused(504, text, "basic.qos"):
        channel.connection.send(frames)
        while channel.next().name != "basic.qos-ok":
            pass
        pytest.fail("basic.qos was answered")
