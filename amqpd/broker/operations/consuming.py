"""Finding the queue for basic.consume and basic.get, with the checks that both share."""

from __future__ import annotations

from amqpd.broker.operations.lookup import find_queue
from amqpd.broker.permissions import READ
from amqpd.broker.queue import Queue
from amqpd.broker.session import QUEUE, Session
from amqpd.errors import AccessRefused, PreconditionFailed
from amqpd.fields import Table


def readable_queue(session: Session, name: str) -> Queue:
    """Raises AccessRefused, NotFound or ResourceLocked."""
    session.require(READ, QUEUE, name)
    return find_queue(session, name)


def check_consume(session: Session, queue: Queue, *, exclusive: bool, arguments: Table) -> int:
    """Check a new consumer against its queue; return its priority."""
    what = f"queue '{queue.name}' in vhost '{session.vhost.name}'"
    priority = _priority(what, arguments)
    if queue.exclusive_consumer is not None or (exclusive and (len(queue.consumers) or queue.consumers.single)):
        raise AccessRefused(f"{what} in exclusive use")
    return priority


def _priority(what: str, arguments: Table) -> int:
    field = arguments.get("x-priority")
    if field is None:
        return 0
    if not field.is_integer or not isinstance(field.value, int):
        raise PreconditionFailed(
            f"invalid arg 'x-priority' for {what}: \"expected integer, got {field.type_name}\""
        )
    return field.value
