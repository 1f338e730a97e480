"""Finding what an operation names, and RabbitMQ's texts for what is missing, locked or different."""

from __future__ import annotations

from typing import TypeVar

from amqpd.broker.exchange import Exchange
from amqpd.broker.pending import Pending, Recorded
from amqpd.broker.ports import Journal
from amqpd.broker.queue import Queue
from amqpd.broker.session import Session
from amqpd.broker.vhost import VHost
from amqpd.errors import AccessRefused, NotFound, PreconditionFailed, ResourceLocked
from amqpd.fields import Field, equivalent

T = TypeVar("T")


def once_durable(journal: Journal, result: T) -> T | Pending[T]:
    """The result of a change: at once if it is durable already, else when it will be."""
    if journal.immediate:
        return result
    pending = journal.definitions_durable()
    return result if pending is None else Recorded(result, pending)


def once_recorded(journal: Journal, result: T) -> T | Pending[T]:
    """The same for a change of what queues hold, which is recorded apart from definitions."""
    if journal.immediate:
        return result
    pending = journal.messages_durable()
    return result if pending is None else Recorded(result, pending)


def cleaned(name: str) -> str:
    """A name as RabbitMQ takes it in declare, delete, bind and unbind: without CR and LF."""
    return name.replace("\r", "").replace("\n", "")


def find_exchange(vhost: VHost, name: str) -> Exchange:
    """Raises NotFound."""
    exchange = vhost.exchanges.get(name)
    if exchange is None:
        raise NotFound(f"no exchange '{name}' in vhost '{vhost.name}'")
    return exchange


def find_queue(session: Session, name: str) -> Queue:
    """Raises NotFound, or ResourceLocked for another connection's exclusive queue."""
    queue = session.vhost.queues.get(name)
    if queue is None:
        raise no_queue(session.vhost, name)
    require_access(session, queue)
    return queue


def no_queue(vhost: VHost, name: str) -> NotFound:
    """The error for a queue that doesn't exist."""
    return NotFound(f"no queue '{name}' in vhost '{vhost.name}'")


def require_access(session: Session, queue: Queue) -> None:
    """Raise ResourceLocked for an exclusive queue of another connection."""
    if queue.owner is not None and queue.owner is not session:
        raise locked(session.vhost, queue.name)


def locked(vhost: VHost, queue: str) -> ResourceLocked:
    """The error for a queue that is another connection's alone."""
    return ResourceLocked(
        f"cannot obtain exclusive access to locked queue '{queue}' in vhost '{vhost.name}'. It could be originally "
        "declared on another connection or the exclusive property value does not match that of the "
        "original declaration."
    )


def refuse_default(exchange: str) -> None:
    """Raise AccessRefused for the exchange without a name."""
    if not exchange:
        raise AccessRefused("operation not permitted on the default exchange")


def require_same(what: str, field: str, new: object, current: object) -> None:
    """Raise PreconditionFailed where a redeclare differs in one property. `what`: `queue 'q' in vhost '/'`."""
    if new != current:
        raise _inequivalent(what, field, f"'{_shown(new)}'", f"'{_shown(current)}'")


def require_same_argument(what: str, name: str, new: Field | None, current: Field | None) -> None:
    """Raise PreconditionFailed where a redeclare differs in one argument; the type shows if only one side has it."""
    if equivalent(new, current):
        return
    if new is not None and current is not None:
        raise _inequivalent(what, name, _bare(new), _bare(current))
    raise _inequivalent(what, name, _described(new), _described(current))


def _inequivalent(what: str, name: str, new: str, current: str) -> PreconditionFailed:
    return PreconditionFailed(f"inequivalent arg '{name}' for {what}: received {new} but current is {current}")


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bare(field: Field) -> str:
    return "none" if field.tag == "V" else f"'{field.text()}'"


def _described(field: Field | None) -> str:
    return "none" if field is None else field.describe()
