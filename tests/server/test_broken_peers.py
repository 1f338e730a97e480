"""Clients that vanish, fall silent or are cut off at any moment cost themselves, and nothing else."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator

import pika
import pytest

import amqpd
from amqpd.testing.broker import EmbeddedBroker
from conformance.client import GUEST, Connection
from conformance.frames import METHOD, PROTOCOL_HEADER, encode_frame
from conformance.methods import encode_method

Connect = Callable[[int], Connection]
WaitUntil = Callable[[Callable[[], bool]], None]

BODY = bytes(64 * 1024)


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with amqpd.run_in_thread(
        limits_handshake_timeout=0.3, memory_outbox_high_water=65536, memory_outbox_low_water=1
    ) as made:
        yield made


def reset(sock: socket.socket) -> None:
    """End a TCP connection with a reset instead of an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def still_serves(broker: EmbeddedBroker) -> bool:
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        return bool(connection.channel().queue_declare("", exclusive=True).method.queue)


def slow_consumer(connect: Connect, broker: EmbeddedBroker, queue: str, messages: int = 200) -> Connection:
    """A client that was sent more than it has read, with the rest still in the queue."""
    client = connect(broker.port).handshake()
    client.channel()
    client.call(1, "queue.declare", "queue.declare-ok", queue=queue)
    for _ in range(messages):
        client.send(client.publish_frames(1, "", queue, BODY))
    client.call(1, "queue.declare", "queue.declare-ok", queue=queue, passive=True)
    client.call(1, "basic.consume", "basic.consume-ok", queue=queue)
    return client


def conversation(connect: Connect) -> bytes:
    """All that a client sends from its protocol header to a publish, an ack and the close."""
    composed = b"".join(
        encode_frame(METHOD, channel, encode_method(name, **fields))
        for channel, name, fields in (
            (0, "connection.start-ok", {"mechanism": "PLAIN", "response": GUEST, "locale": "en_US"}),
            (0, "connection.tune-ok", {"channel_max": 9, "frame_max": 131072, "heartbeat": 0}),
            (0, "connection.open", {"virtual_host": "/"}),
            (1, "channel.open", {}),
            (1, "queue.declare", {"queue": "cut", "auto_delete": True}),
            (1, "basic.consume", {"queue": "cut"}),
        )
    )
    return PROTOCOL_HEADER + composed


def test_a_reset_at_any_point_of_a_conversation_leaves_nothing_behind(
    broker: EmbeddedBroker, connect: Connect, wait_until: WaitUntil
) -> None:
    said = conversation(connect)
    frames_of_publish = connect(broker.port).publish_frames(1, "", "cut", b"body")
    settled = encode_frame(METHOD, 1, encode_method("basic.ack", delivery_tag=1))
    said += frames_of_publish + settled
    for end in [*range(0, len(said), 7), len(said)]:
        sock = socket.create_connection(("127.0.0.1", broker.port))
        sock.sendall(said[:end])
        reset(sock)
    wait_until(lambda: broker.connections() == [] and "cut" not in [each.name for each in broker.queues()])
    assert still_serves(broker)


async def test_a_connection_that_is_reset_before_it_is_accepted_is_forgotten() -> None:
    async with amqpd.serve(port=0) as broker:
        for _ in range(10):
            reset(socket.create_connection(("127.0.0.1", broker.port)))  # the server's tasks don't run meanwhile
        with socket.create_connection(("127.0.0.1", broker.port)) as sock:
            import trio

            stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock.dup()))
            async with stream:
                await stream.send_all(PROTOCOL_HEADER)
                assert await stream.receive_some(1) == b"\x01"


def test_a_peer_that_closes_during_a_big_delivery_gives_its_messages_back(
    broker: EmbeddedBroker, connect: Connect, wait_until: WaitUntil
) -> None:
    body = bytes(16 * 1024 * 1024)
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("big")
        channel.basic_publish("", "big", body)
        client = connect(broker.port).handshake()
        client.channel()
        client.call(1, "basic.consume", "basic.consume-ok", queue="big")
        client.read_octets(100_000)  # the delivery has begun, and most of it can't have left
        client.abort()
        wait_until(lambda: broker.queue("big").messages_ready == 1)
        assert broker.messages("big")[0].redelivered
        method, _, found = channel.basic_get("big", auto_ack=True)
        assert method.redelivered
        assert found == body
        channel.queue_delete("big")


def test_a_peer_that_shuts_down_its_sending_side_is_gone(
    broker: EmbeddedBroker, connect: Connect, wait_until: WaitUntil
) -> None:
    with socket.create_connection(("127.0.0.1", broker.port)) as sock:
        sock.sendall(conversation(connect))
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    wait_until(lambda: broker.connections() == [])


def test_a_stalled_consumer_that_is_cut_off_leaves_its_place_to_the_next(
    broker: EmbeddedBroker, connect: Connect, wait_until: WaitUntil
) -> None:
    """Bytes still waited for its socket; the next socket gets the same number and waits for the same thing."""
    for turn in range(4):
        slow_consumer(connect, broker, f"stalled-{turn}")
        assert broker.queue(f"stalled-{turn}").messages_ready > 0
        broker.faults.drop()
        wait_until(lambda: broker.connections() == [])
    assert still_serves(broker)
    for turn in range(4):
        assert broker.queue(f"stalled-{turn}").messages_ready == 200


def test_a_stalled_consumer_that_vanishes_is_noticed_by_the_bytes_it_does_not_take(
    broker: EmbeddedBroker, connect: Connect, wait_until: WaitUntil
) -> None:
    client = slow_consumer(connect, broker, "vanished")
    client.send_method(1, "basic.cancel", consumer_tag="")
    client.abort()
    wait_until(lambda: broker.queue("vanished").messages_ready == 200)


def test_a_silent_peer_is_dropped_after_two_heartbeats(broker: EmbeddedBroker, connect: Connect) -> None:
    client = connect(broker.port).handshake(heartbeat=1)
    assert client.read_until_dropped().replace(encode_frame(8, 0, b""), b"") == b""


def test_a_half_open_peer_is_dropped_at_the_handshake_timeout(broker: EmbeddedBroker, connect: Connect) -> None:
    assert connect(broker.port).read_until_dropped() == b""
    begun = connect(broker.port)
    begun.start()
    assert begun.read_until_dropped() == b""


def test_the_bytes_of_another_protocol_are_answered_with_ours(broker: EmbeddedBroker, connect: Connect) -> None:
    client = connect(broker.port)
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert client.read_until_dropped() == PROTOCOL_HEADER
