"""Scenarios about connections: options, heartbeats, how they end, blocking and TLS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from interop.matrix.driver import Address, ask, same
from interop.matrix.python.port import NotTrusted, Options, refused

if TYPE_CHECKING:
    from interop.matrix.python.port import Stage

ACCESS_REFUSED, CONNECTION_FORCED, NOT_ALLOWED = 403, 320, 530


def connect_options(stage: Stage) -> None:
    connection = stage.connect(heartbeat=30, frame_max=65536, channel_max=100)
    first, second = connection.channel(), connection.channel()
    queue = stage.queue()
    first.declare_queue(queue)
    same("the queue on the other channel", second.declare_queue(queue, passive=True)[0], queue)
    first.close()
    second.close()
    stage.close(connection)
    known, told = stage.plain, stage.client.tells_why_not
    wrong = Address(known.host, known.port, known.user, "wrong", known.vhost)
    refused(lambda: stage.connect(address=wrong), ACCESS_REFUSED if told else 0)
    missing = Address(known.host, known.port, known.user, known.password, f"{stage.prefix}-missing")
    refused(lambda: stage.connect(address=missing), NOT_ALLOWED if told else 0)


def heartbeats(stage: Stage) -> None:
    connection = stage.connect(heartbeat=1)
    channel = connection.channel()
    connection.idle(4)
    channel.declare_queue(stage.queue())


def reconnect(stage: Stage) -> None:
    queue = stage.queue()
    connection = stage.connect()
    channel = connection.channel()
    channel.declare_queue(queue, durable=True)
    consumer = channel.consume(queue)
    channel.publish("", queue, b"before")
    before = consumer.next()
    same("before", before.body, b"before")
    channel.ack(before)
    channel.declare_queue(queue, passive=True)  # the acknowledgement has arrived
    ask("close-connections")
    same("the reply code", connection.await_closed().code, CONNECTION_FORCED if stage.client.tells_why_not else 0)
    stage.forget(connection)
    channel = stage.connect().channel()
    consumer = channel.consume(queue)
    channel.publish("", queue, b"after")
    after = consumer.next()
    same("after", (after.body, after.redelivered), (b"after", False))
    channel.ack(after)


def blocked(stage: Stage) -> None:
    connection = stage.connect()
    channel = connection.channel()
    queue = stage.queue()
    channel.declare_queue(queue)
    ask("block")
    channel.publish("", queue, b"while blocked")
    connection.await_blocked()
    ask("unblock")
    connection.await_unblocked()
    message = channel.get(queue, no_ack=True)
    assert message is not None, "the message is not in the queue"
    same("the message", message.body, b"while blocked")


def tls(stage: Stage) -> None:
    trusting = Options(address=stage.tls, tls=True, ca_file=stage.ca_file)
    channel = stage.connect(**vars(trusting)).channel()
    queue = stage.queue()
    channel.declare_queue(queue)
    body = bytes(range(250)) * 400
    channel.publish("", queue, body)
    message = channel.get(queue, no_ack=True)
    assert message is not None, "the message is not in the queue"
    same("the body over TLS", message.body, body)
    try:
        stage.connect(**vars(replace(trusting, ca_file=None)))
    except NotTrusted:
        return
    raise AssertionError("the client trusts a certificate of an authority that it does not know")
