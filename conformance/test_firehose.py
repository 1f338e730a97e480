"""The firehose: what amq.rabbitmq.trace gets of what is published and delivered, with wire types and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conformance.fields import Typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.channel import Channel
    from conformance.client import Connection
    from conformance.fields import Table
    from conformance.operator_hands import Operator
    from conformance.received import Received
    from conformance.targets import Target

pytestmark = pytest.mark.slow

TRACE = "amq.rabbitmq.trace"
PROPERTIES: dict[str, Any] = {
    "content_type": "text/plain",
    "content_encoding": "utf8",
    "headers": {"a": 1, "L": Typed("L", 9), "t": {"x": True, "s": Typed("s", 3)}, "arr": [1, "x"], "v": None},
    "delivery_mode": 2,
    "priority": 5,
    "correlation_id": "cid",
    "reply_to": "rt",
    "expiration": "60000",
    "message_id": "mid",
    "timestamp": 2**63 + 5,
    "type": "ty",
    "user_id": "guest",
    "app_id": "app",
    "cluster_id": "cl",
}


@pytest.fixture
def connection(operator: Operator) -> Iterator[Connection]:
    connection = operator.connect()
    yield connection
    connection.close()


@pytest.fixture
def channel(connection: Connection) -> Channel:
    """Give a channel that was there before the firehose."""
    return connection.channel(3)


@pytest.fixture
def traced(operator: Operator, channel: Channel) -> Iterator[Channel]:
    """Switch the firehose on, and give a channel of another connection that consumes the copies."""
    connection = operator.connect()
    watcher = connection.channel()
    queue = watcher.declare_queue(exclusive=True)["queue"]
    watcher.bind(queue, TRACE, "#")
    watcher.consume(queue, no_ack=True)
    operator.trace("/", on=True)
    yield watcher
    operator.trace("/", on=False)
    connection.close()


def headers_of(copy: Received) -> list[tuple[str, Typed]]:
    """Return the headers in wire order, with their types; a copy has no other property."""
    properties = copy.message.properties
    assert list(properties) == ["headers"]
    return list(properties["headers"].items())


def texts(*values: str) -> Typed:
    return Typed("A", [Typed("S", value) for value in values])


def place(copies: list[tuple[str, Typed]]) -> dict[str, Any]:
    """Return what names the broker and the connection, which no test knows."""
    known = dict(copies)
    assert isinstance(known["connection"].value, str)
    assert known["connection"].value.startswith("127.0.0.1:")
    return {name: known[name] for name in ("node", "connection")}


@pytest.mark.proves("firehose.publish", "firehose.deliver", "firehose.properties")
def test_a_publish_and_its_delivery_are_copied(target: Target, channel: Channel, traced: Channel) -> None:
    channel.declare_queue("q", exclusive=True)
    channel.consume("q", no_ack=True)
    channel.publish("", "q", b"hello", PROPERTIES)
    published, delivered = traced.deliveries(2)
    assert (published["exchange"], published["routing_key"], published.body) == (TRACE, "publish.", b"hello")
    assert (delivered["exchange"], delivered["routing_key"], delivered.body) == (TRACE, "deliver.q", b"hello")
    there = place(headers_of(published))
    properties = dict(headers_of(published))["properties"]
    common = [
        ("exchange_name", Typed("S", "")),
        ("routing_keys", texts("q")),
        ("properties", properties),
        ("node", there["node"]),
    ]
    client = [
        ("vhost", Typed("S", "/")),
        ("connection", there["connection"]),
        ("channel", Typed("I", 3)),
        ("user", Typed("S", "guest")),
    ]
    assert headers_of(published) == target.in_order([*common, *client, ("routed_queues", texts("q"))])
    assert headers_of(delivered) == target.in_order([*common, ("redelivered", Typed("I", 0)), *client])
    assert isinstance(properties.value, dict)
    assert list(properties.value.items()) == [
        ("cluster_id", Typed("S", "cl")),
        ("app_id", Typed("S", "app")),
        ("user_id", Typed("S", "guest")),
        ("type", Typed("S", "ty")),
        ("timestamp", Typed("I", 5)),
        ("message_id", Typed("S", "mid")),
        ("expiration", Typed("S", "60000")),
        ("reply_to", Typed("S", "rt")),
        ("correlation_id", Typed("S", "cid")),
        ("priority", Typed("I", 5)),
        ("delivery_mode", Typed("I", 2)),
        (
            "headers",
            Typed(
                "F",
                {
                    "a": Typed("I", 1),
                    "L": Typed("l", 9),
                    "t": Typed("F", {"x": Typed("t", True), "s": Typed("s", 3)}),
                    "arr": Typed("A", [Typed("I", 1), Typed("S", "x")]),
                    "v": Typed("V", None),
                },
            ),
        ),
        ("content_encoding", Typed("S", "utf8")),
        ("content_type", Typed("S", "text/plain")),
    ]


@pytest.mark.usefixtures("traced")
@pytest.mark.proves("firehose.order")
def test_the_copy_of_a_publish_precedes_its_message_and_that_of_a_delivery_follows_it(channel: Channel) -> None:
    # One queue for all three: what two queues send to a channel crosses on the way there.
    channel.declare_queue("q", exclusive=True)
    channel.bind("q", TRACE, "#")
    channel.consume("q", no_ack=True)
    channel.publish("", "q", b"x")
    arrived = [(each["delivery_tag"], each["routing_key"]) for each in channel.deliveries(3)]
    assert arrived == [(1, "publish."), (2, "q"), (3, "deliver.q")]


@pytest.mark.proves("firehose.deliver")
def test_a_get_says_whether_it_was_handed_out_before(channel: Channel, traced: Channel) -> None:
    channel.declare_queue("q", exclusive=True)
    assert channel.get("q") is None
    channel.fill("q", b"x")
    channel.nack(channel.must_get("q")["delivery_tag"])
    channel.must_get("q", no_ack=True)
    copies = traced.deliveries(3)
    assert [copy["routing_key"] for copy in copies] == ["publish.", "deliver.q", "deliver.q"]
    assert [copy.message.headers["redelivered"] for copy in copies[1:]] == [0, 1]


@pytest.mark.proves("firehose.routed-queues")
def test_the_default_exchange_is_said_to_lead_to_any_key(channel: Channel, traced: Channel) -> None:
    channel.publish("", "nowhere", b"x", mandatory=True)
    assert channel.expect("basic.return")["routing_key"] == "nowhere"
    channel.publish("amq.direct", "nowhere", b"x")
    assert [copy.message.headers["routed_queues"] for copy in traced.deliveries(2)] == [["nowhere"], []]


@pytest.mark.proves("firehose.routed-queues", "firehose.routing-keys")
def test_queues_are_sorted_and_keys_as_they_came(channel: Channel, traced: Channel) -> None:
    for queue in ("c", "a", "b"):
        channel.declare_queue(queue, exclusive=True)
        channel.bind(queue, "amq.topic", "k.#")
    copied = {"headers": {"CC": ["k.2", "k.1"], "BCC": ["k.3"]}}
    channel.publish("amq.topic", "k.1", b"x", copied)
    headers = traced.expect("basic.deliver").message.headers
    assert headers["routing_keys"] == ["k.1", "k.2", "k.1", "k.3"]
    assert headers["routed_queues"] == ["a", "b", "c"]
    assert headers["properties"] == {"headers": {"CC": ["k.2", "k.1"]}}
    channel.publish("", "c", b"x", {"headers": {"CC": ["z", "a"]}})
    assert traced.expect("basic.deliver").message.headers["routed_queues"] == ["a", "c", "z"]
    channel.must_get("a", no_ack=True)
    delivered = traced.expect("basic.deliver").message.headers
    assert delivered["routing_keys"] == ["k.1", "k.2", "k.1", "k.3"]


@pytest.mark.proves("firehose.transaction")
def test_a_transaction_is_copied_as_it_is_published(channel: Channel, traced: Channel) -> None:
    channel.call("tx.select")
    channel.publish("", "nowhere", b"x")
    channel.call("tx.rollback")
    channel.publish("", "nowhere", b"y")
    channel.call("tx.commit")
    assert traced.bodies(2) == [b"x", b"y"]
    assert traced.quiet() == []


@pytest.mark.proves("firehose.dead-letter", "firehose.deliver")
def test_a_dead_letter_is_copied_when_it_is_delivered(channel: Channel, traced: Channel) -> None:
    channel.declare_queue("q", exclusive=True)
    channel.consume("q", no_ack=True)
    dying: Table = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q", "x-message-ttl": 0}
    channel.declare_queue("dying", dying, exclusive=True)
    channel.publish("", "dying", b"x")
    copies = traced.deliveries(2)
    assert [copy["routing_key"] for copy in copies] == ["publish.", "deliver.q"]
    assert copies[1].message.headers["routing_keys"] == ["q"]
    assert "x-death" in copies[1].message.headers["properties"]["headers"]


@pytest.mark.proves("firehose.deliver", "firehose.properties")
def test_the_copy_of_a_stream_s_delivery_has_its_offset(channel: Channel, traced: Channel) -> None:
    channel.declare_queue("stream", {"x-queue-type": "stream"}, durable=True)
    channel.qos(10)
    channel.publish("", "stream", b"x", {"headers": {"z": 1, "a": 2}})
    assert traced.expect("basic.deliver")["routing_key"] == "publish."
    tag = channel.consume("stream", arguments={"x-stream-offset": "first"})
    shown = channel.expect("basic.deliver").message.properties
    copy = traced.expect("basic.deliver")
    assert copy["routing_key"] == "deliver.stream"
    properties = dict(headers_of(copy))["properties"].value
    assert isinstance(properties, dict)
    assert properties["headers"] == Typed("F", shown["headers"])
    channel.cancel(tag)
    channel.delete_queue("stream")


@pytest.mark.proves("firehose.reply")
def test_a_direct_reply_is_copied_as_it_is_published(channel: Channel, traced: Channel) -> None:
    channel.consume("amq.rabbitmq.reply-to", no_ack=True)
    channel.declare_queue("q", exclusive=True)
    channel.publish("", "q", b"request", {"reply_to": "amq.rabbitmq.reply-to"})
    channel.fence("q")
    requester = channel.must_get("q", no_ack=True).message.properties["reply_to"]
    channel.publish("", requester, b"reply")
    assert channel.expect("basic.deliver").body == b"reply"
    copies = traced.deliveries(3)
    assert [copy["routing_key"] for copy in copies] == ["publish.", "deliver.q", "publish."]
    assert copies[2].message.headers["routing_keys"] == [requester]
    assert copies[2].message.headers["routed_queues"] == []


@pytest.mark.proves("firehose.copies")
def test_copies_are_not_copied(channel: Channel, traced: Channel) -> None:
    channel.declare_exchange("far", "fanout", auto_delete=True)
    channel.bind_exchange("far", TRACE, "#")
    channel.declare_queue("far", exclusive=True)
    channel.bind("far", "far")
    channel.publish("", "nowhere", b"x")
    assert traced.expect("basic.deliver")["routing_key"] == "publish."
    channel.fence("far")
    assert channel.must_get("far", no_ack=True)["exchange"] == TRACE
    assert traced.quiet() == []
    text = f"ACCESS_REFUSED - cannot publish to internal exchange '{TRACE}' in vhost '/'"
    with channel.refused(403, text, "basic.publish"):
        channel.publish(TRACE, "publish.", b"x")


@pytest.mark.proves("firehose.switch")
def test_the_firehose_is_switched_on_and_off(operator: Operator, channel: Channel, traced: Channel) -> None:
    channel.declare_queue("q", exclusive=True)
    channel.consume("q", no_ack=True)
    channel.publish("", "q", b"on")
    assert traced.bodies(2) == [b"on", b"on"]
    operator.trace("/", on=False)
    channel.publish("", "q", b"off")
    assert channel.bodies(2) == [b"on", b"off"]
    assert traced.quiet() == []
    operator.trace("/", on=True)
    channel.publish("", "q", b"on again")
    assert traced.bodies(2) == [b"on again", b"on again"]
