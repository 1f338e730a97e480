"""The order in which one channel hears of things: returns, replies, confirms and deliveries."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names
    from conformance.received import Received


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("q"))
    return names("q")


@pytest.mark.parametrize("method", ["basic.qos", "channel.flow", "tx.select", "confirm.select", "basic.cancel"])
@pytest.mark.proves("beyond.order.return-before-reply")
def test_a_return_comes_before_the_reply_to_what_was_sent_after_the_publish(channel: Channel, method: str) -> None:
    for number in range(20):
        channel.publish("", "nowhere", b"%d" % number, mandatory=True)
    channel.send(method, **({"active": True} if method == "channel.flow" else {}))
    heard = [channel.next() for _ in range(21)]
    assert [each.name for each in heard] == ["basic.return"] * 20 + [f"{method}-ok"]
    assert [each.body for each in heard[:20]] == [b"%d" % number for number in range(20)]


@pytest.mark.proves("beyond.order.return-before-close")
def test_a_return_comes_before_the_close_that_a_later_publish_causes(channel: Channel, names: Names) -> None:
    channel.publish("", "nowhere", b"x", mandatory=True)
    text = f"NOT_FOUND - no exchange '{names('e')}' in vhost '/'"
    with channel.refused(404, text, "basic.publish"):
        channel.publish(names("e"), "k", b"y", mandatory=True)
        assert channel.expect("basic.return").body == b"x"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.proves("beyond.order.return-before-confirm")
def test_every_return_comes_before_its_confirm_and_every_publish_is_confirmed_once(
    channel: Channel, queue: str, seed: int
) -> None:
    """Three hundred publishes, routable and not, mandatory and not, small and of several frames."""
    chance = random.Random(seed)
    unroutable = [chance.random() < 0.4 for _ in range(300)]
    mandatory = [chance.random() < 0.6 for _ in range(300)]
    channel.confirm()
    for number in range(300):
        size = chance.choice([0, 10, 10, 200_000])
        body = b"%d;" % (number + 1) + bytes(size)
        channel.publish("", "nowhere" if unroutable[number] else queue, body, mandatory=mandatory[number])
    returned: list[int] = []
    confirmed: set[int] = set()
    while len(confirmed) < 300:
        event = channel.next()
        if event.name == "basic.return":
            returned.append(int(event.body.partition(b";")[0]))
            assert returned[-1] not in confirmed
            continue
        assert event.name == "basic.ack"
        tag = event["delivery_tag"]
        new = {number for number in range(1, tag + 1) if number not in confirmed} if event["multiple"] else {tag}
        assert not new & confirmed
        confirmed |= new
    assert returned == [number + 1 for number in range(300) if unroutable[number] and mandatory[number]]


@pytest.mark.proves("beyond.order.deliveries")
def test_deliveries_keep_the_order_of_publishing_whatever_their_size(channel: Channel, queue: str) -> None:
    chance = random.Random(1)
    bodies = [b"%d;" % number + bytes(chance.choice([0, 1, 5000, 131_064, 300_000])) for number in range(100)]
    channel.consume(queue, no_ack=True)
    for body in bodies:
        channel.publish("", queue, body)
    assert channel.bodies(100) == bodies


@pytest.mark.proves("beyond.order.delivery-tags")
def test_consumers_of_a_channel_share_its_delivery_tags(channel: Channel, names: Names) -> None:
    """No number is left out, and each queue keeps its order."""
    for label in ("a", "b", "c"):
        channel.declare_queue(names(label))
        channel.consume(names(label), label)
    for number in range(90):
        channel.publish("", names("abc"[number % 3]), b"%d" % number)
    deliveries = channel.deliveries(90)
    assert [each["delivery_tag"] for each in deliveries] == list(range(1, 91))
    for place, tag in enumerate("abc"):
        bodies = [int(each.body) for each in deliveries if each["consumer_tag"] == tag]
        assert bodies == list(range(place, 90, 3))


@pytest.mark.proves("beyond.order.gets")
def test_pipelined_gets_are_answered_in_order(channel: Channel, queue: str) -> None:
    channel.fill(queue, *(b"%d" % number for number in range(50)))
    for _ in range(60):
        channel.send("basic.get", queue=queue)
    answers = [channel.next() for _ in range(60)]
    assert [answer.name for answer in answers] == ["basic.get-ok"] * 50 + ["basic.get-empty"] * 10
    assert [answer["delivery_tag"] for answer in answers[:50]] == list(range(1, 51))
    assert [answer["message_count"] for answer in answers[:50]] == list(range(49, -1, -1))


@pytest.mark.proves("beyond.order.consume-get")
def test_consume_ok_comes_first_when_requests_are_pipelined(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    channel.send("basic.consume", queue=queue, consumer_tag="t", no_ack=True)
    assert [channel.next().name for _ in range(3)] == ["basic.consume-ok", "basic.deliver", "basic.deliver"]


@pytest.mark.proves("beyond.order.cancel")
def test_what_was_delivered_comes_before_cancel_ok(channel: Channel, queue: str) -> None:
    channel.consume(queue, "t", no_ack=True)
    for number in range(50):
        channel.publish("", queue, b"%d" % number)
    channel.fence(queue)
    channel.send("basic.cancel", consumer_tag="t")
    heard: list[Received] = []
    while not heard or heard[-1].name != "basic.cancel-ok":
        heard.append(channel.next())
    assert [each.body for each in heard[:-1]] == [b"%d" % number for number in range(50)]
    assert channel.quiet(queue) == []


@pytest.mark.proves("beyond.order.transaction")
def test_a_commit_is_answered_after_its_returns(channel: Channel, queue: str) -> None:
    channel.call("tx.select")
    for number in range(10):
        channel.publish("", queue if number % 2 else "nowhere", b"%d" % number, mandatory=True)
    channel.send("tx.commit")
    heard = [channel.next() for _ in range(6)]
    assert [each.name for each in heard] == ["basic.return"] * 5 + ["tx.commit-ok"]
    assert [each.body for each in heard[:5]] == [b"0", b"2", b"4", b"6", b"8"]
    assert channel.drain(queue) == [b"1", b"3", b"5", b"7", b"9"]


@pytest.mark.proves("beyond.order.purge-and-delete")
def test_counts_tell_what_was_published_before(channel: Channel, queue: str) -> None:
    """A passive declare is another matter: RabbitMQ's queues answer it ahead of publishes that still wait for them."""
    for _ in range(3):
        channel.publish("", queue, b"a")
    assert channel.purge(queue) == 3
    for _ in range(3):
        channel.publish("", queue, b"b")
    assert channel.must_get(queue)["message_count"] == 2
    channel.publish("", queue, b"c")
    assert channel.delete_queue(queue) == 3


@pytest.mark.proves("beyond.order.dead-letters")
def test_dead_letters_keep_their_order(channel: Channel, names: Names) -> None:
    dead = names("dead")
    channel.declare_queue(dead)
    channel.declare_queue(names("q"), {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    bodies = [b"%d" % number for number in range(30)]
    channel.fill(names("q"), *bodies)
    for _ in bodies:
        channel.must_get(names("q"))
    channel.nack(0, multiple=True, requeue=False)
    channel.consume(dead, no_ack=True)
    assert channel.bodies(30) == bodies


@pytest.mark.proves("beyond.order.channels")
def test_two_channels_of_a_connection_do_not_wait_for_each_other(connect: Connect, queue: str) -> None:
    """One is amid a content; the other publishes and gets its confirm and its delivery."""
    connection = connect()
    stuck, free = connection.channel(1), connection.channel(2).confirm()
    stuck.send("basic.publish", exchange="amq.fanout")
    free.consume(queue, "t", no_ack=True)
    free.publish("", queue, b"x")
    assert {free.next().name for _ in range(2)} == {"basic.ack", "basic.deliver"}


@pytest.mark.proves("ttl.turn")
def test_an_expired_message_that_comes_back_takes_nobodys_turn(connect: Connect, names: Names) -> None:
    connection = connect()
    channel, holder = connection.channel(1), connection.channel(2)
    channel.declare_queue(names("q"))
    holder.consume(names("q"), "holder")
    channel.publish("", names("q"), b"kept")
    channel.publish("", names("q"), b"late", {"expiration": "0"})
    assert holder.bodies(2) == [b"kept", b"late"]
    for tag in ("a", "b"):
        channel.consume(names("q"), tag)
    holder.close()
    assert channel.expect("basic.deliver")["consumer_tag"] == "a"
    channel.publish("", names("q"), b"next")
    assert channel.expect("basic.deliver")["consumer_tag"] == "b"


@pytest.mark.proves("dead-letter.own-queue")
def test_what_waits_goes_out_before_a_rejected_message_comes_back_to_its_queue(channel: Channel, names: Names) -> None:
    queue = names("q")
    own = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}
    channel.declare_queue(queue, {"x-max-length": 1, "x-overflow": "reject-publish", **own})
    channel.qos(1)
    channel.consume(queue)
    channel.publish("", queue, b"first")
    channel.publish("", queue, b"second")
    assert channel.bodies(1) == [b"first"]
    channel.reject(1, requeue=False)
    assert channel.bodies(1) == [b"second"]
    channel.fence(queue)
    assert channel.counts(queue) == (1, 1)  # there was room for it
