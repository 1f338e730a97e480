"""Stream queues over AMQP 0-9-1: how they are declared, what they refuse, and reading the same messages twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.fields import Typed, Value
from conformance.received import ChannelClosed, Refusal, compare

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Names

NEEDS_ACK = "NOT_IMPLEMENTED - automatic acknowledgement not supported by stream queues queue '{}' in vhost '/'"
NO_PREFETCH = "PRECONDITION_FAILED - consumer prefetch count is not set for 'queue '{}' in vhost '/''"


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("sq"), {"x-queue-type": "stream"}, durable=True)
    return names("sq")


@pytest.mark.proves("stream.refusals")
@pytest.mark.parametrize(
    ("method", "code"),
    [
        pytest.param("basic.get", 540, marks=pytest.mark.proves("error.basic.get.stream")),
        pytest.param("queue.purge", 540, marks=pytest.mark.proves("error.queue.purge.stream")),
    ],
)
def test_get_and_purge_are_not_implemented(channel: Channel, queue: str, method: str, code: int) -> None:
    text = f"NOT_IMPLEMENTED - {method} not supported by stream queues queue '{queue}' in vhost '/'"
    with channel.connection.refused(code, text, method):
        channel.send(method, queue=queue)


@pytest.mark.proves("stream.refusals", "error.basic.consume.stream-prefetch")
@pytest.mark.versions(
    before="4.0", otherwise="`consumer prefetch count is not set for stream queue '...' in vhost '/'`"
)
def test_a_consumer_needs_a_prefetch(channel: Channel, queue: str) -> None:
    with channel.refused(406, NO_PREFETCH.format(queue), "basic.consume"):
        channel.consume(queue)


@pytest.mark.proves("stream.refusals", "error.basic.consume.stream-no-ack")
@pytest.mark.versions(before="4.0", otherwise="`automatic acknowledgement not supported by stream queue ...`")
def test_a_consumer_must_acknowledge(channel: Channel, queue: str) -> None:
    channel.qos(1)
    with channel.connection.refused(540, NEEDS_ACK.format(queue), "basic.consume"):
        channel.consume(queue, no_ack=True)


@pytest.mark.proves("stream.refusals", "stream.offset", "error.basic.consume.stream-offset")
@pytest.mark.parametrize("offset", ["1x", "5"])
def test_a_wrong_offset_is_refused(channel: Channel, queue: str, offset: str) -> None:
    channel.qos(1)
    text = (
        f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{queue}' in vhost '/': "
        f'{{invalid_stream_offset_arg,{{longstr,<<"{offset}">>}}}}'
    )
    with channel.refused(406, text, "basic.consume"):
        channel.consume(queue, arguments={"x-stream-offset": offset})


@pytest.mark.proves("stream.offset")
@pytest.mark.parametrize(("offset", "bodies"), [("first", [b"0", b"1", b"2"]), (1, [b"1", b"2"])])
def test_messages_are_read_again_from_any_offset(
    channel: Channel, queue: str, offset: Value, bodies: list[bytes]
) -> None:
    channel.confirm()
    for body in (b"0", b"1", b"2"):
        channel.publish("", queue, body)
        channel.expect("basic.ack")
    channel.qos(10)
    for tag in ("one", "two"):
        channel.consume(queue, tag, {"x-stream-offset": offset})
        deliveries = channel.deliveries(len(bodies))
        assert [delivery.body for delivery in deliveries] == bodies
        assert not any(delivery["redelivered"] for delivery in deliveries)
        assert [delivery.message.headers["x-stream-offset"] for delivery in deliveries] == [
            int(body) for body in bodies
        ]
        channel.cancel(tag)


# -- declaration


def _refusal_of(channel: Channel, queue: str, arguments: dict[str, Value]) -> Refusal | None:
    """What declaring a stream is refused with."""
    try:
        channel.declare_queue(queue, arguments, durable=True)
    except ChannelClosed as closed:
        channel.send("channel.close-ok")
        channel.open()
        return closed.refusal
    return None


@pytest.mark.proves("stream.declaration")
def test_what_a_redeclaration_compares_and_in_which_order(channel: Channel, names: Names) -> None:
    declared: dict[str, Value] = {
        "x-max-length-bytes": 1_000_000, "x-queue-type": "stream", "x-max-age": "1D",
        "x-stream-max-segment-size-bytes": 1000, "x-initial-cluster-size": 1, "x-queue-leader-locator": "client-local",
    }  # fmt: skip
    other: dict[str, Value] = {
        "x-max-length-bytes": 2, "x-queue-type": "classic", "x-max-age": "2D",
        "x-stream-max-segment-size-bytes": 2, "x-initial-cluster-size": 2, "x-queue-leader-locator": "random",
    }  # fmt: skip
    queue = names("q")
    channel.declare_queue(queue, declared, durable=True)
    asked = dict(other)
    for key, value in declared.items():
        refusal = Refusal(
            406,
            f"PRECONDITION_FAILED - inequivalent arg '{key}' for queue '{queue}' in vhost '/': "
            f"received '{other[key]!s}' but current is '{value!s}'",
            50,
            10,
        )
        received = _refusal_of(channel, queue, asked)
        assert received is not None
        compare(received, refusal)
        asked[key] = value
    assert _refusal_of(channel, queue, {**asked, "x-message-ttl": 5}) is None


@pytest.mark.proves("stream.declaration")
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("x-max-age", "1D"), ("x-max-age", "99999999999999Y"), ("x-stream-max-segment-size-bytes", 0),
        ("x-stream-max-segment-size-bytes", Typed("l", 3_000_000_000)), ("x-initial-cluster-size", 100),
        ("x-max-length-bytes", 0), ("x-queue-leader-locator", "client-local"), ("x-unknown", 1),
    ],
)  # fmt: skip
def test_values_that_are_taken(channel: Channel, names: Names, argument: str, value: Value) -> None:
    channel.declare_queue(names("q"), {"x-queue-type": "stream", argument: value}, durable=True)


@pytest.mark.proves("stream.declaration")
@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        ({"x-queue-leader-locator": "foo", "x-initial-cluster-size": 0}, "x-initial-cluster-size"),
        ({"x-initial-cluster-size": 0, "x-stream-max-segment-size-bytes": -1}, "x-stream-max-segment-size-bytes"),
        ({"x-stream-max-segment-size-bytes": -1, "x-max-age": "5x"}, "x-max-age"),
        ({"x-max-age": "5x", "x-max-length-bytes": -1}, "x-max-length-bytes"),
        ({"x-message-ttl": 1, "x-queue-leader-locator": "foo"}, "x-queue-leader-locator"),
    ],
)
def test_which_wrong_value_is_found_first(
    channel: Channel, names: Names, arguments: dict[str, Value], first: str
) -> None:
    received = _refusal_of(channel, names("q"), {"x-queue-type": "stream", **arguments})
    assert received is not None
    assert received.text.startswith(f"PRECONDITION_FAILED - invalid arg '{first}' for queue ")
