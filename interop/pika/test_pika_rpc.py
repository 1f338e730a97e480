"""Request and reply: through direct reply-to, and through a callback queue with correlation ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pika
import pytest

pytestmark = pytest.mark.timeout(60)

Connect = Callable[[], Any]
Declare = Callable[..., str]
Pump = Callable[..., None]


@pytest.fixture
def doubling_server(connect: Connect, declare_queue: Declare) -> tuple[Any, str]:
    """A connection that answers each number with its double, and the queue it listens on."""
    connection = connect()
    server = connection.channel()
    queue = declare_queue(server)

    def answer(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
        reply = pika.BasicProperties(correlation_id=properties.correlation_id)
        server.basic_publish("", properties.reply_to, str(2 * int(body)).encode(), reply)
        server.basic_ack(method.delivery_tag)

    server.basic_consume(queue, answer)
    return connection, queue


def test_direct_reply_to_brings_each_answer_to_its_caller(
    connect: Connect, doubling_server: tuple[Any, str], pump: Pump
) -> None:
    server, queue = doubling_server
    callers = [connect(), connect()]
    answers: list[list[bytes]] = [[], []]
    for number, (connection, inbox) in enumerate(zip(callers, answers, strict=True)):
        caller = connection.channel()
        caller.basic_consume(
            "amq.rabbitmq.reply-to", lambda _c, _m, _p, body, inbox=inbox: inbox.append(body), auto_ack=True
        )
        request = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id=str(number))
        caller.basic_publish("", queue, str(21 + number).encode(), request)
    pump(lambda: all(answers), server, *callers)
    assert answers == [[b"42"], [b"44"]]


def test_the_server_sees_a_generated_reply_address_and_can_probe_it(
    connect: Connect, channel: Any, declare_queue: Declare
) -> None:
    queue = declare_queue(channel)
    connection = connect()
    caller = connection.channel()
    caller.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=True)
    caller.basic_publish("", queue, b"?", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
    caller.queue_declare(queue, passive=True)  # a round trip: the request is in the queue
    _, properties, _ = channel.basic_get(queue, auto_ack=True)
    assert properties.reply_to.startswith("amq.rabbitmq.reply-to.")
    assert channel.queue_declare(properties.reply_to, passive=True).method.consumer_count == 1
    connection.close()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
        channel.queue_declare(properties.reply_to, passive=True)
    assert refused.value.reply_code == 404


def test_a_request_without_a_reply_consumer_is_refused(channel: Any, declare_queue: Declare) -> None:
    queue = declare_queue(channel)
    channel.basic_publish("", queue, b"?", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
        channel.queue_declare(queue, passive=True)
    assert refused.value.args == (406, "PRECONDITION_FAILED - fast reply consumer does not exist")


def test_a_callback_queue_matches_answers_by_correlation_id(
    connect: Connect, doubling_server: tuple[Any, str], pump: Pump
) -> None:
    server, queue = doubling_server
    connection = connect()
    caller = connection.channel()
    callback = caller.queue_declare("", exclusive=True).method.queue
    answers: dict[str, bytes] = {}

    def collect(_channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        answers[properties.correlation_id] = body

    caller.basic_consume(callback, collect, auto_ack=True)
    for number in range(10):
        request = pika.BasicProperties(reply_to=callback, correlation_id=f"call-{number}")
        caller.basic_publish("", queue, str(number).encode(), request)
    pump(lambda: len(answers) == 10, server, connection)
    assert answers == {f"call-{number}": str(2 * number).encode() for number in range(10)}
