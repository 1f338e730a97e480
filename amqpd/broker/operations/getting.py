"""Take a few messages off a queue for somebody who has no channel, and settle them all at once.

All are taken before the first one is settled, so that a requeued one doesn't come twice. What is taken is out, as if a
basic.get had it: whoever takes must settle, whatever happens meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amqpd.broker import firehose
from amqpd.broker.broker import Broker
from amqpd.broker.message import Message
from amqpd.broker.operations.consuming import check_get, readable_queue
from amqpd.broker.queue import Queue
from amqpd.broker.returns import REFUSED, RETURNED, give_back
from amqpd.broker.session import Session

Settle = Callable[[Queue, list[Message]], None]


def gettable_queue(session: Session, name: str) -> Queue:
    """Raises AccessRefused, NotFound, ResourceLocked, and NotImplementedHere where the type gives nothing away so."""
    queue = readable_queue(session, name)
    check_get(session, queue)
    return queue


def take(broker: Broker, session: Session, queue: Queue) -> Message | None:
    """The head of a queue, or None while it is empty or paused."""
    message = None if queue.deleted else queue.get()
    if message is not None:
        queue.counting().gets += 1
    if message is not None and session.vhost.tracing:
        client = firehose.Client(broker.name, session.name, 1, session.user.name)
        firehose.delivered(session.vhost, message, message.properties, queue, client)
    return message


def acknowledge(queue: Queue, messages: list[Message]) -> None:
    """They are done with, as if nobody had ever had to acknowledge them."""
    tally = queue.counting()
    tally.gets -= len(messages)
    tally.gets_no_ack += len(messages)
    for message in messages:
        queue.settle(message)


def requeue(queue: Queue, messages: list[Message]) -> None:
    """They go back to their places, as by a basic.nack."""
    give_back([(each, queue, None) for each in messages], RETURNED)


def refuse(queue: Queue, messages: list[Message]) -> None:
    """They go back, and that counts as a failed delivery, as by a basic.reject."""
    give_back([(each, queue, None) for each in messages], REFUSED)


def drop(queue: Queue, messages: list[Message]) -> None:
    """They are dead-lettered, or gone."""
    for message in messages:
        queue.reject(message)


MODES: Final[dict[str, Settle]] = {
    "ack_requeue_true": requeue,
    "ack_requeue_false": acknowledge,
    "reject_requeue_true": refuse,
    "reject_requeue_false": drop,
}
"""RabbitMQ's `ackmode`s."""
