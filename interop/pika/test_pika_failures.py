"""How refusals reach the application: exceptions with code and text, cancelled consumers, refused logins."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pika
import pytest
from pika.exceptions import (
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

pytestmark = pytest.mark.timeout(60)

Connect = Callable[[], Any]
Declare = Callable[..., str]
Pump = Callable[..., None]


def test_a_missing_queue_closes_the_channel_and_the_connection_goes_on(
    connection: Any, channel: Any, declare_queue: Declare, unique: Callable[[str], str]
) -> None:
    missing = unique("missing")
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.queue_declare(missing, passive=True)
    assert refused.value.reply_code == 404
    assert refused.value.reply_text == f"NOT_FOUND - no queue '{missing}' in vhost '/'"
    assert (channel.is_closed, connection.is_open) == (True, True)
    reopened = connection.channel()
    queue = declare_queue(reopened)
    reopened.basic_publish("", queue, b"alive")
    assert reopened.basic_get(queue, auto_ack=True)[2] == b"alive"


def test_a_publish_to_a_missing_exchange_is_reported_by_the_next_call(
    channel: Any, unique: Callable[[str], str]
) -> None:
    missing = unique("missing")
    channel.basic_publish(missing, "key", b"lost")
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.basic_qos(prefetch_count=1)
    assert refused.value.args == (404, f"NOT_FOUND - no exchange '{missing}' in vhost '/'")


def test_a_different_redeclaration_is_refused_with_both_values(channel: Any, declare_queue: Declare) -> None:
    queue = declare_queue(channel, durable=True)
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.queue_declare(queue, durable=False)
    assert refused.value.reply_code == 406
    assert refused.value.reply_text == (
        f"PRECONDITION_FAILED - inequivalent arg 'durable' for queue '{queue}' in vhost '/': "
        "received 'false' but current is 'true'"
    )


def test_a_reserved_name_is_refused(channel: Any) -> None:
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.queue_declare("amq.mine")
    assert refused.value.args == (403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'")


def test_the_exclusive_queue_of_another_connection_is_locked(
    connect: Connect, channel: Any, declare_queue: Declare
) -> None:
    owner = connect()
    queue = declare_queue(owner.channel(), exclusive=True)
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.basic_get(queue)
    assert refused.value.reply_code == 405
    assert refused.value.reply_text.startswith(
        f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost '/'."
    )
    owner.close()
    with pytest.raises(ChannelClosedByBroker) as gone:
        connect().channel().queue_declare(queue, passive=True)
    assert gone.value.reply_code == 404


def test_an_unknown_delivery_tag_closes_the_channel(channel: Any, declare_queue: Declare) -> None:
    queue = declare_queue(channel)
    channel.basic_ack(17)
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.queue_declare(queue, passive=True)
    assert refused.value.args == (406, "PRECONDITION_FAILED - unknown delivery tag 17")


def test_a_second_consumer_beside_an_exclusive_one_is_refused(
    connect: Connect, channel: Any, declare_queue: Declare
) -> None:
    queue = declare_queue(channel)
    channel.basic_consume(queue, lambda *_: None, exclusive=True)
    with pytest.raises(ChannelClosedByBroker) as refused:
        connect().channel().basic_consume(queue, lambda *_: None)
    assert refused.value.args == (403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use")


def test_what_the_broker_does_not_implement_closes_the_connection(connection: Any, channel: Any) -> None:
    with pytest.raises(ConnectionClosedByBroker) as refused:
        channel.basic_qos(prefetch_size=1)
    assert refused.value.args == (540, "NOT_IMPLEMENTED - prefetch_size!=0 (1)")
    assert connection.is_closed


def test_the_consumer_of_a_deleted_queue_is_told(
    connection: Any, channel: Any, connect: Connect, declare_queue: Declare, pump: Pump
) -> None:
    queue = declare_queue(channel)
    cancelled: list[str] = []
    channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    tag = channel.basic_consume(queue, lambda *_: None)
    connect().channel().queue_delete(queue)
    pump(lambda: bool(cancelled), connection)
    assert cancelled == [tag]
    assert channel.is_open


def test_the_last_cancelled_consumer_takes_its_auto_delete_queue_along(channel: Any, declare_queue: Declare) -> None:
    queue = declare_queue(channel, auto_delete=True)
    channel.basic_cancel(channel.basic_consume(queue, lambda *_: None))
    with pytest.raises(ChannelClosedByBroker) as gone:
        channel.queue_declare(queue, passive=True)
    assert gone.value.reply_code == 404


def test_a_wrong_password_is_told_as_a_probable_authentication_error(parameters: Any) -> None:
    parameters.credentials = pika.PlainCredentials("guest", "wrong")
    with pytest.raises(ProbableAuthenticationError) as refused:
        pika.BlockingConnection(parameters)
    assert "(403) 'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN." in str(refused.value)


def test_an_unknown_virtual_host_is_told(parameters: Any, unique: Callable[[str], str]) -> None:
    vhost = unique("vhost")
    parameters.virtual_host = vhost
    with pytest.raises((ConnectionClosedByBroker, ProbableAccessDeniedError)) as refused:
        pika.BlockingConnection(parameters)
    assert f"NOT_ALLOWED - vhost {vhost} not found" in str(refused.value)


def test_heartbeats_keep_an_idle_connection_alive(broker_url: str, declare_queue: Declare) -> None:
    """The broker gives up a silent peer after two intervals, pika a silent broker at its check every 6 s."""
    eager = pika.URLParameters(broker_url)
    eager.heartbeat = 1
    with pika.BlockingConnection(eager) as connection:
        channel = connection.channel()
        idle_until = time.monotonic() + 6.5
        while time.monotonic() < idle_until:
            connection.process_data_events(time_limit=0.5)
        assert connection.is_open
        declare_queue(channel)


def test_a_secret_can_be_renewed_on_an_open_connection(connection: Any, channel: Any, declare_queue: Declare) -> None:
    connection.update_secret("guest", "renewed in time")
    declare_queue(channel)


def test_many_channels_share_a_connection_and_numbers_are_reused(connection: Any, declare_queue: Declare) -> None:
    channels = [connection.channel() for _ in range(100)]
    queue = declare_queue(channels[0])
    for number, channel in enumerate(channels):
        channel.basic_publish("", queue, str(number).encode())
        channel.close()
    again = connection.channel()
    assert again.channel_number == channels[0].channel_number
    assert again.queue_declare(queue, passive=True).method.message_count == 100
