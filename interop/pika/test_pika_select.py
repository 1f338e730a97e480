"""pika's asynchronous adapter: a publisher with confirms and a consumer in one loop, and how failures arrive there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByClient, ProbableAuthenticationError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.timeout(60)


def run(connection: Any) -> None:
    """Run the loop of a connection until a callback stops it, and close it."""
    try:
        connection.ioloop.start()
    finally:
        connection.ioloop.close()


class ConfirmedRoundTrip:
    """Publishes numbered messages with confirms and consumes them on the same connection; ends when both are complete.

    Written as pika's documentation writes asynchronous applications: each step is started by the reply to the last.
    """

    def __init__(self, parameters: Any, queue: str, count: int) -> None:
        self.queue = queue
        self.count = count
        self.confirmed: set[int] = set()
        self.received: list[bytes] = []
        self.closed_by: Any = None
        self.consumer: Any = None
        self.publisher: Any = None
        self.connection = pika.SelectConnection(
            parameters, on_open_callback=self.open_channels, on_close_callback=self.stop
        )

    def open_channels(self, connection: Any) -> None:
        self.consumer = connection.channel(on_open_callback=self.declare)

    def declare(self, channel: Any) -> None:
        channel.queue_declare(self.queue, callback=self.limit)

    def limit(self, _frame: Any) -> None:
        self.consumer.basic_qos(prefetch_count=10, callback=self.consume)

    def consume(self, _frame: Any) -> None:
        self.consumer.basic_consume(self.queue, self.receive, callback=self.open_publisher)

    def open_publisher(self, _frame: Any) -> None:
        self.publisher = self.connection.channel(on_open_callback=self.select_confirms)

    def select_confirms(self, channel: Any) -> None:
        channel.confirm_delivery(ack_nack_callback=self.confirm, callback=self.publish)

    def publish(self, _frame: Any) -> None:
        for number in range(self.count):
            self.publisher.basic_publish("", self.queue, b"%d" % number, pika.BasicProperties(delivery_mode=2))

    def confirm(self, frame: Any) -> None:
        assert isinstance(frame.method, pika.spec.Basic.Ack), frame
        tag = frame.method.delivery_tag
        first = max(self.confirmed, default=0) + 1 if frame.method.multiple else tag
        self.confirmed.update(range(first, tag + 1))
        self.close_when_complete()

    def receive(self, channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        self.received.append(body)
        channel.basic_ack(method.delivery_tag)
        self.close_when_complete()

    def close_when_complete(self) -> None:
        if len(self.received) == self.count and len(self.confirmed) == self.count:
            self.consumer.queue_delete(self.queue, callback=lambda _frame: self.connection.close())

    def stop(self, connection: Any, reason: Any) -> None:
        self.closed_by = reason
        connection.ioloop.stop()


def test_a_publisher_with_confirms_and_a_consumer_share_a_loop(parameters: Any, unique: Callable[[str], str]) -> None:
    application = ConfirmedRoundTrip(parameters, unique("select"), 1_000)
    run(application.connection)
    assert application.received == [b"%d" % number for number in range(1_000)]
    assert application.confirmed == set(range(1, 1_001))
    assert isinstance(application.closed_by, ConnectionClosedByClient)
    assert application.closed_by.reply_code == 200


def test_a_refused_login_reaches_the_open_error_callback(parameters: Any) -> None:
    parameters.credentials = pika.PlainCredentials("guest", "wrong")
    errors: list[Any] = []

    def failed(connection: Any, error: Any) -> None:
        errors.append(error)
        connection.ioloop.stop()

    connection = pika.SelectConnection(parameters, on_open_error_callback=failed)
    run(connection)
    assert isinstance(errors[0], ProbableAuthenticationError)


def test_a_channel_error_reaches_the_close_callback_of_its_channel_only(
    parameters: Any, unique: Callable[[str], str]
) -> None:
    missing = unique("missing")
    events: list[tuple[str, Any]] = []

    def fail(channel: Any) -> None:
        channel.add_on_close_callback(channel_closed)
        channel.queue_purge(missing)

    def channel_closed(channel: Any, reason: Any) -> None:
        events.append(("channel", reason))
        assert channel.connection.is_open
        channel.connection.close()

    def connection_closed(connection: Any, reason: Any) -> None:
        events.append(("connection", reason))
        connection.ioloop.stop()

    connection = pika.SelectConnection(
        parameters,
        on_open_callback=lambda opened: opened.channel(on_open_callback=fail),
        on_close_callback=connection_closed,
    )
    run(connection)
    [(first, channel_reason), (second, connection_reason)] = events
    assert (first, second) == ("channel", "connection")
    assert isinstance(channel_reason, ChannelClosedByBroker)
    assert channel_reason.args == (404, f"NOT_FOUND - no queue '{missing}' in vhost '/'")
    assert isinstance(connection_reason, ConnectionClosedByClient)


def test_a_cancel_from_the_broker_reaches_the_cancel_callback(parameters: Any, unique: Callable[[str], str]) -> None:
    queue = unique("cancelled")
    cancelled: list[str] = []

    def declare(channel: Any) -> None:
        channel.add_on_cancel_callback(lambda frame: on_cancel(channel, frame))
        channel.queue_declare(queue, callback=lambda _frame: consume(channel))

    def consume(channel: Any) -> None:
        channel.basic_consume(queue, lambda *_: None, consumer_tag="watcher", callback=lambda _frame: delete(channel))

    def delete(channel: Any) -> None:
        channel.queue_delete(queue)

    def on_cancel(channel: Any, frame: Any) -> None:
        cancelled.append(frame.method.consumer_tag)
        channel.connection.close()

    connection = pika.SelectConnection(
        parameters,
        on_open_callback=lambda opened: opened.channel(on_open_callback=declare),
        on_close_callback=lambda closed, _reason: closed.ioloop.stop(),
    )
    run(connection)
    assert cancelled == ["watcher"]
