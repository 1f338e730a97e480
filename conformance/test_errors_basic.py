"""What qos, consume, publish, get and the settling methods refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conditions import Condition
    from conformance.conftest import Connect, Names
    from conformance.fields import Value

proves = pytest.mark.proves
REPLY_TO = "amq.rabbitmq.reply-to"


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("q"), durable=True)
    return names("q")


@proves("error.basic.qos.prefetch-size")
@pytest.mark.parametrize("size", [1, 2**32 - 1])
def test_a_prefetch_size(condition: Condition, channel: Channel, size: int) -> None:
    with condition.closes_connection(channel.connection, size=size):
        channel.qos(0, size=size)


# -- consume


@proves("error.basic.consume.tag-in-use")
@pytest.mark.parametrize("second", ["queue", "replies", "missing"])
def test_a_tag_in_use(condition: Condition, channel: Channel, queue: str, second: str) -> None:
    channel.consume(queue, "t")
    source = {"queue": queue, "replies": REPLY_TO, "missing": "missing"}[second]
    with condition.closes_connection(channel.connection, tag="t"):
        channel.consume(source, "t", no_ack=True)


@proves("error.basic.consume.exclusive-consumer")
@pytest.mark.parametrize("exclusive", [False, True])
def test_a_queue_with_an_exclusive_consumer(
    condition: Condition, channel: Channel, connect: Connect, queue: str, exclusive: bool
) -> None:
    connect().channel().consume(queue, exclusive=True)
    with condition.closes_channel(channel, queue=queue):
        channel.consume(queue, exclusive=exclusive)
    assert channel.counts(queue) == (0, 1)


@proves("error.basic.consume.not-alone")
def test_an_exclusive_consumer_where_another_one_is(
    condition: Condition, channel: Channel, connect: Connect, queue: str
) -> None:
    connect().channel().consume(queue)
    with condition.closes_channel(channel, queue=queue):
        channel.consume(queue, exclusive=True)


@proves("error.basic.consume.single-active")
def test_an_exclusive_consumer_of_a_queue_with_a_single_active_one(
    condition: Condition, channel: Channel, names: Names
) -> None:
    channel.declare_queue(names("q"), {"x-single-active-consumer": True}, durable=True)
    with condition.closes_channel(channel, queue=names("q")):
        channel.consume(names("q"), exclusive=True)


CONSUMER_ARGUMENTS: list[Any] = [
    pytest.param("x-priority", "5", {"type": "longstr"}, marks=proves("error.basic.consume.priority")),
    pytest.param("x-priority", True, {"type": "bool"}, marks=proves("error.basic.consume.priority")),
    pytest.param("x-priority", 1.5, {"type": "double"}, marks=proves("error.basic.consume.priority")),
    pytest.param(
        "x-stream-offset", "first", {"argument": "x-stream-offset", "type": "rabbit_classic_queue"},
        marks=proves("error.basic.consume.argument-of-another-type"),
    ),
    pytest.param(
        "x-cancel-on-ha-failover", "yes", {"type": "longstr"},
        marks=(proves("error.basic.consume.failover"),
               pytest.mark.versions(before="3.13", otherwise="later versions ignore it")),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("argument", "value", "values"), CONSUMER_ARGUMENTS)
def test_an_argument_that_is_refused(
    condition: Condition, channel: Channel, queue: str, argument: str, value: Value, values: dict[str, str]
) -> None:
    with condition.closes_channel(channel, queue=queue, **values):
        channel.consume(queue, arguments={argument: value})


@proves("error.basic.consume.reply-needs-no-ack")
def test_replies_are_consumed_without_acknowledgements(condition: Condition, channel: Channel) -> None:
    with condition.closes_channel(channel):
        channel.consume(REPLY_TO)


@proves("error.basic.consume.second-reply-consumer")
def test_replies_are_consumed_once_per_channel(condition: Condition, channel: Channel) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    with condition.closes_channel(channel):
        channel.consume(REPLY_TO, no_ack=True)
    channel.consume(REPLY_TO, no_ack=True)


@proves("error.basic.consume.second-reply-consumer")
def test_a_second_reply_consumer_of_the_same_tag(condition: Condition, channel: Channel) -> None:
    channel.consume(REPLY_TO, "t", no_ack=True)
    with condition.closes_channel(channel):
        channel.consume(REPLY_TO, "t", no_ack=True)


@proves("error.basic.publish.no-reply-consumer")
def test_a_reply_consumer_shares_its_tag_and_is_cancelled_first(
    condition: Condition, channel: Channel, queue: str
) -> None:
    channel.consume(REPLY_TO, "t", no_ack=True)
    channel.consume(queue, "t")
    channel.cancel("t")
    assert channel.counts(queue) == (0, 1)
    with condition.closes_channel(channel):
        channel.publish("", "nowhere", b"x", {"reply_to": REPLY_TO})


# -- publish


@proves("error.basic.publish.immediate")
@pytest.mark.parametrize("exchange", ["", "missing"])
def test_immediate(condition: Condition, channel: Channel, exchange: str) -> None:
    with condition.closes_connection(channel.connection):
        channel.publish(exchange, "k", b"x", {"user_id": "x"}, immediate=True, mandatory=True)


@pytest.mark.slow
@proves("error.basic.publish.too-large")
def test_a_message_over_the_limit(condition: Condition, channel: Channel, queue: str) -> None:
    limit = 16777216 if condition.version >= (4, 0) else 134217728
    with condition.closes_channel(channel, size=limit + 1, limit=limit):
        channel.publish("missing", queue, bytes(limit + 1))
    assert channel.counts(queue) == (0, 0)


@proves("error.basic.publish.no-exchange")
@pytest.mark.parametrize("confirming", [False, True])
def test_a_missing_exchange(condition: Condition, channel: Channel, names: Names, queue: str, confirming: bool) -> None:
    """What comes after it is lost, and nothing is confirmed."""
    if confirming:
        channel.confirm()
    with condition.closes_channel(channel, exchange=names("e")):
        channel.publish(names("e"), queue, b"x", {"expiration": "abc"}, mandatory=True)
        channel.publish("", queue, b"y")
    assert channel.counts(queue) == (0, 0)


@proves("error.basic.publish.no-exchange")
def test_a_missing_exchange_in_a_transaction(condition: Condition, channel: Channel, names: Names, queue: str) -> None:
    """The error comes with the publish, and what was published before is dropped."""
    channel.call("tx.select")
    channel.publish("", queue, b"x")
    with condition.closes_channel(channel, exchange=names("e")):
        channel.publish(names("e"), queue, b"y")
    assert channel.counts(queue) == (0, 0)


@proves("error.basic.publish.internal")
@pytest.mark.parametrize("exchange", ["e", "amq.rabbitmq.trace"])
def test_an_internal_exchange(condition: Condition, channel: Channel, names: Names, exchange: str) -> None:
    if exchange == "e":
        exchange = names("e")
        channel.declare_exchange(exchange, internal=True)
    with condition.closes_channel(channel, exchange=exchange):
        channel.publish(exchange, "k", b"x")


WRAPPED = "\n" + " " * 44
EXPIRATIONS: list[tuple[str, str, dict[str, str]]] = [
    ("no-integer", "abc", {}),
    ("no-integer", "", {}),
    ("no-integer", " 5", {}),
    ("leftover", "5 ", {"rest": " "}),
    ("leftover", "5.5", {"rest": ".5"}),
    ("leftover", "1e3", {"rest": "e3"}),
    ("negative", "-1", {"value": "-1"}),
    ("too-large", "315360000001", {"value": "315360000001"}),
    ("too-large", "99999999999999999999", {"value": f"{WRAPPED}99999999999999999999"}),
]


@pytest.mark.parametrize(
    ("expiration", "values"),
    [
        pytest.param(expiration, values, marks=proves(f"error.basic.publish.expiration-{word}"))
        for word, expiration, values in EXPIRATIONS
    ],
)
def test_an_expiration_that_is_none(
    condition: Condition, channel: Channel, queue: str, expiration: str, values: dict[str, str]
) -> None:
    with condition.closes_channel(channel, expiration=expiration, **values):
        channel.publish("", queue, b"x", {"expiration": expiration})
    assert channel.counts(queue) == (0, 0)


@proves("error.basic.publish.copies-no-array")
@pytest.mark.parametrize("header", ["CC", "BCC"])
@pytest.mark.parametrize(("value", "type"), [("q", "longstr"), (5, "signedint"), ({}, "table"), (None, "void")])
def test_copies_that_are_no_array(
    condition: Condition, channel: Channel, queue: str, header: str, value: Value, type: str
) -> None:
    with condition.closes_channel(channel, header=header, type=type):
        channel.publish("", queue, b"x", {"headers": {header: value}})


@pytest.mark.versions(before="3.13", otherwise="since 3.13 any delivery mode but 2 is transient")
@proves("error.basic.publish.delivery-mode")
@pytest.mark.parametrize("mode", [0, 3, 255])
def test_a_delivery_mode_that_is_none(condition: Condition, channel: Channel, queue: str, mode: int) -> None:
    with condition.closes_channel(channel, mode=mode):
        channel.publish("", queue, b"x", {"delivery_mode": mode})


@pytest.mark.versions(before="3.13", otherwise="since 3.13 any delivery mode but 2 is transient")
@proves("error.basic.publish.copies-no-array")
def test_copies_are_looked_at_before_the_delivery_mode(condition: Condition, channel: Channel, queue: str) -> None:
    with condition.closes_channel(channel, header="BCC", type="signedint"):
        channel.publish("", queue, b"x", {"delivery_mode": 3, "headers": {"BCC": 5}})


@proves("error.basic.publish.user-id")
@pytest.mark.parametrize("value", ["x", "", "guest ", "Guest"])
def test_the_user_id_of_somebody_else(condition: Condition, channel: Channel, queue: str, value: str) -> None:
    with condition.closes_channel(channel, value=value):
        channel.publish("", queue, b"x", {"user_id": value})


@proves("error.basic.publish.no-reply-consumer")
def test_a_request_without_a_consumer_of_replies(condition: Condition, connect: Connect) -> None:
    """That another channel of the connection has one is no help."""
    connection = connect()
    connection.channel(1).consume(REPLY_TO, no_ack=True)
    channel = connection.channel(2)
    with condition.closes_channel(channel):
        channel.publish("", "nowhere", b"x", {"reply_to": REPLY_TO})


# -- get and settle


@pytest.mark.versions(since="4.2", otherwise="until 4.0: 404, there is no such queue")
@proves("error.basic.get.reply-to")
def test_replies_cannot_be_got(condition: Condition, connect: Connect, names: Names) -> None:
    requester, service = connect().channel(), connect().channel()
    service.declare_queue(names("q"), durable=True)
    requester.consume(REPLY_TO, no_ack=True)
    requester.publish("", names("q"), b"?", {"reply_to": REPLY_TO})
    requester.fence(names("q"))
    replies = service.must_get(names("q")).message.properties["reply_to"]
    with condition.closes_connection(service.connection, queue=replies):
        service.get(replies)


SETTLING = [
    pytest.param(f"basic.{verb}", marks=proves(f"error.basic.{verb}.unknown-tag")) for verb in ("ack", "nack", "reject")
]


@pytest.mark.parametrize("method", SETTLING)
@pytest.mark.parametrize("tag", [0, 2, 2**63, 2**64 - 1])
def test_a_tag_that_was_never_given(condition: Condition, channel: Channel, queue: str, method: str, tag: int) -> None:
    """What is unsettled comes back with close-ok, marked as redelivered."""
    channel.fill(queue, b"x")
    channel.must_get(queue)
    with condition.closes_channel(channel, tag=tag):
        channel.send(method, delivery_tag=tag)
    assert channel.must_get(queue)["redelivered"]


@pytest.mark.parametrize("method", SETTLING)
@pytest.mark.parametrize("settled", ["acked", "no-ack", "with multiple"])
def test_a_tag_that_is_settled(condition: Condition, channel: Channel, queue: str, method: str, settled: str) -> None:
    channel.fill(queue, b"x", b"y")
    for _ in range(2):
        channel.must_get(queue, no_ack=settled == "no-ack")
    if settled != "no-ack":
        channel.ack(1 if settled == "acked" else 2, multiple=settled != "acked")
    with condition.closes_channel(channel, tag=1):
        channel.send(method, delivery_tag=1)


@pytest.mark.parametrize("method", SETTLING[:2])
def test_a_failed_multiple_settles_nothing(condition: Condition, channel: Channel, queue: str, method: str) -> None:
    channel.fill(queue, b"x")
    channel.must_get(queue)
    with condition.closes_channel(channel, tag=9):
        channel.send(method, delivery_tag=9, multiple=True)
    assert channel.must_get(queue).body == b"x"


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(f"basic.{verb}", marks=proves(f"error.basic.{verb}.no-requeue"))
        for verb in ("recover", "recover-async")
    ],
)
def test_redelivery_to_the_same_consumer(condition: Condition, channel: Channel, method: str) -> None:
    with condition.closes_connection(channel.connection):
        channel.send(method, requeue=False)
