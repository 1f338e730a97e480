"""Faults on demand, as a client of pika or a raw one lives through them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread

import pika
import pytest

from amqpd.testing.broker import EmbeddedBroker
from conformance.client import Connection
from conformance.received import ConnectionClosed

WaitUntil = Callable[[Callable[[], bool]], None]


@pytest.fixture
def connection(amqpd: EmbeddedBroker) -> Iterator[pika.BlockingConnection]:
    made = pika.BlockingConnection(pika.URLParameters(amqpd.url))
    yield made
    with suppress(pika.exceptions.AMQPError):  # most of the faults end it
        made.close()


@pytest.fixture
def raw(amqpd: EmbeddedBroker) -> Iterator[Connection]:
    made = Connection("127.0.0.1", amqpd.port).handshake()
    made.channel()
    yield made
    made.abort()


def test_drop_cuts_every_connection_without_a_word(
    amqpd: EmbeddedBroker, connection: pika.BlockingConnection, raw: Connection
) -> None:
    amqpd.faults.drop()
    assert amqpd.connections() == []
    assert raw.read_until_dropped() == b""
    with pytest.raises(pika.exceptions.StreamLostError):
        connection.channel()


def test_drop_cuts_the_one_that_is_named(
    amqpd: EmbeddedBroker, connection: pika.BlockingConnection, raw: Connection
) -> None:
    first, second = (each.name for each in amqpd.connections())
    amqpd.faults.drop(second)
    assert [each.name for each in amqpd.connections()] == [first]
    assert raw.read_until_dropped() == b""
    assert connection.channel().is_open


def test_close_tells_every_connection_why(
    amqpd: EmbeddedBroker, connection: pika.BlockingConnection, raw: Connection
) -> None:
    amqpd.faults.close(reason="maintenance")
    with pytest.raises(ConnectionClosed) as closed:
        raw.next(1)
    assert closed.value.refusal[:2] == (320, "CONNECTION_FORCED - maintenance")
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="maintenance"):
        connection.channel()


def test_close_closes_the_one_that_is_named(
    amqpd: EmbeddedBroker, connection: pika.BlockingConnection, raw: Connection
) -> None:
    first, second = (each.name for each in amqpd.connections())
    amqpd.faults.close(second)
    with pytest.raises(ConnectionClosed):
        raw.next(1)
    raw.send_method(0, "connection.close-ok")
    raw.read_until_dropped()
    assert [each.name for each in amqpd.connections()] == [first]
    assert connection.channel().is_open


def test_an_unknown_name_is_told_with_the_known_ones(
    amqpd: EmbeddedBroker, connection: pika.BlockingConnection
) -> None:
    known = amqpd.connections()[0].name
    with pytest.raises(LookupError, match=f"no connection named 'nobody': expected one of {known}"):
        amqpd.faults.drop("nobody")


def test_dropped_messages_come_back_redelivered(amqpd: EmbeddedBroker, connection: pika.BlockingConnection) -> None:
    channel = connection.channel()
    channel.queue_declare("kept")
    channel.basic_publish("", "kept", b"body")
    assert channel.basic_get("kept")[2] == b"body"
    amqpd.faults.drop()
    assert [each.redelivered for each in amqpd.messages("kept")] == [True]


def test_a_stalled_connection_is_not_read_until_it_is_released(
    amqpd: EmbeddedBroker, connection: pika.BlockingConnection, raw: Connection
) -> None:
    connection.channel().queue_declare("q")
    name = amqpd.connections()[1].name
    amqpd.faults.stall(name)
    raw.send(raw.publish_frames(1, "", "q", b"held") * 3)
    connection.channel().queue_declare("q", passive=True)
    assert amqpd.queue("q").messages_ready == 0
    amqpd.faults.unstall(name)
    raw.call(1, "queue.declare", "queue.declare-ok", queue="q", passive=True)
    assert amqpd.queue("q").messages_ready == 3


def test_stall_without_a_name_holds_everybody(amqpd: EmbeddedBroker, raw: Connection) -> None:
    amqpd.faults.stall()
    raw.send_method(1, "queue.declare", queue="late")
    Connection("127.0.0.1", amqpd.port).handshake().close()  # one that comes later is not stalled
    assert amqpd.queues() == []
    amqpd.faults.unstall()
    raw.wait_for(1, "queue.declare-ok")


def test_new_connections_can_be_refused(amqpd: EmbeddedBroker, connection: pika.BlockingConnection) -> None:
    amqpd.faults.refuse_connections()
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(amqpd.url))
    assert connection.channel().is_open
    with socket.create_connection(("127.0.0.1", amqpd.port)) as sock:
        assert sock.recv(1) == b""
    amqpd.faults.accept_connections()
    with pika.BlockingConnection(pika.URLParameters(amqpd.url)) as again:
        assert again.is_open


def confirming(raw: Connection) -> None:
    raw.call(1, "confirm.select", "confirm.select-ok")
    raw.call(1, "queue.declare", "queue.declare-ok", queue="q")


def publish(raw: Connection, count: int = 1) -> None:
    """Publish, and return when the broker has handled it."""
    raw.send(raw.publish_frames(1, "", "q", b"body") * count)
    raw.call(1, "queue.declare", "queue.declare-ok", queue="q", passive=True)


def test_confirms_are_held_back_until_they_are_released(amqpd: EmbeddedBroker, raw: Connection) -> None:
    confirming(raw)
    amqpd.faults.delay_confirms()
    publish(raw, 3)
    assert raw.taken(1) == []
    assert amqpd.queue("q").messages_ready == 3
    amqpd.faults.release_confirms()
    while raw.wait_for(1, "basic.ack").fields["delivery_tag"] < 3:
        pass
    publish(raw)
    raw.wait_for(1, "basic.ack")


def test_confirms_can_be_nacks(amqpd: EmbeddedBroker, raw: Connection) -> None:
    confirming(raw)
    amqpd.faults.nack_confirms()
    raw.send(raw.publish_frames(1, "", "q"))
    assert raw.wait_for(1, "basic.nack", "basic.ack").name == "basic.nack"
    amqpd.faults.release_confirms()
    raw.send(raw.publish_frames(1, "", "q"))
    assert raw.wait_for(1, "basic.nack", "basic.ack").name == "basic.ack"


def test_held_confirms_can_become_nacks(amqpd: EmbeddedBroker, raw: Connection) -> None:
    confirming(raw)
    amqpd.faults.delay_confirms()
    publish(raw, 2)
    amqpd.faults.nack_confirms()
    nacked = raw.wait_for(1, "basic.nack", "basic.ack")
    assert nacked.name == "basic.nack"


def test_pika_raises_for_a_nack(amqpd: EmbeddedBroker, connection: pika.BlockingConnection) -> None:
    channel = connection.channel()
    channel.queue_declare("q")
    channel.confirm_delivery()
    amqpd.faults.nack_confirms()
    with pytest.raises(pika.exceptions.NackError):
        channel.basic_publish("", "q", b"body")


def test_a_confirm_that_is_late_holds_up_a_publisher_alone(
    amqpd: EmbeddedBroker, connection: pika.BlockingConnection, wait_until: WaitUntil
) -> None:
    channel = connection.channel()
    channel.queue_declare("q")
    channel.confirm_delivery()
    amqpd.faults.delay_confirms()
    done: list[bool] = []

    def publish_one() -> None:
        channel.basic_publish("", "q", b"body")
        done.append(True)

    publishing = Thread(target=publish_one)
    publishing.start()
    wait_until(lambda: amqpd.queue("q").messages_ready == 1)
    assert done == []
    amqpd.faults.release_confirms()
    publishing.join()
    assert done == [True]


@pytest.mark.parametrize("resource", ["memory", "disk"])
def test_publishers_are_blocked_and_unblocked(amqpd: EmbeddedBroker, raw: Connection, resource: str) -> None:
    amqpd.faults.block(resource)
    raw.send(raw.publish_frames(1, "", "nowhere"))
    assert raw.wait_for(0, "connection.blocked").fields["reason"] == f"low on {resource}"
    assert [each.blocked for each in amqpd.connections()] == [True]
    amqpd.faults.unblock(resource)
    raw.wait_for(0, "connection.unblocked")
    assert [each.blocked for each in amqpd.connections()] == [False]


def test_two_resources_are_named_together_and_both_must_recover(amqpd: EmbeddedBroker, raw: Connection) -> None:
    amqpd.faults.block("memory")
    amqpd.faults.block("disk")
    raw.send(raw.publish_frames(1, "", "nowhere"))
    assert raw.wait_for(0, "connection.blocked").fields["reason"] == "low on disk & memory"
    amqpd.faults.unblock("memory")
    assert [each.blocked for each in amqpd.connections()] == [True]
    amqpd.faults.unblock("disk")
    raw.wait_for(0, "connection.unblocked")


def test_an_unknown_resource_is_refused(amqpd: EmbeddedBroker) -> None:
    with pytest.raises(ValueError, match="unknown resource 'patience': expected 'memory' or 'disk'"):
        amqpd.faults.block("patience")


def test_pika_hears_of_the_alarm(amqpd: EmbeddedBroker, connection: pika.BlockingConnection) -> None:
    heard: list[str] = []
    connection.add_on_connection_blocked_callback(lambda _, frame: heard.append(frame.method.reason))
    connection.add_on_connection_unblocked_callback(lambda *_: heard.append("unblocked"))
    channel = connection.channel()
    amqpd.faults.block()
    channel.basic_publish("", "nowhere", b"")
    while not heard:
        connection.process_data_events(1)
    amqpd.faults.unblock()
    while len(heard) < 2:
        connection.process_data_events(1)
    assert heard == ["low on memory", "unblocked"]
