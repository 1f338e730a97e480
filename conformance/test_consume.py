"""Consumers: tags, order, exclusivity, cancelling and being cancelled, priorities, direct delivery rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from conformance.client import CAPABILITIES
from conformance.fields import Typed, Value

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names


@pytest.fixture
def queue(channel: Channel, names: Names) -> str:
    channel.declare_queue(names("q"))
    return names("q")


@pytest.mark.proves(
    "basic.consume",
    "basic.deliver",
    "basic.deliver.consumer-tag",
    "basic.deliver.delivery-tag",
    "basic.deliver.redelivered",
    "basic.deliver.exchange",
    "basic.deliver.routing-key",
    "consumer-tags.generated",
    "basic.consume-ok.consumer-tag",
    "domain.delivery-tag.non-zero",
)
def test_a_delivery_tells_everything(channel: Channel, queue: str) -> None:
    tag = channel.consume(queue)
    assert re.fullmatch(r"amq\.ctag-[A-Za-z0-9_-]{22}", tag)
    channel.bind(queue, "amq.direct", queue)
    channel.publish("amq.direct", queue, b"x")
    assert dict(channel.expect("basic.deliver").fields) == {
        "consumer_tag": tag, "delivery_tag": 1, "redelivered": False, "exchange": "amq.direct", "routing_key": queue,
    }  # fmt: skip


@pytest.mark.proves("basic.consume", "basic.consume-ok")
def test_consume_ok_comes_before_the_first_delivery(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a", b"b")
    channel.send("basic.consume", queue=queue, consumer_tag="t")
    assert [channel.next().name for _ in range(3)] == ["basic.consume-ok", "basic.deliver", "basic.deliver"]


@pytest.mark.proves("basic.consume.consumer-tag", "basic.consume.consumer-tag.01", "reply-code.not-allowed")
@pytest.mark.proves("error.basic.consume.tag-in-use")
def test_vector_20_a_tag_is_used_once_per_channel(connect: Connect, names: Names) -> None:
    connection = connect()
    one, two = connection.channel(1), connection.channel(2)
    one.declare_queue(names("q"))
    one.consume(names("q"), "t")
    two.consume(names("q"), "t")
    with connection.refused(530, "NOT_ALLOWED - attempt to reuse consumer tag 't'", "basic.consume"):
        one.send("basic.consume", queue=names("missing"), consumer_tag="t")


@pytest.mark.proves("basic.consume.exclusive", "basic.consume.exclusive.01", "reply-code.access-refused")
@pytest.mark.proves("error.basic.consume.exclusive-consumer", "error.basic.consume.not-alone")
def test_vector_19_an_exclusive_consumer_stays_alone(connect: Connect, names: Names) -> None:
    one, two, queue = connect().channel(), connect().channel(), names("q")
    one.declare_queue(queue)
    tag = one.consume(queue, exclusive=True)
    text = f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use"
    for exclusive in (False, True):
        with two.refused(403, text, "basic.consume"):
            two.consume(queue, exclusive=exclusive)
        two.open()
    assert two.get(queue) is None
    one.cancel(tag)
    two.consume(queue)
    with one.refused(403, text, "basic.consume"):
        one.consume(queue, exclusive=True)


@pytest.mark.proves("basic.consume.no-local", "deviation.basic.no-local")
def test_no_local_is_ignored(channel: Channel, queue: str) -> None:
    channel.consume(queue, no_local=True, no_ack=True)
    channel.publish("", queue, b"own")
    assert channel.bodies(1) == [b"own"]


@pytest.mark.proves("consumer-priorities.integer", "basic.consume.arguments")
@pytest.mark.parametrize(("value", "type"), [("5", "longstr"), (True, "bool"), (1.5, "double")])
@pytest.mark.proves("error.basic.consume.priority")
def test_a_priority_is_an_integer(channel: Channel, queue: str, value: Value, type: str) -> None:
    text = f"PRECONDITION_FAILED - invalid arg 'x-priority' for queue '{queue}' in vhost '/': "
    text += f'"expected integer, got {type}"'
    with channel.refused(406, text, "basic.consume"):
        channel.consume(queue, arguments={"x-priority": value})


@pytest.mark.proves("consumer-arguments.unknown")
@pytest.mark.proves("error.basic.consume.argument-of-another-type")
def test_stream_arguments_are_refused_on_a_classic_queue(channel: Channel, queue: str) -> None:
    text = f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{queue}' in vhost '/'"
    text += " of queue type rabbit_classic_queue"
    with channel.refused(406, text, "basic.consume"):
        channel.consume(queue, arguments={"x-stream-offset": "first"})


@pytest.mark.proves("basic.consume.arguments")
@pytest.mark.versions(before="4.0", otherwise="later versions ignore x-cancel-on-ha-failover")
@pytest.mark.proves("error.basic.consume.failover")
def test_cancel_on_ha_failover_is_a_boolean(channel: Channel, queue: str) -> None:
    text = f"PRECONDITION_FAILED - invalid arg 'x-cancel-on-ha-failover' for queue '{queue}' in vhost '/': "
    with channel.refused(406, text + "{unacceptable_type,longstr}", "basic.consume"):
        channel.consume(queue, arguments={"x-cancel-on-ha-failover": "yes"})


@pytest.mark.proves("consumer-arguments.unknown", "consumer-priorities.integer")
def test_other_arguments_are_ignored(channel: Channel, queue: str) -> None:
    channel.consume(queue, arguments={"x-foo": 1, "x-priority": Typed("s", -5)})


# -- who gets the next message


@pytest.mark.proves("consumer-priorities.turns")
def test_vector_66_consumers_take_turns(channel: Channel, queue: str) -> None:
    channel.consume(queue, "c1")
    channel.consume(queue, "c2")
    for body in (b"1", b"2", b"3", b"4"):
        channel.publish("", queue, body)
    tags = [delivery["consumer_tag"] for delivery in channel.deliveries(4)]
    assert tags in (["c1", "c2"] * 2, ["c2", "c1"] * 2)


@pytest.mark.proves("consumer-priorities.order", "basic.consume.arguments")
def test_vector_57_the_highest_priority_gets_all_while_its_window_is_open(channel: Channel, queue: str) -> None:
    channel.qos(2)
    channel.consume(queue, "low", {"x-priority": -1})
    channel.consume(queue, "default")
    channel.consume(queue, "high", {"x-priority": 10})
    for body in (b"1", b"2", b"3", b"4", b"5", b"6"):
        channel.publish("", queue, body)
    deliveries = channel.deliveries(6)
    assert [delivery["consumer_tag"] for delivery in deliveries] == ["high"] * 2 + ["default"] * 2 + ["low"] * 2
    channel.ack(deliveries[0]["delivery_tag"])
    channel.publish("", queue, b"7")
    assert channel.expect("basic.deliver")["consumer_tag"] == "high"


@pytest.mark.proves("basic.get", "per-consumer-qos.get")
def test_get_competes_with_consumers(channel: Channel, queue: str) -> None:
    channel.qos(1)
    channel.fill(queue, b"a", b"b")
    channel.consume(queue)
    assert channel.bodies(1) == [b"a"]
    assert channel.must_get(queue).body == b"b"


# -- cancel


@pytest.mark.proves(
    "basic.cancel",
    "basic.cancel.consumer-tag",
    "basic.cancel-ok",
    "basic.cancel-ok.consumer-tag",
    "deviation.basic.cancel-unknown",
)
@pytest.mark.parametrize("tag", ["unknown", ""])
def test_vector_21_cancelling_an_unknown_consumer(channel: Channel, tag: str) -> None:
    assert channel.cancel(tag)["consumer_tag"] == tag


@pytest.mark.proves("basic.cancel", "basic.cancel.consumer-tag", "basic.cancel-ok")
def test_after_cancel_ok_nothing_comes_and_what_came_may_be_acked(channel: Channel, queue: str) -> None:
    channel.fill(queue, b"a")
    tag = channel.consume(queue)
    assert channel.bodies(1) == [b"a"]
    channel.cancel(tag)
    channel.publish("", queue, b"b")
    assert channel.quiet(queue) == []
    channel.ack(1)
    assert channel.quiet(queue) == []
    assert channel.drain(queue) == [b"b"]


@pytest.mark.proves("basic.cancel.consumer-tag")
def test_after_cancel_the_tag_is_free(channel: Channel, queue: str) -> None:
    for _ in range(2):
        channel.consume(queue, "t")
        channel.cancel("t")


@pytest.mark.proves(
    "consumer-cancel-notify.deleted", "basic.cancel", "basic.cancel.consumer-tag", "basic.cancel.nowait"
)
def test_vector_49_deleting_the_queue_cancels_its_consumers(connect: Connect, names: Names) -> None:
    one, two, queue = connect().channel(), connect().channel(), names("q")
    one.declare_queue(queue)
    one.consume(queue, "t")
    two.delete_queue(queue)
    cancel = one.expect("basic.cancel")
    assert dict(cancel.fields) == {"consumer_tag": "t", "nowait": True}
    assert one.quiet() == []
    one.declare_queue(queue)
    one.consume(queue, "t")


@pytest.mark.proves("consumer-cancel-notify.deleted")
def test_the_deleting_channel_itself_is_told_too(channel: Channel, queue: str) -> None:
    channel.consume(queue, "t")
    channel.delete_queue(queue)
    assert [received.name for received in channel.quiet()] == ["basic.cancel"]


@pytest.mark.proves("consumer-cancel-notify.capability", "capabilities.client", "connection.start-ok.client-properties")
def test_without_the_capability_nobody_is_told(connect: Connect, names: Names) -> None:
    capabilities = {name: value for name, value in CAPABILITIES.items() if name != "consumer_cancel_notify"}
    one, two, queue = connect(capabilities=capabilities).channel(), connect().channel(), names("q")
    one.declare_queue(queue)
    one.consume(queue, "t")
    two.delete_queue(queue)
    assert one.quiet() == []
    one.declare_queue(queue)
    one.consume(queue, "t")


LATER_CANCEL_OK = "since 4.3 cancel-ok is accepted and not answered"


@pytest.mark.proves("consumer-cancel-notify.cancel-ok", "reply-code.command-invalid")
@pytest.mark.versions(before="4.3", otherwise=LATER_CANCEL_OK)
@pytest.mark.proves("error.basic.cancel-ok.unexpected")
def test_a_clients_cancel_ok_is_not_expected(channel: Channel, queue: str) -> None:
    channel.consume(queue, "t")
    channel.delete_queue(queue)
    channel.expect("basic.cancel")
    with channel.connection.refused(503, "COMMAND_INVALID - unimplemented method", "basic.cancel-ok"):
        channel.send("basic.cancel-ok", consumer_tag="t")


# -- single active consumer


@pytest.mark.proves("single-active-consumer.one", "single-active-consumer.next")
def test_vector_58_the_next_consumer_takes_over_when_the_first_is_cancelled(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue, {"x-single-active-consumer": True})
    channel.consume(queue, "c1")
    channel.consume(queue, "c2")
    channel.fill(queue, b"a", b"b")
    assert [delivery["consumer_tag"] for delivery in channel.deliveries(2)] == ["c1", "c1"]
    assert channel.counts(queue) == (0, 2)
    channel.cancel("c1")
    channel.publish("", queue, b"c")
    third = channel.expect("basic.deliver")
    assert (third["consumer_tag"], third.body) == ("c2", b"c")
    channel.ack(1)
    channel.nack(2)
    again = channel.expect("basic.deliver")
    assert (again["consumer_tag"], again.body, again["redelivered"]) == ("c2", b"b", True)


@pytest.mark.proves("single-active-consumer.window")
def test_a_blocked_active_consumer_is_not_replaced(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue, {"x-single-active-consumer": True})
    channel.qos(1)
    channel.consume(queue, "c1")
    channel.consume(queue, "c2")
    channel.fill(queue, b"a", b"b")
    assert channel.bodies(1) == [b"a"]
    assert channel.quiet(queue) == []
    channel.ack(1)
    assert channel.expect("basic.deliver")["consumer_tag"] == "c1"


@pytest.mark.proves("single-active-consumer.no-exclusive")
@pytest.mark.proves("error.basic.consume.single-active")
def test_single_active_queues_refuse_exclusive_consumers(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue, {"x-single-active-consumer": True})
    with channel.refused(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use", "basic.consume"):
        channel.consume(queue, exclusive=True)
