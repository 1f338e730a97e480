"""Finding the queue for basic.consume and basic.get, with the checks that both share."""

from __future__ import annotations

from typing import Final

from amqpd.broker.broker import Broker
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


STREAM_ARGUMENTS: Final = ("x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered")


def check_consume(broker: Broker, session: Session, queue: Queue, *, exclusive: bool, arguments: Table) -> int:
    """Check a new consumer against its queue; return its priority."""
    what = f"queue '{queue.name}' in vhost '{session.vhost.name}'"
    priority = _priority(what, arguments)
    failover = arguments.get("x-cancel-on-ha-failover")
    if failover is not None and failover.tag != "t" and broker.compat.profile.checks_cancel_on_failover:
        reason = f"{{unacceptable_type,{failover.type_name}}}"
        raise PreconditionFailed(f"invalid arg 'x-cancel-on-ha-failover' for {what}: {reason}")
    for name in STREAM_ARGUMENTS:
        if name in arguments:
            raise PreconditionFailed(f"invalid arg '{name}' for {what} of queue type rabbit_classic_queue")
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
