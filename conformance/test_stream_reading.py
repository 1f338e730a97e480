"""Reading streams over AMQP 0-9-1: where a consumer begins, what deliveries carry, credits, retention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conformance.asking import again_and_again
from conformance.fields import Typed, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.channel import Channel
    from conformance.conftest import Names
    from conformance.received import Received
    from conformance.targets import Target

TEXT_OF_REFUSAL = "NOT_IMPLEMENTED - basic.nack and basic.reject not supported by stream queues queue '{}' in vhost '/'"


def _declare(channel: Channel, names: Names, label: str = "sq", **arguments: Value) -> str:
    named = {key.replace("_", "-"): value for key, value in arguments.items()}
    channel.declare_queue(names(label), {"x-queue-type": "stream", **named}, durable=True)
    return names(label)


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    return _declare(channel, names)


def _fill(channel: Channel, queue: str, *bodies: bytes, properties: Any = b"\0\0") -> None:
    """Publish one after the other, each confirmed, so that each is a batch of its own."""
    channel.confirm()
    for body in bodies:
        channel.publish("", queue, body, properties)
        channel.expect("basic.ack")


def _read(channel: Channel, queue: str, count: int, offset: Value = "first", prefetch: int = 100) -> list[Received]:
    channel.qos(prefetch)
    channel.consume(queue, "reader", {"x-stream-offset": offset})
    return channel.deliveries(count)


def _offset(delivery: Received) -> int:
    offset: int = delivery.message.headers["x-stream-offset"]
    return offset


# -- where a consumer begins


@pytest.mark.proves("stream.offset")
@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ("first", [0, 1, 2]),
        ("last", [2]),
        ("next", []),
        (0, [0, 1, 2]),
        (2, [2]),
        (3, []),
        (-1, [0, 1, 2]),
        (Typed("b", 1), [1, 2]),
        (Typed("T", 0), [0, 1, 2]),
        (Typed("T", 2**63), []),
        ("1h", [0, 1, 2]),
        ("99999999999Y", [0, 1, 2]),
        (Typed("x", b"first"), [0, 1, 2]),
    ],
)
def test_where_a_consumer_begins(channel: Channel, queue: str, offset: Value, expected: list[int]) -> None:
    _fill(channel, queue, b"0", b"1", b"2")
    got = _read(channel, queue, len(expected), offset)
    channel.publish("", queue, b"3")
    replies = [channel.next(), channel.next()]
    got += [each for each in replies if each.name == "basic.deliver"]
    assert [_offset(each) for each in got] == [*expected, 3]
    assert [each.body for each in got] == [b"%d" % each for each in (*expected, 3)]


@pytest.mark.proves("stream.offset")
def test_without_an_offset_a_consumer_begins_with_what_comes(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"old")
    channel.qos(1)
    channel.consume(queue)
    channel.publish("", queue, b"new")
    assert {each.name: each.content and each.body for each in (channel.next(), channel.next())} == {
        "basic.deliver": b"new",
        "basic.ack": None,
    }


@pytest.mark.proves("stream.offset")
def test_an_offset_that_the_log_has_yet_to_reach(channel: Channel, queue: str) -> None:
    """Everything below it is passed over, also what is published later."""
    _fill(channel, queue, b"0")
    channel.qos(10)
    channel.consume(queue, "t", {"x-stream-offset": 3})
    other = channel.connection.channel(2)
    _fill(other, queue, b"1", b"2", b"3")
    assert _offset(channel.expect("basic.deliver")) == 3


@pytest.mark.proves("stream.offset")
@pytest.mark.parametrize("offset", ["abc", "", "-1h", "first "])
def test_an_offset_that_begins_with_no_digit(channel: Channel, queue: str, target: Target, offset: str) -> None:
    channel.qos(1)
    if target.version < (4, 2):
        with channel.connection.refused(541, "INTERNAL_ERROR"):
            channel.consume(queue, arguments={"x-stream-offset": offset})
        return
    shown = f'<<"{offset}">>' if offset else "<<>>"
    text = (
        f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{queue}' in vhost '/': "
        f"{{invalid_stream_offset_arg,{{longstr,{shown}}}}}"
    )
    with channel.refused(406, text, "basic.consume"):
        channel.consume(queue, arguments={"x-stream-offset": offset})


@pytest.mark.proves("stream.offset")
@pytest.mark.parametrize("offset", [True, 1.5, {"a": 1}, [1], None])
def test_an_offset_of_a_type_that_is_none_makes_the_broker_fail(channel: Channel, queue: str, offset: Value) -> None:
    channel.qos(1)
    with channel.connection.refused(541, "INTERNAL_ERROR"):
        channel.consume(queue, arguments={"x-stream-offset": offset})


# -- what a consumer is refused, in this order


@pytest.mark.proves("stream.refusals", "error.basic.consume.stream-offset")
def test_a_wrong_offset_comes_before_all_else(channel: Channel, queue: str) -> None:
    text = (
        f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{queue}' in vhost '/': "
        '{invalid_stream_offset_arg,{longstr,<<"1x">>}}'
    )
    with channel.refused(406, text, "basic.consume"):
        channel.consume(queue, "t", {"x-priority": 1, "x-stream-offset": "1x"}, no_ack=True)


@pytest.mark.proves("stream.refusals", "error.basic.consume.argument-of-another-type")
@pytest.mark.parametrize("value", [1, "a"])
def test_a_priority_comes_before_the_prefetch(channel: Channel, queue: str, value: Value) -> None:
    text = (
        f"PRECONDITION_FAILED - invalid arg 'x-priority' for queue '{queue}' in vhost '/' "
        "of queue type rabbit_stream_queue"
    )
    with channel.refused(406, text, "basic.consume"):
        channel.consume(queue, "t", {"x-priority": value}, no_ack=True)


@pytest.mark.versions(before="4.3", otherwise="since 4.3 the global flag means nothing")
@pytest.mark.proves("stream.refusals", "error.basic.consume.global-quorum")
def test_a_window_of_the_channel_is_not_implemented(channel: Channel, queue: str) -> None:
    channel.qos(5)
    channel.qos(5, globally=True)
    text = f"NOT_IMPLEMENTED - queue '{queue}' in vhost '/' does not support global qos"
    with channel.connection.refused(540, text, "basic.consume"):
        channel.consume(queue)


@pytest.mark.proves("stream.refusals")
def test_a_window_that_comes_later_does_not_matter(channel: Channel, queue: str) -> None:
    channel.qos(5)
    channel.consume(queue)
    channel.qos(1, globally=True)
    _fill(channel.connection.channel(2), queue, b"1", b"2", b"3")
    assert channel.bodies(3) == [b"1", b"2", b"3"]


@pytest.mark.proves("stream.refusals")
def test_exclusive_consumers_are_not_exclusive(channel: Channel, queue: str) -> None:
    channel.qos(5)
    channel.consume(queue, exclusive=True)
    channel.consume(queue, exclusive=True)


# -- what deliveries carry


@pytest.mark.proves("stream.delivery")
def test_a_delivery_carries_its_offset(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"x")
    (delivery,) = _read(channel, queue, 1)
    assert delivery.message.raw_properties == b"\x20\0" + b"\0\0\0\x19\x0fx-stream-offsetl" + bytes(8)
    assert (delivery["redelivered"], delivery["exchange"], delivery["routing_key"]) == (False, "", queue)


@pytest.mark.proves("stream.delivery")
def test_the_header_replaces_one_of_its_name_and_headers_are_sorted(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"x", properties={"headers": {"z": 1, "x-stream-offset": "mine", "b": "s"}})
    (delivery,) = _read(channel, queue, 1)
    headers = delivery.message.properties["headers"]
    assert list(headers.items()) == [
        ("b", Typed("S", "s")), ("x-stream-offset", Typed("l", 0)), ("z", Typed("I", 1))
    ]  # fmt: skip


@pytest.mark.proves("stream.delivery")
def test_properties_are_kept(channel: Channel, queue: str) -> None:
    sent: dict[str, Any] = {
        "content_type": "text/plain", "content_encoding": "utf8", "delivery_mode": 2, "priority": 3,
        "correlation_id": "c", "reply_to": "r", "expiration": "1", "message_id": "m", "timestamp": 5, "type": "t",
        "user_id": "guest", "app_id": "a",
    }  # fmt: skip
    _fill(channel, queue, b"x", properties=sent)
    (delivery,) = _read(channel, queue, 1)
    assert delivery.message.properties == {**sent, "headers": {"x-stream-offset": Typed("l", 0)}}


@pytest.mark.proves("stream.delivery")
@pytest.mark.parametrize(
    "value",
    [Typed("b", 5), Typed("B", 5), Typed("s", 5), Typed("u", 5), 5, Typed("i", 5), Typed("l", 5), Typed("T", 5),
     Typed("f", 1.5), 1.5, True, None, "s", Typed("x", b"\0\xff")],
)  # fmt: skip
def test_plain_headers_keep_their_types(channel: Channel, queue: str, value: Value) -> None:
    _fill(channel, queue, b"x", properties={"headers": {"h": value}})
    (delivery,) = _read(channel, queue, 1)
    received = delivery.message.properties["headers"]["h"]
    if isinstance(value, Typed):
        assert received == value
    else:
        assert received.value == value


@pytest.mark.proves("stream.delivery")
def test_the_exchange_and_the_routing_key_are_those_of_the_publish(channel: Channel, names: Names, queue: str) -> None:
    channel.declare_exchange(names("x"), "topic")
    channel.bind(queue, names("x"), "a.#")
    channel.publish(names("x"), "a.b", b"1", {"headers": {"BCC": [queue]}})
    channel.fence(queue)
    (delivery,) = _read(channel, queue, 1)
    assert (delivery["exchange"], delivery["routing_key"]) == (names("x"), "a.b")
    assert delivery.message.headers == {"x-stream-offset": 0}


@pytest.mark.proves("stream.delivery")
@pytest.mark.parametrize("size", [0, 1, 4096, 131_064, 300_000])
def test_bodies_of_any_size(channel: Channel, queue: str, size: int) -> None:
    _fill(channel, queue, b"x" * size)
    (delivery,) = _read(channel, queue, 1)
    assert delivery.body == b"x" * size


# -- credits


@pytest.mark.proves("stream.credit")
def test_an_acknowledgement_is_a_credit(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"0", b"1", b"2")
    tags = [each["delivery_tag"] for each in _read(channel, queue, 1, prefetch=1)]
    for expected in (b"1", b"2"):
        channel.ack(tags[-1])
        delivery = channel.expect("basic.deliver")
        tags.append(delivery["delivery_tag"])
        assert delivery.body == expected
    assert tags == [1, 2, 3]


@pytest.mark.proves("stream.credit")
@pytest.mark.parametrize("method", ["basic.nack", "basic.reject"])
@pytest.mark.parametrize("requeue", [False, True])
def test_a_refusal_is_a_credit_or_not_implemented(
    channel: Channel, queue: str, target: Target, method: str, requeue: bool
) -> None:
    _fill(channel, queue, b"0", b"1")
    _read(channel, queue, 1, prefetch=1)
    if target.version >= (3, 13):
        channel.send(method, delivery_tag=1, requeue=requeue)
        assert channel.expect("basic.deliver").body == b"1"
        return
    with channel.connection.refused(540, TEXT_OF_REFUSAL.format(queue), method):
        channel.send(method, delivery_tag=1, requeue=requeue)


@pytest.mark.proves("stream.credit")
def test_recover_is_a_credit_or_a_failure(channel: Channel, queue: str, target: Target) -> None:
    _fill(channel, queue, b"0", b"1")
    _read(channel, queue, 1, prefetch=1)
    if target.version >= (3, 13):
        channel.call("basic.recover", requeue=True)
        assert channel.expect("basic.deliver").body == b"1"
        return
    with channel.connection.refused(541, "INTERNAL_ERROR"):
        channel.call("basic.recover", requeue=True)


@pytest.mark.proves("stream.credit")
def test_a_refusal_in_a_transaction_is_found_at_the_commit(channel: Channel, queue: str, target: Target) -> None:
    _fill(channel.connection.channel(2), queue, b"0")
    channel.call("tx.select")
    _read(channel, queue, 1, prefetch=1)
    channel.nack(1)
    if target.version >= (3, 13):
        channel.call("tx.commit")
        return
    with channel.connection.refused(540, TEXT_OF_REFUSAL.format(queue), "tx.commit"):
        channel.call("tx.commit")


@pytest.mark.proves("stream.credit")
@pytest.mark.parametrize(
    "end", [lambda channel: channel.close(), lambda channel: channel.cancel("reader")], ids=["close", "cancel"]
)
def test_nothing_is_given_back(channel: Channel, queue: str, end: Callable[[Channel], None]) -> None:
    other = channel.connection.channel(2)
    _fill(other, queue, b"0", b"1")
    _read(other, queue, 2)
    end(other)
    deliveries = _read(channel, queue, 2)
    assert [(each.body, each["redelivered"]) for each in deliveries] == [(b"0", False), (b"1", False)]


@pytest.mark.proves("stream.readers")
def test_every_consumer_gets_everything(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"0", b"1", b"2")
    channel.qos(10)
    for tag in "abc":
        channel.consume(queue, tag, {"x-stream-offset": "first"})
    channel.publish("", queue, b"3")
    got: dict[str, list[bytes]] = {"a": [], "b": [], "c": []}
    for _ in range(13):
        received = channel.next()
        if received.name == "basic.deliver":
            got[received["consumer_tag"]].append(received.body)
    assert list(got.values()) == [[b"0", b"1", b"2", b"3"]] * 3


# -- counts, transactions, ends


@pytest.mark.slow
@pytest.mark.proves("stream.counts")
def test_the_log_is_counted_and_no_consumer(channel: Channel, queue: str) -> None:
    _fill(channel, queue, b"0", b"1")
    deliveries = _read(channel, queue, 2)
    channel.ack(deliveries[-1]["delivery_tag"], multiple=True)
    messages = 0
    for _ in again_and_again():
        messages, consumers = channel.counts(queue)
        assert consumers == 0
        if messages:
            break
    assert messages == 2


@pytest.mark.proves("stream.counts")
@pytest.mark.parametrize("flags", [{}, {"if_unused": True}, {"if_empty": True}])
def test_deleting_takes_no_conditions_and_counts_nothing(
    channel: Channel, queue: str, flags: dict[str, bool]
) -> None:
    _fill(channel, queue, b"0", b"1")
    _read(channel, queue, 2)
    assert channel.delete_queue(queue, **flags) == 0
    cancelled = channel.expect("basic.cancel")
    assert cancelled["consumer_tag"] == "reader"


@pytest.mark.proves("stream.publishing")
def test_a_transaction_publishes_at_its_commit(channel: Channel, queue: str) -> None:
    channel.call("tx.select")
    channel.publish("", queue, b"0")
    channel.call("tx.rollback")
    channel.publish("", queue, b"1")
    channel.publish("", queue, b"2")
    channel.call("tx.commit")
    assert [(each.body, _offset(each)) for each in _read(channel, queue, 2)] == [(b"1", 0), (b"2", 1)]


@pytest.mark.proves("stream.publishing")
def test_a_stream_beside_a_classic_queue(channel: Channel, names: Names, queue: str) -> None:
    """The classic queue's copy has no offset."""
    channel.declare_exchange(names("x"), "fanout")
    channel.declare_queue(names("q"))
    for each in (queue, names("q")):
        channel.bind(each, names("x"))
    channel.confirm()
    channel.publish(names("x"), "k", b"1")
    channel.expect("basic.ack")
    assert channel.must_get(names("q"), no_ack=True).message.raw_properties == b"\0\0"
    assert _read(channel, queue, 1)[0].body == b"1"


# -- retention


@pytest.mark.proves("stream.retention")
def test_the_oldest_segments_go_and_the_newest_stays(channel: Channel, names: Names) -> None:
    queue = _declare(channel, names, x_stream_max_segment_size_bytes=1000, x_max_length_bytes=3000)
    bodies = [b"%03d" % number + b"x" * 200 for number in range(30)]
    _fill(channel, queue, *bodies)
    channel.qos(100)
    got: list[bytes] = []
    for _ in again_and_again():  # RabbitMQ deletes files beside what it answers
        tag = channel.consume(queue, "", {"x-stream-offset": "first"})
        got = [channel.expect("basic.deliver").body]
        while got[-1] != bodies[-1]:
            got.append(channel.expect("basic.deliver").body)
        channel.cancel(tag)
        if len(got) < 20:
            break
    assert got == bodies[-len(got) :]
    assert 1 <= len(got) < 20
