"""Direct reply-to: the pseudo queue, the generated name, and where replies go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names

REPLY_TO = "amq.rabbitmq.reply-to"


@pytest.fixture
def service(connect: Connect, names: Names) -> Channel:
    """A channel on another connection that consumes requests."""
    channel = connect().channel()
    channel.declare_queue(names("service"))
    channel.consume(names("service"), no_ack=True)
    return channel


def _request(channel: Channel, service: Channel, names: Names) -> str:
    channel.publish("", names("service"), b"request", {"reply_to": REPLY_TO, "correlation_id": "1"})
    request = service.expect("basic.deliver").message.properties
    assert request["correlation_id"] == "1"
    name: str = request["reply_to"]
    return name


@pytest.mark.proves("direct-reply-to.request", "direct-reply-to.reply", "basic.properties.reply-to")
def test_vector_44_a_reply_comes_to_the_requesting_channel(channel: Channel, service: Channel, names: Names) -> None:
    tag = channel.consume(REPLY_TO, no_ack=True)
    name = _request(channel, service, names)
    assert re.fullmatch(r"amq\.rabbitmq\.reply-to\.g[A-Za-z0-9+/=]+\.[A-Za-z0-9+/=_-]+", name)
    service.publish("", name, b"reply", {"correlation_id": "1"})
    delivery = channel.expect("basic.deliver")
    assert dict(delivery.fields) == {
        "consumer_tag": tag, "delivery_tag": 1, "redelivered": False, "exchange": "", "routing_key": name,
    }  # fmt: skip
    assert (delivery.body, delivery.message.properties) == (b"reply", {"correlation_id": "1"})


@pytest.mark.proves("direct-reply-to.mandatory")
@pytest.mark.versions(before="4.0", otherwise="later versions deliver a mandatory reply without returning it")
def test_a_mandatory_reply_is_delivered_and_returned(channel: Channel, service: Channel, names: Names) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    name = _request(channel, service, names)
    service.publish("", name, b"reply", mandatory=True)
    returned = service.expect("basic.return")
    assert (returned["reply_text"], returned["routing_key"]) == ("NO_ROUTE", name)
    assert channel.bodies(1) == [b"reply"]


@pytest.mark.proves("direct-reply-to.reply", "confirms.delivered")
def test_a_reply_in_confirm_mode_is_acked(channel: Channel, service: Channel, names: Names) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    name = _request(channel, service, names)
    service.confirm()
    service.publish("", name, b"reply")
    assert service.expect("basic.ack")["delivery_tag"] == 1
    assert channel.bodies(1) == [b"reply"]


@pytest.mark.proves("direct-reply-to.request")
def test_the_name_is_the_same_for_every_request_of_a_channel(channel: Channel, service: Channel, names: Names) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    assert _request(channel, service, names) == _request(channel, service, names)


@pytest.mark.proves("direct-reply-to.gone")
def test_a_reply_for_a_requester_that_has_gone_is_lost(channel: Channel, service: Channel, names: Names) -> None:
    tag = channel.consume(REPLY_TO, no_ack=True)
    name = _request(channel, service, names)
    channel.cancel(tag)
    service.publish("", name, b"late")
    service.publish("", name, b"returned", mandatory=True)
    assert service.expect("basic.return").body == b"returned"
    assert channel.quiet() == []


@pytest.mark.proves("direct-reply-to.alive")
@pytest.mark.proves("error.queue.declare.requester-gone")
def test_declaring_the_generated_name_asks_whether_the_requester_is_there(
    channel: Channel, service: Channel, names: Names
) -> None:
    tag = channel.consume(REPLY_TO, no_ack=True)
    name = _request(channel, service, names)
    for passive in (True, False):
        assert dict(service.declare_queue(name, passive=passive).fields) == {
            "queue": name, "message_count": 0, "consumer_count": 1,
        }  # fmt: skip
    channel.cancel(tag)
    with service.refused(404, f"NOT_FOUND - no queue '{name}' in vhost '/'", "queue.declare"):
        service.declare_queue(name, passive=True)


@pytest.mark.proves("direct-reply-to.no-queue")
def test_the_pseudo_queue_itself_can_always_be_declared(channel: Channel) -> None:
    assert channel.declare_queue(REPLY_TO)["queue"] == REPLY_TO
    assert channel.declare_queue(REPLY_TO, passive=True)["queue"] == REPLY_TO


@pytest.mark.proves("direct-reply-to.consumer")
@pytest.mark.proves("error.basic.consume.reply-needs-no-ack")
def test_vector_42_a_reply_consumer_cannot_acknowledge(channel: Channel) -> None:
    with channel.refused(406, "PRECONDITION_FAILED - reply consumer cannot acknowledge", "basic.consume"):
        channel.consume(REPLY_TO)


@pytest.mark.proves("direct-reply-to.consumer")
@pytest.mark.proves("error.basic.consume.second-reply-consumer")
def test_one_reply_consumer_per_channel(channel: Channel) -> None:
    channel.consume(REPLY_TO, no_ack=True)
    with channel.refused(406, "PRECONDITION_FAILED - reply consumer already set", "basic.consume"):
        channel.consume(REPLY_TO, no_ack=True)


@pytest.mark.proves("basic.consume.consumer-tag.01")
@pytest.mark.proves("error.basic.consume.tag-in-use")
def test_the_tag_of_a_reply_consumer_is_used_once(channel: Channel, names: Names) -> None:
    channel.declare_queue(names("q"))
    channel.consume(names("q"), "t")
    with channel.connection.refused(530, "NOT_ALLOWED - attempt to reuse consumer tag 't'", "basic.consume"):
        channel.consume(REPLY_TO, "t", no_ack=True)


@pytest.mark.proves("direct-reply-to.consumer")
@pytest.mark.proves("error.basic.publish.no-reply-consumer")
def test_vector_43_a_request_needs_the_consumer(channel: Channel) -> None:
    with channel.refused(406, "PRECONDITION_FAILED - fast reply consumer does not exist", "basic.publish"):
        channel.publish("", "nowhere", b"x", {"reply_to": REPLY_TO})


@pytest.mark.proves("direct-reply-to.consumer")
def test_after_cancel_another_reply_consumer_may_come(channel: Channel) -> None:
    for _ in range(2):
        channel.cancel(channel.consume(REPLY_TO, no_ack=True))


@pytest.mark.proves("direct-reply-to.no-queue")
@pytest.mark.parametrize(
    ("method", "bits"), [("basic.get", {}), ("queue.purge", {}), ("queue.bind", {"exchange": "amq.direct"})]
)
@pytest.mark.proves("error.basic.get.missing", "error.queue.purge.missing", "error.queue.bind.no-queue")
def test_the_pseudo_queue_is_no_queue(channel: Channel, method: str, bits: dict[str, str]) -> None:
    with channel.refused(404, f"NOT_FOUND - no queue '{REPLY_TO}' in vhost '/'", method):
        channel.send(method, queue=REPLY_TO, **bits)


@pytest.mark.proves("direct-reply-to.no-queue")
def test_unbinding_or_deleting_the_pseudo_queue_does_nothing(channel: Channel) -> None:
    channel.unbind(REPLY_TO, "amq.direct")
    assert channel.delete_queue(REPLY_TO) == 0
