"""Finding the queue for basic.consume and basic.get, with the checks that both share."""

from __future__ import annotations

from amqpd.broker.broker import Broker
from amqpd.broker.consumer_arguments import PRIORITY, validate
from amqpd.broker.operations.lookup import find_queue
from amqpd.broker.permissions import READ
from amqpd.broker.queue import Queue
from amqpd.broker.queue_types.port import Request
from amqpd.broker.session import QUEUE, Session


def readable_queue(session: Session, name: str) -> Queue:
    """Raises AccessRefused, NotFound or ResourceLocked."""
    session.require(READ, QUEUE, name)
    return find_queue(session, name)


def check_consume(broker: Broker, session: Session, queue: Queue, request: Request) -> int:
    """Check a new consumer against its queue; return its priority."""
    what = f"queue '{queue.name}' in vhost '{session.vhost.name}'"
    validate(what, request.arguments, queue.type, broker.compat)
    queue.type.check_consume(what, queue, request, broker.compat)
    priority = request.arguments.get(PRIORITY)
    return priority.value if priority is not None and isinstance(priority.value, int) else 0


def check_get(session: Session, queue: Queue) -> None:
    """Check whether messages can be got from a queue."""
    queue.type.check_get(f"queue '{queue.name}' in vhost '{session.vhost.name}'", queue)
