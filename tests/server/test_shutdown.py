"""The end of `amqpd serve`: every client is told, none can hold it up, and the port is free again."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from threading import Thread

import pika
import pytest

import amqpd
from conformance.client import Connection
from conformance.received import ConnectionClosed

from .conftest import StartServe

Connect = Callable[[int], Connection]
WaitUntil = Callable[[Callable[[], bool]], None]

TEXT = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_every_connection_with_320_and_ends_with_status_0(
    serve: StartServe, connect: Connect, number: signal.Signals
) -> None:
    process = serve()
    clients = [connect(process.port).handshake() for _ in range(3)]
    ended: list[int] = []
    stopping = Thread(target=lambda: ended.append(process.stop(number)))
    stopping.start()
    for client in clients:
        with client.refused(320, TEXT):
            pass
    stopping.join()
    assert ended == [0]
    assert "Traceback" not in process.log


def test_pika_is_told_why_it_was_closed(serve: StartServe) -> None:
    process = serve()
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", process.port))
    stopping = Thread(target=process.stop)
    stopping.start()
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match=re.escape(TEXT)) as caught:
        connection.process_data_events(None)
    assert caught.value.reply_code == 320
    stopping.join()


def test_clients_that_do_not_answer_hold_the_end_up_only_until_the_deadline(
    serve: StartServe, connect: Connect
) -> None:
    """Idle ones, one in the handshake, one with more unsent than the socket takes, and a blocked publisher."""
    process = serve("--shutdown-timeout", "0.5", "--memory-limit", "20MB")
    idle, handshaking, slow, blocked = (connect(process.port) for _ in range(4))
    handshaking.start()
    for client in (idle, slow, blocked):
        client.handshake().channel()
    slow.call(1, "queue.declare", "queue.declare-ok", queue="slow")
    # The alarm must come after this message: it would stop the body half way, and keep the queue empty.
    slow.call(1, "confirm.select", "confirm.select-ok")
    slow.send(slow.publish_frames(1, "", "slow", bytes(15_000_000)))
    slow.wait_for(1, "basic.ack")
    blocked.send(blocked.publish_frames(1, "", "slow", bytes(100_000)) * 60)
    blocked.wait_for(0, "connection.blocked")
    slow.call(1, "basic.consume", "basic.consume-ok", queue="slow")
    assert process.stop() == 0
    assert "Traceback" not in process.log
    with pytest.raises(ConnectionClosed, match="320"):
        idle.next(0)


def test_a_consumer_that_gets_deliveries_hears_of_the_end_after_them(serve: StartServe, connect: Connect) -> None:
    process = serve()
    client = connect(process.port).handshake()
    client.channel()
    client.call(1, "queue.declare", "queue.declare-ok", queue="q")
    for number in range(50):
        client.send(client.publish_frames(1, "", "q", number.to_bytes(1) * 100_000))
    client.call(1, "basic.consume", "basic.consume-ok", queue="q", no_ack=True)
    first = client.wait_for(1, "basic.deliver")
    assert first.content is not None
    stopping = Thread(target=process.stop)
    stopping.start()
    with client.refused(320, TEXT):
        pass
    stopping.join()


def test_a_second_start_on_the_same_port_works_at_once(serve: StartServe, connect: Connect) -> None:
    first = serve("--shutdown-timeout", "0")
    port = first.port
    clients = [connect(port).handshake() for _ in range(3)]
    assert first.stop() == 0
    second = serve("--port", str(port))
    assert second.port == port
    assert connect(port).handshake().channel() is not None
    assert len(clients) == 3


def test_a_blocked_publisher_does_not_hold_the_end_up(connect: Connect, wait_until: WaitUntil) -> None:
    """It is told and its answer is read, although its publishes were not."""
    with amqpd.run_in_thread(shutdown_timeout=15) as broker:
        client = connect(broker.port).handshake()
        client.channel()
        broker.faults.block()
        client.send(client.publish_frames(1, "", "nowhere", bytes(100)) * 100)
        client.wait_for(0, "connection.blocked")
        answering = Thread(target=_answer, args=(client,))
        answering.start()
    answering.join()


def _answer(client: Connection) -> None:
    with client.refused(320, TEXT):
        pass
