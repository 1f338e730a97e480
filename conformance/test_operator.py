"""What clients see of an operator: alarms, a stop in order, and what is there again after a restart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from conformance.client import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conformance.channel import Channel
    from conformance.client import Connection
    from conformance.operator_hands import Operator

pytestmark = pytest.mark.slow


@pytest.fixture
def connection(operator: Operator) -> Iterator[Connection]:
    with_capability = operator.connect()
    yield with_capability
    with_capability.close()


# -- alarms


@pytest.fixture
def alarm(operator: Operator, connection: Connection) -> Iterator[None]:
    """Raise the alarm after the test's connection is open."""
    connection.channel()
    operator.block()
    yield
    operator.unblock()


@pytest.mark.usefixtures("alarm")
@pytest.mark.proves(
    "connection-blocked.blocked",
    "connection-blocked.unblocked",
    "connection.blocked",
    "connection.blocked.reason",
    "connection.unblocked",
)
def test_a_publisher_is_told_when_nobody_reads_it_and_when_somebody_does_again(
    operator: Operator, connection: Connection
) -> None:
    connection.send(connection.publish_frames(1, "", "nowhere", b"x", mandatory=True))
    blocked = connection.wait_for(0, "connection.blocked")
    assert blocked["reason"] == "low on memory"
    connection.send_method(1, "basic.qos")
    operator.unblock()
    assert connection.wait_for(0, "connection.unblocked").fields == {}
    assert [connection.next(1).name for _ in range(2)] == ["basic.return", "basic.qos-ok"]


@pytest.mark.usefixtures("alarm")
@pytest.mark.proves("connection-blocked.publishers-only")
def test_who_does_not_publish_is_told_nothing(connection: Connection) -> None:
    queue = connection.call(1, "queue.declare", "queue.declare-ok", exclusive=True)["queue"]
    connection.call(1, "basic.consume", "basic.consume-ok", queue=queue)
    connection.call(1, "basic.qos", "basic.qos-ok")
    assert connection.taken(0) == []


@pytest.mark.proves("connection-blocked.capability", "capabilities.client")
def test_who_does_not_ask_for_it_is_told_nothing(operator: Operator) -> None:
    capabilities = {name: value for name, value in CAPABILITIES.items() if name != "connection.blocked"}
    connection = operator.connect(capabilities=capabilities)
    connection.channel()
    operator.block()
    try:
        connection.send(connection.publish_frames(1, "", "nowhere", b"x"))
    finally:
        operator.unblock()
    connection.call(1, "basic.qos", "basic.qos-ok")
    assert connection.taken(0) == []
    connection.close()


# -- closing


@pytest.mark.proves("error.connection.forced.operator", "reply-code.connection-forced")
def test_an_operator_closes_a_connection(operator: Operator, connection: Connection) -> None:
    with ThreadPoolExecutor(1) as pool:
        with connection.refused(320, "CONNECTION_FORCED - moving house"):
            closed = pool.submit(operator.close_connections, "moving house")
        closed.result()


# -- time for acknowledgements


@pytest.mark.versions(before="4.3", otherwise="since 4.3 classic queues wait for acknowledgements without an end")
@pytest.mark.proves("consumer-timeout.closes", "error.basic.deliver.timeout")
def test_a_delivery_that_is_not_settled_in_time_closes_its_channel(operator: Operator) -> None:
    operator.hurry(500)
    connection = operator.connect()
    channel = connection.channel()
    queue = channel.declare_queue(exclusive=True)["queue"]
    channel.publish("", queue, b"x")
    channel.consume(queue)
    text = (
        "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 500 ms. "
        "This timeout value can be configured, see consumers doc guide to learn more"
    )
    with channel.refused(406, text):
        assert channel.expect("basic.deliver").body == b"x"
    assert channel.open().must_get(queue, no_ack=True)["redelivered"]
    connection.close()


# -- restart


@pytest.mark.proves(
    "reply-code.connection-forced",
    "connection.close.reply-code",
    "connection.close.reply-text",
    "error.connection.forced.shutdown",
)
def test_a_broker_that_stops_says_so(operator: Operator, connection: Connection) -> None:
    text = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
    with ThreadPoolExecutor(1) as pool:
        with connection.refused(320, text):
            stopped = pool.submit(operator.stop)
        stopped.result()
    operator.start()


@pytest.fixture
def restart(operator: Operator) -> Iterator[Callable[[], Channel]]:
    """Give a way to restart the broker, and to be connected to it again."""
    opened: list[Connection] = []

    def again() -> Channel:
        operator.stop()
        operator.start()
        opened.append(operator.connect())
        return opened[-1].channel()

    yield again
    for connection in opened:
        connection.close()


@pytest.mark.proves(
    "queue.declare.durable.persistence", "queue.declare.durable", "basic.01", "basic.properties.delivery-mode"
)
def test_durable_queues_and_their_persistent_messages_are_there_again(
    connection: Connection, restart: Callable[[], Channel]
) -> None:
    channel = connection.channel()
    channel.declare_queue("kept", durable=True)
    channel.confirm()
    for body, mode in [(b"transient", 1), (b"persistent", 2)]:
        channel.publish("", "kept", body, {"delivery_mode": mode})
        channel.expect("basic.ack")
    connection.close()
    channel = restart()
    assert channel.counts("kept") == (1, 0)
    assert channel.drain("kept") == [b"persistent"]


@pytest.mark.proves("queue.bind.durable-exchange", "exchange.declare.durable")
def test_bindings_of_durable_queues_to_durable_exchanges_are_there_again(
    connection: Connection, restart: Callable[[], Channel]
) -> None:
    channel = connection.channel()
    channel.declare_exchange("e", durable=True)
    channel.declare_queue("bound", durable=True)
    channel.bind("bound", "e", "k")
    connection.close()
    channel = restart()
    channel.publish("e", "k", b"x")
    channel.fence("bound")
    assert channel.drain("bound") == [b"x"]


@pytest.mark.proves("queue.declare.durable.types", "exchange.declare.durable.support", "queue.declare.durable")
def test_transient_queues_and_exchanges_are_not(connection: Connection, restart: Callable[[], Channel]) -> None:
    channel = connection.channel()
    channel.declare_exchange("lost")
    channel.declare_queue("lost")
    connection.close()
    channel = restart()
    with channel.refused(404, "NOT_FOUND - no queue 'lost' in vhost '/'", "queue.declare"):
        channel.declare_queue("lost", passive=True)
    channel.open()
    with channel.refused(404, "NOT_FOUND - no exchange 'lost' in vhost '/'", "exchange.declare"):
        channel.declare_exchange("lost", passive=True)
