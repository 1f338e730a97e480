"""What a publisher learns: confirms, returned messages, refused messages, transactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, NackError, UnroutableError

pytestmark = pytest.mark.timeout(60)

Connect = Callable[[], Any]
Declare = Callable[..., str]
Pump = Callable[..., None]
Drain = Callable[[Any, str], list[bytes]]


def test_each_confirmed_publish_is_in_the_queue(channel: Any, declare_queue: Declare, drain: Drain) -> None:
    queue = declare_queue(channel, durable=True)
    channel.confirm_delivery()
    for number in range(20):
        channel.basic_publish("", queue, str(number).encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
    assert drain(channel, queue) == [str(number).encode() for number in range(20)]


def test_an_unroutable_mandatory_message_comes_back_and_the_channel_goes_on(
    channel: Any, declare_queue: Declare, drain: Drain, unique: Callable[[str], str]
) -> None:
    queue = declare_queue(channel)
    channel.confirm_delivery()
    key = unique("nowhere")
    with pytest.raises(UnroutableError) as raised:
        channel.basic_publish("", key, b"lost", pika.BasicProperties(message_id="m"), mandatory=True)
    [returned] = raised.value.messages
    assert (returned.method.reply_code, returned.method.reply_text) == (312, "NO_ROUTE")
    assert (returned.method.exchange, returned.method.routing_key) == ("", key)
    assert (returned.properties.message_id, returned.body) == ("m", b"lost")
    channel.basic_publish("", queue, b"fine", mandatory=True)
    assert drain(channel, queue) == [b"fine"]


def test_an_unroutable_message_that_is_not_mandatory_is_confirmed(channel: Any, unique: Callable[[str], str]) -> None:
    channel.confirm_delivery()
    channel.basic_publish("", unique("nowhere"), b"dropped")


def test_without_confirms_a_return_reaches_the_callback(
    channel: Any, connection: Any, pump: Pump, unique: Callable[[str], str]
) -> None:
    returned: list[tuple[int, bytes]] = []
    channel.add_on_return_callback(lambda _c, method, _p, body: returned.append((method.reply_code, body)))
    channel.basic_publish("", unique("nowhere"), b"lost", mandatory=True)
    pump(lambda: bool(returned), connection)
    assert returned == [(312, b"lost")]


def test_a_full_queue_that_rejects_makes_the_publish_fail(channel: Any, declare_queue: Declare, drain: Drain) -> None:
    queue = declare_queue(channel, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"first")
    with pytest.raises(NackError):
        channel.basic_publish("", queue, b"second")
    assert drain(channel, queue) == [b"first"]


def test_a_full_queue_drops_its_oldest_message_by_default(channel: Any, declare_queue: Declare, drain: Drain) -> None:
    queue = declare_queue(channel, arguments={"x-max-length": 2})
    for body in (b"a", b"b", b"c"):
        channel.basic_publish("", queue, body)
    assert drain(channel, queue) == [b"b", b"c"]


def test_a_transaction_shows_its_messages_at_commit_only(
    channel: Any, connect: Connect, declare_queue: Declare, drain: Drain
) -> None:
    queue = declare_queue(channel)
    observer = connect().channel()
    channel.tx_select()
    for body in (b"a", b"b"):
        channel.basic_publish("", queue, body)
    channel.queue_declare(queue, passive=True)  # a round trip: the broker has read both
    assert observer.queue_declare(queue, passive=True).method.message_count == 0
    channel.tx_commit()
    assert drain(observer, queue) == [b"a", b"b"]


def test_a_rollback_forgets_publishes_and_acknowledgements(
    channel: Any, connect: Connect, declare_queue: Declare, drain: Drain
) -> None:
    queue = declare_queue(channel)
    channel.basic_publish("", queue, b"kept")
    channel.tx_select()
    method, _, _ = channel.basic_get(queue)
    channel.basic_ack(method.delivery_tag)
    channel.basic_publish("", queue, b"forgotten")
    channel.tx_rollback()
    channel.close()
    assert drain(connect().channel(), queue) == [b"kept"]


def test_a_committed_acknowledgement_removes_the_message(
    channel: Any, connect: Connect, declare_queue: Declare, drain: Drain
) -> None:
    queue = declare_queue(channel)
    channel.basic_publish("", queue, b"done")
    channel.tx_select()
    method, _, _ = channel.basic_get(queue)
    channel.basic_ack(method.delivery_tag)
    channel.tx_commit()
    channel.close()
    assert drain(connect().channel(), queue) == []


def test_a_commit_outside_a_transaction_closes_the_channel(channel: Any) -> None:
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.tx_commit()
    assert refused.value.args == (406, "PRECONDITION_FAILED - channel is not transactional")
