"""Finding the queue for basic.consume and basic.get, with the checks that both share."""

from __future__ import annotations

from typing import Final

from amqpd.broker.broker import Broker
from amqpd.broker.operations.lookup import find_queue
from amqpd.broker.permissions import READ
from amqpd.broker.queue import Queue
from amqpd.broker.session import QUEUE, Session
from amqpd.errors import PreconditionFailed
from amqpd.fields import Table


def readable_queue(session: Session, name: str) -> Queue:
    """Raises AccessRefused, NotFound or ResourceLocked."""
    session.require(READ, QUEUE, name)
    return find_queue(session, name)


FAILOVER: Final = "x-cancel-on-ha-failover"
STREAM_ARGUMENTS: Final = ("x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered")


def check_consume(
    broker: Broker, session: Session, queue: Queue, *, exclusive: bool, windowed: bool, arguments: Table
) -> int:
    """Check a new consumer against its queue; return its priority. `windowed`: its channel has a window for all."""
    what = f"queue '{queue.name}' in vhost '{session.vhost.name}'"
    priority = _priority(what, arguments)
    names: tuple[str, ...] = STREAM_ARGUMENTS
    if broker.compat.profile.checks_cancel_on_failover:
        names = (FAILOVER, *names)
        failover = arguments.get(FAILOVER)
        if failover is not None and failover.tag != "t" and FAILOVER in queue.type.consumer_arguments:
            reason = f"{{unacceptable_type,{failover.type_name}}}"
            raise PreconditionFailed(f"invalid arg '{FAILOVER}' for {what}: {reason}")
    for name in names:
        if name in arguments and name not in queue.type.consumer_arguments:
            raise PreconditionFailed(f"invalid arg '{name}' for {what} of queue type {queue.type.module}")
    queue.type.check_consume(what, queue, exclusive=exclusive, windowed=windowed)
    return priority


def check_get(session: Session, queue: Queue) -> None:
    """Check whether messages can be got from a queue."""
    queue.type.check_get(f"queue '{queue.name}' in vhost '{session.vhost.name}'", queue)


def _priority(what: str, arguments: Table) -> int:
    field = arguments.get("x-priority")
    if field is None:
        return 0
    if not field.is_integer or not isinstance(field.value, int):
        raise PreconditionFailed(
            f"invalid arg 'x-priority' for {what}: \"expected integer, got {field.type_name}\""
        )
    return field.value
