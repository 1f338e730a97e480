"""Scenarios about what a publisher learns: confirms, returns, transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interop.matrix.driver import same
from interop.matrix.python.port import seen

if TYPE_CHECKING:
    from interop.matrix.python.port import Channel, Stage

NO_ROUTE = 312


def confirms(stage: Stage) -> None:
    channel = stage.connect().channel()
    queue, full = stage.queue(), stage.queue("full")
    channel.declare_queue(queue)
    channel.declare_queue(full, arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
    channel.select_confirms()
    bodies = [b"%d" % number for number in range(200)]
    same("the confirms", channel.publish_confirmed(queue, bodies), [True] * 200)
    same("the confirm of the full queue", channel.publish_confirmed(full, [b"too many"]), [False])
    same("the queue", channel.declare_queue(queue, passive=True), (queue, 200))


def mandatory(stage: Stage) -> None:
    connection = stage.connect()
    channel = connection.channel()
    queue, nowhere = stage.queue(), f"{stage.prefix}-nowhere"
    channel.declare_queue(queue)
    if stage.client.returns_need_confirms:
        channel.select_confirms()
    properties = {"content_type": "text/plain", "message_id": "m-1", "headers": {"n": 1}}
    channel.publish("", nowhere, b"come back", properties, mandatory=True)
    message = channel.returned()
    same("code and text", (message.code, message.text), (NO_ROUTE, "NO_ROUTE"))
    same("exchange and key", (message.exchange, message.key), ("", nowhere))
    if stage.client.returns_content:
        same("body", message.body, b"come back")
        seen(stage.client, message, properties)
    channel.publish("", queue, b"stay", mandatory=True)
    message_got = channel.get(queue, no_ack=True)
    assert message_got is not None, "the routed message is not in the queue"
    assert channel.none_returned(), "a message that was routed came back"


def mandatory_confirmed(stage: Stage) -> None:
    """The second half of `mandatory`, for clients that have confirms."""
    channel = stage.connect().channel()
    queue, nowhere = stage.queue(), f"{stage.prefix}-nowhere"
    channel.declare_queue(queue)
    channel.select_confirms()
    same("the confirm", channel.publish_confirmed(nowhere, [b"confirmed"], mandatory=True), [True])
    message = channel.returned()
    same("code and key", (message.code, message.key), (NO_ROUTE, nowhere))
    same("the confirm of one that is routed", channel.publish_confirmed(queue, [b"stay"], mandatory=True), [True])
    assert channel.none_returned(), "a message that was routed came back"


def transactions(stage: Stage) -> None:
    connection = stage.connect()
    channel, witness = connection.channel(), connection.channel()
    queue = stage.queue()
    channel.declare_queue(queue)
    channel.select_transactions()

    def publish_two() -> None:
        for body in (b"one", b"two"):
            channel.publish("", queue, body)
        channel.declare_queue(queue, passive=True)  # the broker has them

    publish_two()
    nothing(witness, queue, "before the commit")
    channel.roll_back()
    channel.commit()
    nothing(witness, queue, "after the rollback")
    publish_two()
    channel.commit()
    for expected in (b"one", b"two"):
        channel = connection.channel()
        channel.select_transactions()
        rolled_back = channel.get(queue)
        assert rolled_back is not None, f"{expected!r} is not in the queue"
        same("the first message", rolled_back.body, expected)
        channel.ack(rolled_back)
        channel.roll_back()
        channel.close()
        channel = connection.channel()
        channel.select_transactions()
        again = channel.get(queue)
        assert again is not None, "the acknowledgement was not rolled back"
        same("what is there again", (again.body, again.redelivered), (expected, True))
        channel.ack(again)
        channel.commit()
        channel.close()
    nothing(witness, queue, "after the commit")


def nothing(channel: Channel, queue: str, when: str) -> None:
    same(f"the queue {when}", channel.get(queue, no_ack=True), None)
