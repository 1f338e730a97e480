"""What an operator does to a queue: pause it and let it go on, look at its messages, take single ones out, try again
what waits for it.

They take the vhost in place of a session: no permissions and no exclusive owner stand in an operator's way, and who is
one is for the caller to know (the HTTP API by a user's tags, a test by holding the broker). `moving` goes on from here.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from amqpd.broker.broker import Broker
from amqpd.broker.message import Message
from amqpd.broker.operations.lookup import no_queue, once_durable, once_recorded
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Holding
from amqpd.broker.queue import Queue
from amqpd.broker.session import Session
from amqpd.broker.vhost import VHost


def operated_queue(vhost: VHost, name: str) -> Queue:
    """Raises NotFound."""
    queue = vhost.queues.get(name)
    if queue is None:
        raise no_queue(vhost, name)
    return queue


def pause(broker: Broker, vhost: VHost, name: str) -> bool | Pending[bool]:
    """Stop a queue's deliveries; return whether that is news. Publishes, TTLs and limits go on, and a basic.get finds
    the queue empty. A durable queue stays paused over restarts. Raises NotFound.
    """
    queue = operated_queue(vhost, name)
    changed = not queue.paused
    if changed:
        queue.pause()
        broker.recorder.queue(vhost, queue)
    return once_durable(broker.journal, changed)


def resume(broker: Broker, vhost: VHost, name: str) -> bool | Pending[bool]:
    """Let a queue deliver again, first of all what waits; return whether that is news. Raises NotFound."""
    queue = operated_queue(vhost, name)
    changed = queue.paused
    if changed:
        queue.unpause()
        broker.recorder.queue(vhost, queue)
    return once_durable(broker.journal, changed)


def peek(vhost: VHost, name: str, *, count: int, offset: int = 0) -> list[Message]:
    """Up to `count` ready messages in delivery order after the first `offset`, as they are: nothing is delivered, no
    flag and no counter changes. They belong to the queue: don't touch them. Raises NotFound.
    """
    return operated_queue(vhost, name).browse(count, offset)


class Held(NamedTuple):
    """A delivery that is out, and who has it."""

    session: Session
    delivery: Holding


def held(vhost: VHost, name: str, *, count: int, offset: int = 0) -> list[Held]:
    """Up to `count` unacknowledged messages after the first `offset`, by connection and channel, oldest first.

    It goes through what the channels hold that have any of this queue. Raises NotFound.
    """
    queue = operated_queue(vhost, name)
    deliveries = (Held(session, each) for session in vhost.sessions for each in session.peer.holdings(queue))
    return list(islice(deliveries, offset, offset + count))


def delete_message(broker: Broker, vhost: VHost, name: str, number: int) -> bool | Pending[bool]:
    """Drop the ready message with this enqueue number, without dead-lettering it; return whether it was there.

    Raises NotFound, and NotImplementedHere where the queue's type gives no single message away.
    """
    queue = operated_queue(vhost, name)
    return once_recorded(broker.journal, queue.remove(number) is not None)


def retry_delayed(broker: Broker, vhost: VHost, name: str) -> int | Pending[int]:
    """Let a queue's messages that wait for their next try be ready now; return how many."""
    return once_durable(broker.journal, operated_queue(vhost, name).retry_delayed())
