"""Scenarios about getting, consuming and settling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interop.matrix.driver import same
from interop.matrix.python.port import refused

if TYPE_CHECKING:
    from interop.matrix.python.port import Channel, Message, Stage

REPLIES = "amq.rabbitmq.reply-to"


def fill(channel: Channel, queue: str, count: int) -> None:
    for number in range(1, count + 1):
        channel.publish("", queue, b"%d" % number)


def got(message: Message | None) -> Message:
    assert message is not None, "the queue is empty"
    return message


def get(stage: Stage) -> None:
    connection = stage.connect()
    channel = connection.channel()
    queue = stage.queue()
    channel.declare_queue(queue)
    same("an empty queue", channel.get(queue), None)
    fill(channel, queue, 3)
    first = got(channel.get(queue))
    same("the first", (first.body, first.redelivered, first.key), (b"1", False, queue))
    assert first.count in (2, None), f"the first has {first.count} behind it"
    channel.ack(first)
    same("the second", got(channel.get(queue, no_ack=True)).body, b"2")
    same("the third", got(channel.get(queue)).body, b"3")
    channel.close()
    channel = connection.channel()
    again = got(channel.get(queue))
    same("the third again", (again.body, again.redelivered), (b"3", True))
    channel.ack(again)
    same("the end", channel.get(queue), None)


def requeue(stage: Stage) -> None:
    channel = stage.connect().channel()
    queue, dead = stage.queue(), stage.queue("dead")
    channel.declare_queue(dead)
    channel.declare_queue(queue, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    fill(channel, queue, 5)
    channel.prefetch(5)
    consumer = channel.consume(queue)
    one, two, three, four, five = (consumer.next() for _ in range(5))
    same("the order", [each.body for each in (one, two, three, four, five)], [b"1", b"2", b"3", b"4", b"5"])
    channel.reject(one, requeue=False)
    settle = channel.nack if stage.client.nacks else channel.reject
    settle(two, requeue=False)
    settle(four, requeue=True)
    channel.ack(five)
    channel.reject(three, requeue=True)
    again = [consumer.next(), consumer.next()]
    same("what came again", sorted((each.body, each.redelivered) for each in again), [(b"3", True), (b"4", True)])
    channel.ack(again[-1], multiple=True)
    letters = consumer_of_dead(channel, dead)
    same("the dead letters", [each.body for each in letters], [b"1", b"2"])
    for letter in letters:
        death = letter.properties["headers"]["x-death"][0]
        same("reason and queue of the death", (death["reason"], death["queue"]), ("rejected", queue))
    consumer.cancel()
    same("the end", channel.get(queue), None)


def consumer_of_dead(channel: Channel, queue: str) -> list[Message]:
    """Return two dead letters, which may be on their way yet."""
    consumer = channel.consume(queue, no_ack=True)
    letters = [consumer.next(), consumer.next()]
    consumer.cancel()
    return letters


def prefetch(stage: Stage) -> None:
    channel = stage.connect().channel()
    queue = stage.queue()
    channel.declare_queue(queue)
    fill(channel, queue, 10)
    channel.prefetch(3)
    consumer = channel.consume(queue)
    held = [consumer.next() for _ in range(3)]
    for number in range(4, 11):
        _, ready = channel.declare_queue(queue, passive=True)  # whatever is on its way comes before the answer
        same("what the broker still has", ready, 11 - number)
        assert not consumer.waiting(), f"message {number} came although three are not acknowledged"
        channel.ack(held.pop(0))
        held.append(consumer.next())
        same("the next", held[-1].body, b"%d" % number)
    channel.ack(held[-1], multiple=True)
    consumer.cancel()
    same("the end", channel.get(queue), None)


def cancel(stage: Stage) -> None:
    channel = stage.connect().channel()
    queue = stage.queue()
    channel.declare_queue(queue)
    consumer = channel.consume(queue, tag=f"{stage.prefix}-tag")
    same("the tag", consumer.tag, f"{stage.prefix}-tag")
    channel.publish("", queue, b"consumed")
    channel.ack(consumer.next())
    consumer.cancel()
    channel.publish("", queue, b"stays")
    message = got(channel.get(queue, no_ack=True))
    same("what stayed", (message.body, message.redelivered), (b"stays", False))
    consumer = channel.consume(queue)
    assert consumer.tag, "no tag was chosen"
    channel.publish("", queue, b"consumed again")
    channel.ack(consumer.next())
    stage.connect().channel().delete_queue(queue)
    consumer.await_cancelled()
    other = stage.connect().channel()
    refused(lambda: other.declare_queue(queue, passive=True), 404)


def reply_to(stage: Stage) -> None:
    requester, responder = stage.connect().channel(), stage.connect().channel()
    queue = stage.queue()
    responder.declare_queue(queue)
    requests = responder.consume(queue)
    replies = requester.consume(REPLIES, no_ack=True)
    for number in range(10):
        properties = {"reply_to": REPLIES, "correlation_id": f"c-{number}"}
        requester.publish("", queue, b"request %d" % number, properties)
    for _ in range(10):
        request = requests.next()
        address = request.properties["reply_to"]
        assert address.startswith(f"{REPLIES}."), f"the request's reply-to is {address!r}"
        properties = {"correlation_id": request.properties["correlation_id"]}
        responder.publish("", address, request.body.replace(b"request", b"answer"), properties)
        responder.ack(request)
    for number in range(10):
        reply = replies.next()
        same("the reply", (reply.body, reply.properties["correlation_id"]), (b"answer %d" % number, f"c-{number}"))
