"""A work queue as applications write it: several workers, prefetch, acknowledgements, returns, retries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pika
import pytest

pytestmark = pytest.mark.timeout(60)

Connect = Callable[[], Any]
Declare = Callable[..., str]
Pump = Callable[..., None]
Drain = Callable[[Any, str], list[bytes]]


def test_a_busy_worker_with_prefetch_one_leaves_the_work_to_the_other(
    connect: Connect, channel: Any, declare_queue: Declare, pump: Pump
) -> None:
    queue = declare_queue(channel, durable=True)
    busy, idle = connect(), connect()
    busy_channel, idle_channel = busy.channel(), idle.channel()
    held: list[tuple[int, bytes]] = []
    finished: list[bytes] = []

    def hold(_channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        held.append((method.delivery_tag, body))

    def finish(worker: Any, method: Any, _properties: Any, body: bytes) -> None:
        finished.append(body)
        worker.basic_ack(method.delivery_tag)

    busy_channel.basic_qos(prefetch_count=1)
    busy_channel.basic_consume(queue, hold)
    channel.basic_publish("", queue, b"job 0", pika.BasicProperties(delivery_mode=2))
    pump(lambda: len(held) == 1, busy)
    idle_channel.basic_qos(prefetch_count=1)
    idle_channel.basic_consume(queue, finish)
    for number in range(1, 10):
        channel.basic_publish("", queue, f"job {number}".encode(), pika.BasicProperties(delivery_mode=2))
    pump(lambda: len(finished) == 9, idle, busy)
    assert finished == [f"job {number}".encode() for number in range(1, 10)]
    assert held == [(1, b"job 0")]
    busy_channel.basic_ack(1)
    idle.close()
    channel.basic_publish("", queue, b"job 10")
    pump(lambda: len(held) == 2, busy)
    assert held[1] == (2, b"job 10")


def test_the_unacknowledged_job_of_a_lost_worker_goes_to_another_as_redelivered(
    connect: Connect, channel: Any, declare_queue: Declare
) -> None:
    queue = declare_queue(channel)
    channel.basic_publish("", queue, b"job")
    lost = connect()
    taken, _, _ = lost.channel().basic_get(queue)
    assert taken.redelivered is False
    lost.close()
    again, _, body = channel.basic_get(queue, auto_ack=True)
    assert (again.redelivered, body) == (True, b"job")


def test_a_requeued_message_returns_to_its_place_at_the_head(
    channel: Any, declare_queue: Declare, drain: Drain
) -> None:
    queue = declare_queue(channel)
    for body in (b"a", b"b", b"c"):
        channel.basic_publish("", queue, body)
    method, _, body = channel.basic_get(queue)
    assert (method.message_count, body) == (2, b"a")
    channel.basic_nack(method.delivery_tag, requeue=True)
    assert drain(channel, queue) == [b"a", b"b", b"c"]


def test_one_multiple_nack_returns_all_that_were_taken_in_their_order(
    channel: Any, declare_queue: Declare, drain: Drain
) -> None:
    queue = declare_queue(channel)
    for body in (b"a", b"b", b"c"):
        channel.basic_publish("", queue, body)
    tags = [channel.basic_get(queue)[0].delivery_tag for _ in range(3)]
    channel.basic_nack(tags[-1], multiple=True, requeue=True)
    method, _, body = channel.basic_get(queue, auto_ack=True)
    assert (method.redelivered, body) == (True, b"a")
    assert drain(channel, queue) == [b"b", b"c"]


def test_a_message_rejected_without_requeue_is_gone(channel: Any, declare_queue: Declare, drain: Drain) -> None:
    queue = declare_queue(channel)
    channel.basic_publish("", queue, b"poison")
    channel.basic_reject(channel.basic_get(queue)[0].delivery_tag, requeue=False)
    assert drain(channel, queue) == []


def test_a_rejected_job_reaches_the_dead_letter_queue_with_its_history(
    channel: Any, connection: Any, declare_queue: Declare, declare_exchange: Declare, pump: Pump
) -> None:
    graveyard = declare_exchange(channel, "fanout")
    buried = declare_queue(channel)
    channel.queue_bind(buried, graveyard)
    queue = declare_queue(channel, arguments={"x-dead-letter-exchange": graveyard})
    arrived: list[tuple[Any, bytes]] = []

    def collect(_channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        arrived.append((properties, body))

    channel.basic_consume(buried, collect, auto_ack=True)
    channel.basic_publish("", queue, b"poison", pika.BasicProperties(message_id="m1"))
    channel.basic_reject(channel.basic_get(queue)[0].delivery_tag, requeue=False)
    pump(lambda: bool(arrived), connection)
    properties, body = arrived[0]
    [death] = properties.headers["x-death"]
    assert (body, properties.message_id) == (b"poison", "m1")
    assert (death["queue"], death["reason"], death["count"]) == (queue, "rejected", 1)
    assert (death["exchange"], death["routing-keys"]) == ("", [queue])


def test_an_expired_job_is_retried_through_a_waiting_queue(
    channel: Any, connection: Any, declare_queue: Declare, pump: Pump
) -> None:
    """The usual delayed retry: a queue without consumers whose messages expire back into the work queue."""
    queue = declare_queue(channel)
    waiting = declare_queue(channel, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue})
    seen: list[str] = []

    def work(worker: Any, method: Any, properties: Any, body: bytes) -> None:
        deaths = (properties.headers or {}).get("x-death", [])
        seen.append(deaths[0]["reason"] if deaths else "new")
        if not deaths:
            worker.basic_publish("", waiting, body, pika.BasicProperties(expiration="20"))
        worker.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, work)
    channel.basic_publish("", queue, b"job")
    pump(lambda: len(seen) == 2, connection)
    assert seen == ["new", "expired"]


def test_recover_redelivers_what_the_channel_holds(
    channel: Any, connection: Any, declare_queue: Declare, pump: Pump
) -> None:
    queue = declare_queue(channel)
    deliveries: list[tuple[bool, bytes]] = []

    def collect(_channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        deliveries.append((method.redelivered, body))

    channel.basic_consume(queue, collect)
    for body in (b"a", b"b"):
        channel.basic_publish("", queue, body)
    pump(lambda: len(deliveries) == 2, connection)
    channel.basic_recover(requeue=True)
    pump(lambda: len(deliveries) == 4, connection)
    assert deliveries == [(False, b"a"), (False, b"b"), (True, b"a"), (True, b"b")]


def test_basic_get_tells_what_is_left_and_when_the_queue_is_empty(channel: Any, declare_queue: Declare) -> None:
    queue = declare_queue(channel)
    assert channel.basic_get(queue) == (None, None, None)
    for body in (b"a", b"b"):
        channel.basic_publish("", queue, body)
    method, _, body = channel.basic_get(queue)
    assert (method.exchange, method.routing_key, method.message_count, body) == ("", queue, 1, b"a")
    assert channel.queue_declare(queue, passive=True).method.message_count == 1
    assert channel.queue_purge(queue).method.message_count == 1


def test_the_consume_generator_yields_messages_and_returns_the_rest_on_cancel(
    channel: Any, declare_queue: Declare, drain: Drain
) -> None:
    queue = declare_queue(channel)
    for number in range(5):
        channel.basic_publish("", queue, str(number).encode())
    taken: list[bytes] = []
    for method, _, body in channel.consume(queue):
        channel.basic_ack(method.delivery_tag)
        taken.append(body)
        if len(taken) == 2:
            break
    channel.cancel()
    assert taken == [b"0", b"1"]
    assert drain(channel, queue) == [b"2", b"3", b"4"]


def test_a_worker_thread_acknowledges_through_a_threadsafe_callback(
    channel: Any, connection: Any, declare_queue: Declare, pump: Pump
) -> None:
    """The documented way to work for long beside the connection's own thread."""
    queue = declare_queue(channel)
    acknowledged: list[int] = []
    threads: list[threading.Thread] = []

    def acknowledge(tag: int) -> None:
        channel.basic_ack(tag)
        acknowledged.append(tag)

    def hand_over(_channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        tag = method.delivery_tag
        thread = threading.Thread(target=lambda: connection.add_callback_threadsafe(lambda: acknowledge(tag)))
        threads.append(thread)
        thread.start()

    channel.basic_qos(prefetch_count=1)
    tag = channel.basic_consume(queue, hand_over)
    for number in range(3):
        channel.basic_publish("", queue, str(number).encode())
    pump(lambda: len(acknowledged) == 3, connection)
    channel.basic_cancel(tag)
    for thread in threads:
        thread.join()
    assert acknowledged == [1, 2, 3]
    channel.close()
    assert connection.channel().queue_declare(queue, passive=True).method.message_count == 0


def test_messages_of_higher_priority_come_first(channel: Any, declare_queue: Declare, drain: Drain) -> None:
    queue = declare_queue(channel, arguments={"x-max-priority": 5})
    for priority in (1, 5, 3, 5):
        channel.basic_publish("", queue, str(priority).encode(), pika.BasicProperties(priority=priority))
    assert drain(channel, queue) == [b"5", b"5", b"3", b"1"]
