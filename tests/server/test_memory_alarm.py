"""The memory alarm: publishers are told and not read from, consumers go on, and it ends when the queues are drained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import amqpd
from amqpd.server.memory import available
from amqpd.testing.broker import EmbeddedBroker
from conformance.client import Connection

Connect = Callable[[int], Connection]
WaitUntil = Callable[[Callable[[], bool]], None]

LIMIT = 1024 * 1024
FILLING = 100_000
"""Octets of a body that comes in one frame: it is in the queue, and confirmed, before it raises an alarm."""


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with amqpd.run_in_thread(memory_limit=LIMIT, shutdown_timeout=0) as made:
        yield made


def blocked_publisher(connect: Connect, broker: EmbeddedBroker, queue: str) -> tuple[Connection, int]:
    """A publisher in confirm mode that has filled the memory, and the number of messages that did it.

    It hears of the alarm with one more message, which is neither in the queue nor confirmed.
    """
    publisher = connect(broker.port).handshake()
    publisher.channel()
    publisher.call(1, "confirm.select", "confirm.select-ok")
    publisher.call(1, "queue.declare", "queue.declare-ok", queue=queue)
    filled = 0
    while True:
        publisher.send(publisher.publish_frames(1, "", queue, filled.to_bytes(4) + bytes(FILLING - 4)))
        answer = publisher.read()
        if answer.name == "connection.blocked":
            break
        assert (answer.channel, answer.name) == (1, "basic.ack")
        filled += 1
    assert answer.fields["reason"] == "low on memory"
    assert broker.queue(queue).messages_ready == filled
    return publisher, filled


def test_a_publisher_is_blocked_and_goes_on_once_the_queue_is_drained(broker: EmbeddedBroker, connect: Connect) -> None:
    consumer = connect(broker.port).handshake()
    consumer.channel()
    publisher, filled = blocked_publisher(connect, broker, "drained")
    assert [each.blocked for each in broker.connections()] == [False, True]
    for number in range(filled):
        got = consumer.call(1, "basic.get", "basic.get-ok", queue="drained", no_ack=True)
        assert got.content is not None
        assert got.content.body[:4] == number.to_bytes(4)
    publisher.wait_for(0, "connection.unblocked")
    assert publisher.taken(1) == []  # the confirm of what waited comes after it
    assert publisher.wait_for(1, "basic.ack").fields["delivery_tag"] == filled + 1
    publisher.send(publisher.publish_frames(1, "", "drained", b"third"))
    assert publisher.wait_for(1, "basic.ack").fields["delivery_tag"] == filled + 2
    assert [each.body[:5] for each in broker.messages("drained")] == [filled.to_bytes(4) + b"\0", b"third"]


def test_a_client_without_the_capability_is_blocked_in_silence(
    broker: EmbeddedBroker, connect: Connect, wait_until: WaitUntil
) -> None:
    publisher = connect(broker.port).handshake(capabilities={})
    publisher.channel()
    publisher.call(1, "queue.declare", "queue.declare-ok", queue="silent")
    other, _ = blocked_publisher(connect, broker, "loud")
    publisher.send(publisher.publish_frames(1, "", "silent", b"held"))
    wait_until(lambda: [each.blocked for each in broker.connections()] == [True, True])
    assert broker.queue("silent").messages_ready == 0
    consumer = connect(broker.port).handshake()
    consumer.channel()
    consumer.call(1, "queue.purge", "queue.purge-ok", queue="loud")
    other.wait_for(0, "connection.unblocked")
    assert (
        publisher.call(1, "queue.declare", "queue.declare-ok", queue="silent", passive=True).fields["message_count"]
        == 1
    )
    assert publisher.taken(0) == []


def test_a_connection_that_only_consumes_is_never_blocked(broker: EmbeddedBroker, connect: Connect) -> None:
    consumer = connect(broker.port).handshake()
    consumer.channel()
    publisher, filled = blocked_publisher(connect, broker, "fed")
    consumer.call(1, "queue.declare", "queue.declare-ok", queue="of a consumer", exclusive=True)
    consumer.call(1, "basic.consume", "basic.consume-ok", queue="fed")
    for number in range(1, filled + 1):
        assert consumer.next(1).fields["delivery_tag"] == number
    consumer.send_method(1, "basic.ack", delivery_tag=filled, multiple=True)
    publisher.wait_for(0, "connection.unblocked")
    assert consumer.taken(0) == []


@pytest.mark.parametrize("size", [0, 100, 4096, 300_000])
def test_it_lets_go_however_many_messages_raised_it(broker: EmbeddedBroker, connect: Connect, size: int) -> None:
    """Publisher and consumer cross the limit at full speed: all messages arrive, and all memory is given back."""
    count = min(20_000, 24 * LIMIT // (size + 400))
    publisher, consumer = connect(broker.port).handshake(), connect(broker.port).handshake()
    for client in (publisher, consumer):
        client.channel()
    queue = f"crossing-{size}"
    consumer.call(1, "queue.declare", "queue.declare-ok", queue=queue, exclusive=False)
    message = publisher.publish_frames(1, "", queue, bytes(size))
    batch = max(1, 65536 // len(message))
    at_once = max(1, min(25, LIMIT // (4 * len(message))))  # what is unsettled must not hold the alarm up

    def publish() -> None:
        for start in range(0, count, batch):
            publisher.send(message * min(batch, count - start))

    with ThreadPoolExecutor(1) as pool:
        publishing = pool.submit(publish)
        publisher.wait_for(0, "connection.blocked")
        consumer.call(1, "basic.qos", "basic.qos-ok", prefetch_count=50)
        consumer.call(1, "basic.consume", "basic.consume-ok", queue=queue)
        for number in range(1, count + 1):
            consumer.wait_for(1, "basic.deliver")
            if number % at_once == 0 or number == count:
                consumer.send_method(1, "basic.ack", delivery_tag=number, multiple=True)
        publishing.result()
    publisher.wait_for(0, "connection.unblocked")
    consumer.call(1, "queue.delete", "queue.delete-ok", queue=queue)
    publisher.call(1, "queue.declare", "queue.declare-ok", queue="after", exclusive=True)


def test_a_connection_that_dies_with_unsent_and_unsettled_messages_gives_its_memory_back(
    connect: Connect, wait_until: WaitUntil
) -> None:
    with amqpd.run_in_thread(memory_limit=16 * LIMIT, shutdown_timeout=0) as broker:
        consumer = connect(broker.port).handshake()
        consumer.channel()
        publisher, _ = blocked_publisher(connect, broker, "left")
        consumer.call(1, "basic.consume", "basic.consume-ok", queue="left")
        consumer.abort()
        wait_until(lambda: broker.queue("left").consumers == ())
        third = connect(broker.port).handshake()
        third.channel()
        third.call(1, "queue.delete", "queue.delete-ok", queue="left")
        publisher.wait_for(0, "connection.unblocked")


def test_a_client_that_closes_half_way_in_a_large_body_blocks_nobody(
    broker: EmbeddedBroker, connect: Connect, wait_until: WaitUntil
) -> None:
    """A body under way raises no alarm: no draining of queues could clear it."""
    publisher = connect(broker.port).handshake()
    publisher.channel()
    publisher.call(1, "queue.declare", "queue.declare-ok", queue="half", exclusive=True)
    frames = publisher.publish_frames(1, "", "half", bytes(4 * LIMIT))
    publisher.send(frames[: 3 * LIMIT])
    publisher.abort()
    wait_until(lambda: all(each.name != "half" for each in broker.queues()))
    other = connect(broker.port).handshake()
    other.channel()
    other.call(1, "confirm.select", "confirm.select-ok")
    other.call(1, "queue.declare", "queue.declare-ok", queue="whole", exclusive=True)
    other.send(other.publish_frames(1, "", "whole", b"fits") * 2)
    while other.wait_for(1, "basic.ack").fields["delivery_tag"] < 2:
        pass
    assert other.taken(0) == []


def test_a_limit_of_zero_blocks_every_publisher(connect: Connect) -> None:
    with amqpd.run_in_thread(memory_limit=0, shutdown_timeout=0) as broker:
        publisher = connect(broker.port).handshake()
        publisher.channel()
        publisher.send(publisher.publish_frames(1, "", "nowhere"))
        assert publisher.wait_for(0, "connection.blocked").fields["reason"] == "low on memory"


# -- how much there is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "1000\n"}, 1000),
        ("0::/system.slice/amqpd.service\n", {"system.slice/amqpd.service/memory.max": "2000"}, 2000),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "3000"}, 3000),
        ("0::/a/b\n", {"a/b/memory.max": "5000", "a/memory.max": "4000"}, 4000),
        ("5:cpu:/x\n4:hugetlb,memory:/x/y\n0::/\n", {"memory/x/y/memory.limit_in_bytes": "6000"}, 6000),
        ("9:memory:/docker/abc\n", {"memory/memory.limit_in_bytes": "7000"}, 7000),
    ],
)
def test_the_lowest_limit_of_the_cgroups_around_it_counts(
    tmp_path: Path, own: str, limits: dict[str, str], expected: int
) -> None:
    (tmp_path / "own").write_text(own)
    for name, text in limits.items():
        file = tmp_path / "mounted" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert available(tmp_path / "mounted", tmp_path / "own") == expected


@pytest.mark.parametrize("text", ["max", "", "9223372036854771712"])
def test_without_a_limit_the_machine_is_what_counts(tmp_path: Path, text: str) -> None:
    (tmp_path / "own").write_text("0::/\n")
    (tmp_path / "memory.max").write_text(text)
    assert available(tmp_path, tmp_path / "own") == available(tmp_path / "nowhere", tmp_path / "nowhere")
