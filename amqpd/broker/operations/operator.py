"""What an operator does to a queue: pause it and let it go on.

They take the vhost in place of a session: no permissions and no exclusive owner stand in an operator's way, and who is
one is for the caller to know (the HTTP API by a user's tags, a test by holding the broker).
"""

from __future__ import annotations

from amqpd.broker.broker import Broker
from amqpd.broker.operations.lookup import no_queue, once_durable
from amqpd.broker.pending import Pending
from amqpd.broker.queue import Queue
from amqpd.broker.vhost import VHost


def operated_queue(vhost: VHost, name: str) -> Queue:
    """Raises NotFound."""
    queue = vhost.queues.get(name)
    if queue is None:
        raise no_queue(vhost, name)
    return queue


def pause(broker: Broker, vhost: VHost, name: str) -> bool | Pending[bool]:
    """Stop a queue's deliveries; return whether that is news. Publishes, TTLs and limits go on, and a basic.get finds
    the queue empty.
    """
    queue = operated_queue(vhost, name)
    changed = not queue.paused
    if changed:
        queue.pause()
    return once_durable(broker.journal, changed)


def resume(broker: Broker, vhost: VHost, name: str) -> bool | Pending[bool]:
    """Let a queue deliver again, first of all what waits; return whether that is news."""
    queue = operated_queue(vhost, name)
    changed = queue.paused
    if changed:
        queue.unpause()
    return once_durable(broker.journal, changed)
