"""Publisher confirms: what is acked, what is nacked, in which grouping and order."""

from __future__ import annotations

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


def _settled(channel: Channel, count: int) -> dict[int, str]:
    """Read acks and nacks until `count` numbers are settled; each must be settled once, and never 0."""
    outcome: dict[int, str] = {}
    while len(outcome) < count:
        received = channel.next()
        assert received.name in {"basic.ack", "basic.nack"}
        tag = received["delivery_tag"]
        numbers = [n for n in range(1, tag) if n not in outcome] if received["multiple"] else []
        assert tag > 0
        assert tag not in outcome
        outcome |= dict.fromkeys([*numbers, tag], received.name)
    assert sorted(outcome) == list(range(1, count + 1))
    return outcome


@pytest.mark.proves("confirms.select-again")
def test_confirm_select_may_be_repeated(channel: Channel, queue: str) -> None:
    channel.confirm().confirm()
    channel.publish("", queue, b"x")
    assert channel.expect("basic.ack")["delivery_tag"] == 1


@pytest.mark.proves("confirms.sequence", "domain.delivery-tag.non-zero")
def test_numbers_start_at_the_first_select(channel: Channel, queue: str) -> None:
    channel.publish("", queue, b"before")
    channel.confirm()
    channel.publish("", queue, b"x")
    assert channel.expect("basic.ack")["delivery_tag"] == 1
    channel.confirm()
    channel.publish("", queue, b"x")
    assert channel.expect("basic.ack")["delivery_tag"] == 2


@pytest.mark.proves(
    "confirm",
    "confirm.select",
    "confirms.grouping",
    "confirm.all-messages-acknowledged",
    "basic.ack",
    "basic.ack.delivery-tag",
    "basic.ack.multiple",
    "domain.delivery-tag.non-zero",
)
def test_vector_32_every_publish_is_settled_once(channel: Channel, queue: str) -> None:
    channel.confirm()
    frames = b"".join(channel.connection.publish_frames(1, "", queue, b"x") for _ in range(200))
    channel.connection.send(frames)
    assert set(_settled(channel, 200).values()) == {"basic.ack"}
    assert channel.quiet(queue) == []


@pytest.mark.proves("confirms.single", "basic.ack.multiple")
def test_a_single_ack_is_not_multiple(channel: Channel, queue: str) -> None:
    channel.confirm()
    channel.publish("", queue, b"x")
    assert channel.expect("basic.ack").payload == b"\0\x3c\0\x50" + bytes([0, 0, 0, 0, 0, 0, 0, 1, 0])


@pytest.mark.proves("confirms.return-first", "confirm.unroutable-messages", "basic.return", "reply-code.no-route")
def test_vector_31_a_return_comes_before_its_ack(channel: Channel) -> None:
    channel.confirm()
    channel.publish("", "nope", b"x", mandatory=True)
    returned = channel.expect("basic.return")
    assert (returned["reply_code"], returned["reply_text"]) == (312, "NO_ROUTE")
    assert (returned["exchange"], returned["routing_key"], returned.body) == ("", "nope", b"x")
    assert channel.expect("basic.ack")["delivery_tag"] == 1


@pytest.mark.proves("confirms.return-first", "confirm.unroutable-messages", "ordering.publish")
def test_returns_keep_the_order_of_publishing(channel: Channel, queue: str) -> None:
    channel.confirm()
    for number in range(20):
        channel.publish("", queue if number % 2 else "nope", b"%d" % number, mandatory=True)
    events: list[Received] = []
    acked = 0
    while acked < 20:
        events.append(channel.next())
        acked = max([event["delivery_tag"] for event in events if event.name == "basic.ack"], default=0)
    assert [event.body for event in events if event.name == "basic.return"] == [b"%d" % n for n in range(0, 20, 2)]
    seen = 0
    for event in events:
        seen += event.name == "basic.return"
        if event.name == "basic.ack":
            assert (event["delivery_tag"] + 1) // 2 <= seen


@pytest.mark.proves("confirms.unroutable", "confirm.all-messages-acknowledged")
def test_an_unroutable_publish_is_acked(channel: Channel) -> None:
    channel.confirm()
    channel.publish("", "nope", b"x")
    assert channel.expect("basic.ack")["delivery_tag"] == 1


@pytest.mark.proves("confirms.persistent", "confirm.all-messages-acknowledged", "basic.properties.delivery-mode")
@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("delivery_mode", [1, 2])
def test_persistent_and_transient_are_acked(channel: Channel, names: Names, durable: bool, delivery_mode: int) -> None:
    channel.declare_queue(names("q"), durable=durable)
    channel.confirm()
    channel.publish("", names("q"), b"x", {"delivery_mode": delivery_mode})
    assert channel.expect("basic.ack")["delivery_tag"] == 1


@pytest.mark.proves("confirms.delivered")
def test_a_delivery_acked_at_once_confirms_a_persistent_message(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"), durable=True)
    channel.consume(names("q"), no_ack=True)
    channel.confirm()
    channel.publish("", names("q"), b"x", {"delivery_mode": 2})
    assert sorted(channel.next().name for _ in range(2)) == ["basic.ack", "basic.deliver"]


@pytest.mark.proves(
    "confirms.nack",
    "basic.nack",
    "basic.nack.delivery-tag",
    "basic.nack.multiple",
    "basic.nack.requeue",
    "max-length.reject-publish",
)
def test_vector_52_a_full_queue_nacks_with_the_requeue_bit_set(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"), {"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.confirm()
    channel.publish("", names("q"), b"a")
    assert channel.expect("basic.ack")["delivery_tag"] == 1
    channel.publish("", names("q"), b"b")
    nack = channel.expect("basic.nack")
    assert dict(nack.fields) == {"delivery_tag": 2, "multiple": True, "requeue": True}
    assert channel.drain(names("q")) == [b"a"]


@pytest.mark.proves("confirms.all-queues", "confirm.all-queues")
def test_several_queues_all_must_accept(channel: Channel, names: Names) -> None:
    exchange = names("e")
    channel.declare_exchange(exchange, "fanout")
    channel.declare_queue(names("free"))
    channel.declare_queue(names("full"), {"x-max-length": 0, "x-overflow": "reject-publish"})
    for queue in ("free", "full"):
        channel.bind(names(queue), exchange)
    channel.confirm()
    channel.publish(exchange, "", b"x", mandatory=True)
    assert channel.expect("basic.nack")["delivery_tag"] == 1
    assert channel.drain(names("free")) == [b"x"]


@pytest.mark.proves("confirms.grouping", "confirms.nack", "confirm.all-messages-acknowledged")
def test_many_nacks_and_acks_together_settle_each_number_once(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("free"))
    channel.declare_queue(names("full"), {"x-max-length": 0, "x-overflow": "reject-publish"})
    channel.confirm()
    queues = [names("full") if number % 3 == 0 else names("free") for number in range(1, 61)]
    channel.connection.send(b"".join(channel.connection.publish_frames(1, "", queue, b"x") for queue in queues))
    outcome = _settled(channel, 60)
    assert sorted(number for number in outcome if outcome[number] == "basic.nack") == list(range(3, 61, 3))


@pytest.mark.proves("confirms.dropped")
def test_dropping_the_head_acks(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"), {"x-max-length": 0})
    channel.confirm()
    channel.publish("", names("q"), b"x")
    assert channel.expect("basic.ack")["delivery_tag"] == 1


@pytest.mark.proves("confirms.dropped", "ttl.zero")
def test_expiring_at_once_acks(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"), {"x-message-ttl": 0})
    channel.confirm()
    channel.publish("", names("q"), b"x", {"delivery_mode": 2})
    assert channel.expect("basic.ack")["delivery_tag"] == 1


@pytest.mark.proves("confirms.sequence")
def test_each_channel_counts_its_own(connect: Connect, names: Names) -> None:
    connection = connect()
    one, two = connection.channel(1).confirm(), connection.channel(2).confirm()
    for channel in (one, two, one):
        channel.publish("", "nope", b"x")
    assert _settled(one, 2)
    assert _settled(two, 1)


@pytest.mark.proves("channel.close", "confirm.select")
def test_a_new_channel_starts_without_confirms(channel: Channel) -> None:
    channel.confirm()
    channel.close()
    channel.open()
    channel.publish("", "nope", b"x")
    assert channel.quiet() == []


@pytest.mark.proves("confirms.no-tx", "reply-code.precondition-failed")
@pytest.mark.proves("error.tx.select.confirming")
def test_vector_33_a_confirm_channel_cannot_become_transactional(channel: Channel) -> None:
    channel.confirm()
    text = "PRECONDITION_FAILED - cannot switch from confirm to tx mode"
    with channel.refused(406, text, "tx.select"):
        channel.call("tx.select")
