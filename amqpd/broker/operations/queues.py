"""Declare, purge and delete queues."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from amqpd.broker.broker import Broker
from amqpd.broker.operations.lookup import (
    cleaned,
    find_queue,
    locked,
    no_queue,
    once_durable,
    require_access,
    require_same,
    require_same_argument,
)
from amqpd.broker.pending import Pending, Recorded
from amqpd.broker.permissions import CONFIGURE, READ, WRITE
from amqpd.broker.ports import Journal
from amqpd.broker.queue import Queue
from amqpd.broker.queue_arguments import CLASSIC, check_server_named, locate
from amqpd.broker.reply_to import PREFIX, PSEUDO_QUEUE
from amqpd.broker.session import EXCHANGE, QUEUE, Session
from amqpd.broker.undecided import once_decided
from amqpd.broker.vhost import VHost
from amqpd.errors import AccessRefused, PreconditionFailed
from amqpd.fields import Field, Table, longstr

TYPE: Final = "x-queue-type"
QUORUM: Final = "quorum"
SERVER_NAMED: Final = "amq.gen-"


class Declared(NamedTuple):
    """What declare-ok says."""

    name: str
    messages: int
    consumers: int


def declare(
    broker: Broker,
    session: Session,
    name: str,
    *,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
    arguments: Table,
) -> Declared | Pending[Declared]:
    """Create a queue (an empty name asks for one that the server makes up), or check that the existing one is the
    same.
    """
    vhost, profile = session.vhost, broker.compat.profile
    if name.startswith(PSEUDO_QUEUE):
        return _reply_queue(broker, session, name)
    if TYPE not in arguments:
        arguments = _with_default_type(broker, vhost, durable, exclusive, auto_delete, arguments)
    name = cleaned(name)
    if name.startswith("amq."):
        raise AccessRefused(f"queue name '{name}' contains reserved prefix 'amq.*'")
    if name:
        return _declare(broker, session, name, durable, exclusive, auto_delete, arguments)
    check_server_named(broker.queue_arguments.queue_type(arguments), profile)
    made_up = broker.unique_name(SERVER_NAMED)
    # Done again from its beginning, it would make up another name, and somebody would be asked about that one.
    return once_decided(lambda: _declare(broker, session, made_up, durable, exclusive, auto_delete, arguments))


def _declare(
    broker: Broker,
    session: Session,
    name: str,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
    arguments: Table,
) -> Declared | Pending[Declared]:
    durable = durable and not exclusive
    session.require(CONFIGURE, QUEUE, name)
    queue = session.vhost.queues.get(name)
    if queue is not None:
        _require_equivalent(broker, session, queue, durable, exclusive, auto_delete, arguments)
        queue.redeclared()
    else:
        _check_new(broker, session, name, durable, exclusive, auto_delete, arguments)
        owner = session if exclusive else None
        queue = session.vhost.add_queue(name, durable, auto_delete, owner, arguments, session.user.name)
    broker.statistics.queues_declared += 1
    return once_durable(broker.journal, Declared(name, queue.message_count, queue.consumer_count))


def declare_passive(broker: Broker, session: Session, name: str) -> Declared | Pending[Declared]:
    """Check that a queue exists and may be used; tell its counts."""
    if name.startswith(PSEUDO_QUEUE):
        return _reply_queue(broker, session, name)
    name = cleaned(name)
    if broker.compat.profile.passive_needs_any_permission:
        session.require_any(QUEUE, name)
    queue = find_queue(session, name)
    queue.redeclared()
    return once_durable(broker.journal, Declared(name, queue.message_count, queue.consumer_count))


def purge(broker: Broker, session: Session, name: str) -> int | Pending[int]:
    """Drop the ready messages; return how many there were, once they won't come back after a restart."""
    session.require(READ, QUEUE, name)
    queue = find_queue(session, name)
    queue.type.check_purge(f"queue '{name}' in vhost '{session.vhost.name}'")
    returning = queue.in_place()
    if returning is None:
        return _purged(broker.journal, queue)
    purged: Pending[int] = Pending()

    def in_place(_: Pending[None]) -> None:
        count = _purged(broker.journal, queue)
        if isinstance(count, Pending):
            count.pass_on(purged)
        else:
            purged.settle(count)

    returning.when_done(in_place)
    return purged


def _purged(journal: Journal, queue: Queue) -> int | Pending[int]:
    count = queue.purge()
    durable = journal.messages_durable() if queue.id and not journal.immediate else None
    return count if durable is None else Recorded(count, durable)


def delete(broker: Broker, session: Session, name: str, *, if_unused: bool, if_empty: bool) -> int | Pending[int]:
    """Delete a queue; return how many messages were ready. One that doesn't exist is fine."""
    vhost = session.vhost
    name = cleaned(name)
    session.require(CONFIGURE, QUEUE, name)
    queue = vhost.queues.get(name)
    if queue is None:
        return once_durable(broker.journal, 0)
    require_access(session, queue)
    what = f"queue '{name}' in vhost '{vhost.name}'"
    queue.type.check_delete(what, queue, if_unused=if_unused, if_empty=if_empty)
    return once_durable(broker.journal, vhost.delete_queue(queue, session.user.name))


def _reply_queue(broker: Broker, session: Session, name: str) -> Declared:
    """Declaring a reply name asks whether its requester is still there."""
    if name == PSEUDO_QUEUE or (name.startswith(PREFIX) and name in broker.reply_consumers):
        return Declared(name, 0, 1)
    raise no_queue(session.vhost, name)


def _with_default_type(
    broker: Broker, vhost: VHost, durable: bool, exclusive: bool, auto_delete: bool, arguments: Table
) -> Table:
    """Add the type that a queue has which asks for none; classic ones are older than the argument, and stay without
    it in older versions. Arguments that get it are sorted by name, which events show.
    """
    profile, name = broker.compat.profile, CLASSIC
    if profile.has_default_queue_types:
        default = vhost.default_queue_type or broker.default_queue_type
        if broker.queue_types[default].suits(durable=durable, exclusive=exclusive, auto_delete=auto_delete):
            name = default
    if name == CLASSIC and not profile.injects_queue_type:
        return arguments
    return arguments.with_field(TYPE, longstr(name)).sorted() if arguments.raw else _of_type(name)


@cache
def _of_type(name: str) -> Table:
    return Table.of({TYPE: longstr(name)})


def _check_new(
    broker: Broker, session: Session, name: str, durable: bool, exclusive: bool, auto_delete: bool, arguments: Table
) -> None:
    vhost = session.vhost
    broker.limits.require_queue(name, [each.queues for each in broker.vhosts.values()])
    if vhost.max_queues is not None and 0 <= vhost.max_queues <= len(vhost.queues):
        raise PreconditionFailed(
            f"cannot declare queue '{name}': queue limit in vhost '{vhost.name}' ({vhost.max_queues}) is reached"
        )
    dead_letter = arguments.get("x-dead-letter-exchange")
    if dead_letter is not None and dead_letter.tag == "S":  # another type is refused by `validate`, before all else
        session.require(READ, QUEUE, name)
        session.require(WRITE, EXCHANGE, dead_letter.text())
    queue_type = broker.queue_arguments.check(name, vhost.name, arguments).queue_type
    what = f"queue '{name}' in vhost '{vhost.name}'"
    queue_type.check_new(what, durable=durable, exclusive=exclusive, auto_delete=auto_delete)
    if not exclusive:
        locate(arguments, broker.compat.profile)


def _require_equivalent(
    broker: Broker,
    session: Session,
    queue: Queue,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
    arguments: Table,
) -> None:
    if queue.owner is not (session if exclusive else None):
        raise locked(session.vhost, queue.name)
    if broker.relaxed_redeclare and queue.type.name == QUORUM and arguments.get(TYPE) == longstr(CLASSIC):
        return
    what = f"queue '{queue.name}' in vhost '{session.vhost.name}'"
    require_same(what, "durable", durable, queue.durable)
    require_same(what, "auto_delete", auto_delete, queue.auto_delete)
    if arguments.raw == queue.arguments.raw:  # as nearly always: to compare some thirty arguments takes a while
        return
    for name in queue.type.compared(broker.compat):
        new, current = arguments.get(name), queue.arguments.get(name)
        if name == TYPE and _is_classic(new) and _is_classic(current):
            continue
        require_same_argument(what, name, new, current)


def _is_classic(field: Field | None) -> bool:
    """An absent x-queue-type means classic."""
    return field is None or field == longstr(CLASSIC)
