"""Streams of `amqpd serve --data-dir`: what was confirmed is read again after `kill -9`, at its offset."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Timer

from conformance.channel import Channel
from conformance.client import Connection
from conformance.received import Dropped, Received

from .conftest import ServeProcess, StartServe

KILLS = 3
WINDOW = 50

Connect = Callable[[int], Connection]


def channel_of(connect: Connect, process: ServeProcess) -> Channel:
    channel = connect(process.port).handshake().channel()
    channel.declare_queue("s", {"x-queue-type": "stream"}, durable=True)
    return channel.confirm()


def offset(message: Received) -> int:
    assert message.content is not None
    found: int = message.content.properties["headers"]["x-stream-offset"].value
    return found


def confirmed_all(channel: Channel, before: int, count: int) -> None:
    """Wait until everything behind the first `before` publishes of the channel is confirmed."""
    done = before
    while done < before + count:
        ack = channel.expect("basic.ack")
        done = ack["delivery_tag"] if ack["multiple"] else done + 1


def test_confirmed_messages_keep_their_offsets_however_often_the_broker_is_killed(
    serve: StartServe, connect: Connect, tmp_path: Path
) -> None:
    random, folder = Random(2), str(tmp_path / "data")
    sent, confirmed = 0, set[bytes]()
    for _ in range(KILLS):
        process = serve("--data-dir", folder)
        channel, published = channel_of(connect, process), 0
        kill = Timer(random.uniform(0.05, 0.4), process.stop, (signal.SIGKILL,))
        kill.start()
        try:
            while True:
                bodies = [b"%d" % number for number in range(sent, sent + random.choice((1, WINDOW)))]
                sent += len(bodies)
                for body in bodies:
                    channel.publish("", "s", body)
                confirmed_all(channel, published, len(bodies))
                published += len(bodies)
                confirmed |= set(bodies)
        except (Dropped, OSError):
            kill.join()
    channel = channel_of(connect, serve("--data-dir", folder))
    there, _ = channel.counts("s")
    channel.qos(there)
    channel.consume("s", arguments={"x-stream-offset": "first"})
    found = channel.deliveries(there)
    assert [offset(each) for each in found] == list(range(there))
    bodies = [each.body for each in found]
    assert bodies == sorted(set(bodies), key=int)
    assert confirmed <= set(bodies)


def test_a_named_consumer_goes_on_after_a_kill(serve: StartServe, connect: Connect, tmp_path: Path) -> None:
    process = serve("--data-dir", str(tmp_path))
    channel = channel_of(connect, process)
    for number in range(10):
        channel.publish("", "s", b"%d" % number)
    confirmed_all(channel, 0, 10)
    named = {"x-stream-name": "billing", "x-stream-offset": "first"}
    channel.qos(10)
    channel.consume("s", arguments=named)
    channel.ack(channel.deliveries(10)[6]["delivery_tag"], multiple=True)
    channel.publish("", "s", b"10")  # its confirm says that what came before was kept
    channel.expect("basic.deliver")
    confirmed_all(channel, 10, 1)
    process.stop(signal.SIGKILL)
    channel = channel_of(connect, serve("--data-dir", str(tmp_path)))
    channel.qos(10)
    channel.consume("s", arguments=named)
    assert [offset(each) for each in channel.deliveries(4)] == [7, 8, 9, 10]
