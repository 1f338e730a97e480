"""Builds the model from rows of definitions when the broker starts, before anybody connects.

In two steps, so that whoever starts the broker can come between: first whom and what everything else refers to (virtual
hosts, users, permissions, policies), then the graph (exchanges, queues, bindings). Nobody is told, and nothing is
recorded again, unless it lacks what an older version didn't know of. A row from which nothing can be made costs that
entity alone, and what is bound to it: a line of the log says so, and the row stays in the storage for a start that can
do more with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import attrs

from amqpd.broker.bindings import Binding, binding_key
from amqpd.broker.broker import Broker
from amqpd.broker.cells import Row
from amqpd.broker.definitions import (
    BINDINGS,
    COUNTERS,
    EXCHANGES,
    GLOBAL_PARAMETERS,
    IDS,
    PERMISSIONS,
    POLICIES,
    QUEUES,
    TOPIC_PERMISSIONS,
    USERS,
    VHOSTS,
    Kind,
    Rows,
)
from amqpd.broker.events import UNKNOWN
from amqpd.broker.exchange import Exchange
from amqpd.broker.permissions import Permissions, TopicPermissions
from amqpd.broker.policies import Policy
from amqpd.broker.policy_validation import check_policy
from amqpd.broker.predeclared import is_predeclared
from amqpd.broker.queue import Declaration, Queue
from amqpd.broker.recording import Entity
from amqpd.broker.users import User
from amqpd.broker.vhost import VHost
from amqpd.broker.vhost_metadata import VHostMetadata
from amqpd.log import get_logger

log = get_logger(__name__)

REMEDY: Final = "the row stays as it is: start with what it needs, or stop the broker and correct or delete the row"


@attrs.frozen
class Restored:
    """What the graph holds now."""

    holders: dict[int, Queue | Exchange]
    """Queues, and exchanges that keep messages, by id."""
    missing: frozenset[int]
    """Ids of what is defined but could not be restored: what belongs to it is to be kept."""


def restore(broker: Broker, rows: Rows) -> Restored:
    """Both steps."""
    restore_access(broker, rows)
    return restore_graph(broker, rows)


def restore_access(broker: Broker, rows: Rows) -> bool:
    """Virtual hosts, users, permissions and policies. Return whether there is any of the first three: where not,
    the broker is new, and gets its defaults.
    """
    restoring = _Restoring(broker, rows)
    restoring.each(VHOSTS, restoring.vhost)
    restoring.each(USERS, restoring.user)
    restoring.each(PERMISSIONS, restoring.permissions)
    restoring.each(TOPIC_PERMISSIONS, restoring.topic_permissions)
    restoring.each(POLICIES, restoring.policy)
    restoring.each(GLOBAL_PARAMETERS, restoring.global_parameter)
    broker.access.changed()
    return any(rows(kind) for kind in (VHOSTS, USERS, PERMISSIONS))


def restore_graph(broker: Broker, rows: Rows) -> Restored:
    """Exchanges, queues (their leases start anew) and bindings, in the vhosts that are there by now."""
    restoring = _Restoring(broker, rows)
    restoring.continue_ids()
    restoring.each(EXCHANGES, restoring.exchange)
    restoring.each(QUEUES, restoring.queue)
    restoring.each(BINDINGS, restoring.binding)
    restoring.finish()
    return Restored(restoring.holders, frozenset(restoring.ids.difference(restoring.holders)))


class _Restoring:
    """One method for each kind of row; what is wrong with one raises an exception that says it."""

    def __init__(self, broker: Broker, rows: Rows) -> None:
        self._broker = broker
        self._rows = rows
        self._unbound: Counter[Entity] = Counter()
        self.holders: dict[int, Queue | Exchange] = {}
        self.ids: set[int] = set()
        """Of all queues and exchanges that are defined."""

    def each(self, kind: Kind, make: Callable[[Row], None]) -> None:
        for key, values in self._rows(kind).items():
            row = Row(kind, key, values)
            try:
                make(row)
            except Exception as error:  # noqa: BLE001  # whatever it is, it costs this row alone
                named = {column: row.shown(column) for column in kind.key if column != "arguments_octets"}
                log.error("definition not restored", table=kind.name, **named, reason=str(error), hint=REMEDY)
                self._leave(row)

    def continue_ids(self) -> None:
        """Go on counting where the ids ended."""
        given = [*self._rows(COUNTERS).get((IDS,), ())]
        for kind in (EXCHANGES, QUEUES):
            at = kind.values.index("id")
            given += [values[at] for values in self._rows(kind).values()]
        self._broker.recorder.skip_ids(max((each for each in given if isinstance(each, int)), default=0))

    def finish(self) -> None:
        """Tell what could not be bound, by what was missing."""
        for (vhost, kind, name), count in self._unbound.items():
            where = {"vhost": vhost, kind: name}
            reason = f"there is no {kind} of this name"
            log.error("bindings not restored", **where, count=count, reason=reason, hint=REMEDY)

    # -- access ----------------------------------------------------------------------------------------------------

    def vhost(self, row: Row) -> None:
        vhost = self._broker.place_vhost(row.text("name"))
        try:
            limits = row.mapping("limits")
            vhost.max_connections = _limit(limits, "max-connections")
            vhost.max_queues = _limit(limits, "max-queues")
            default = row.text_or_none("default_queue_type")
            if default is not None:
                vhost.default_queue_type = self._broker.known_queue_type(default)
            if row.present("metadata"):
                vhost.metadata = _metadata(row.mapping("metadata"))
        except ValueError as error:  # all that is in it depends on it
            raise ValueError(f"the vhost is there, but without this: {error}") from None

    def user(self, row: Row) -> None:
        limits = row.mapping("limits")
        user = User(
            row.text("name"),
            row.text("password_hash"),
            row.text("hashing_algorithm"),
            row.texts("tags"),
            _limit(limits, "max-connections"),
            _limit(limits, "max-channels"),
        )
        self._broker.access.users[user.name] = user

    def global_parameter(self, row: Row) -> None:
        self._broker.global_parameters[row.text("name")] = row.json("value")

    def permissions(self, row: Row) -> None:
        permissions = Permissions(row.text("configure"), row.text("write"), row.text("read"))
        self._broker.access.permissions[row.text("user"), row.text("vhost")] = permissions

    def topic_permissions(self, row: Row) -> None:
        key = row.text("user"), row.text("vhost"), row.text("exchange")
        self._broker.access.topic_permissions[key] = TopicPermissions(row.text("write"), row.text("read"))

    def policy(self, row: Row) -> None:
        vhost, operator = self._vhost(row), row.flag("operator")
        policy = Policy(
            name=row.text("name"),
            pattern=row.text("pattern"),
            definition=row.mapping("definition"),
            priority=row.number("priority"),
            apply_to=row.text("apply_to"),
        )
        compat = self._broker.compat
        check_policy(policy.pattern, policy.definition, policy.priority, policy.apply_to, compat, operator=operator)
        vhost.policies.set(policy, operator=operator)

    # -- graph -----------------------------------------------------------------------------------------------------

    def exchange(self, row: Row) -> None:
        number = self._id(row) if row.present("id") else 0
        vhost, name = self._vhost(row), row.text("name")
        if is_predeclared(name):
            raise ValueError("this name is one of the broker's own exchanges")
        type_ = vhost.context.type_named(row.text("type"))
        older = type_.keeps_messages and not number
        exchange = Exchange(
            name,
            type_,
            vhost.context,
            durable=row.flag("durable"),
            auto_delete=row.flag("auto_delete"),
            internal=row.flag("internal"),
            arguments=row.table("arguments_octets"),
            number=self._broker.recorder.next_id() if older else number,
            by=row.text("declared_by") if row.present("declared_by") else UNKNOWN,
        )
        vhost.place_exchange(exchange)
        if exchange.id:
            self.holders[exchange.id] = exchange
        if older:  # it was declared before its type kept messages
            self.ids.add(exchange.id)
            self._broker.recorder.exchange(vhost, exchange)

    def queue(self, row: Row) -> None:
        number = self._id(row)
        vhost, arguments = self._vhost(row), row.table("arguments_octets")
        declared = Declaration(row.text("name"), arguments, row.flag("durable"), row.flag("auto_delete"), id=number)
        if row.text("type") not in self._broker.queue_types:
            raise ValueError(f"unknown queue type {row.text('type')!r}")
        queue_type = self._broker.queue_arguments.queue_type(arguments)
        if queue_type is None or queue_type.name != row.text("type"):
            raise ValueError(f"its arguments ask for another queue type than {row.text('type')!r}")
        self.holders[number] = queue = vhost.place_queue(declared)
        if row.present("paused") and row.flag("paused"):
            queue.pause()

    def binding(self, row: Row) -> None:
        vhost_name = row.text("vhost")
        source, kind, name = row.text("source"), row.text("destination_type"), row.text("destination")
        vhost = self._broker.vhosts.get(vhost_name)
        exchange = None if vhost is None else vhost.exchanges.get(source)
        destination = None if vhost is None else _destination(vhost, kind, name)
        if vhost is None or exchange is None or destination is None:
            found = exchange is not None
            missing = (kind, name) if found else (Exchange.kind, source) if vhost is not None else ("vhost", vhost_name)
            self._unbound[vhost_name, *missing] += 1
            self._leave(row)
            return
        arguments, routing_key = row.table("arguments_octets"), row.text("routing_key")
        if binding_key(destination, routing_key, arguments) in exchange.outgoing:
            raise ValueError("another row is the same binding")
        exchange.router.check(routing_key, arguments, destination)
        vhost.place_binding(Binding(exchange, destination, routing_key, arguments))

    def _id(self, row: Row) -> int:
        number = row.integer("id")
        if number in self.ids or not number:
            raise ValueError(f"id is {number}: expected a number above 0 that no other queue or exchange has")
        self.ids.add(number)
        return number

    def _vhost(self, row: Row) -> VHost:
        name = row.text("vhost")
        vhost = self._broker.vhosts.get(name)
        if vhost is None:
            raise ValueError(f"there is no vhost {name!r}")
        return vhost

    def _leave(self, row: Row) -> None:
        if "vhost" in row.kind.key:
            self._broker.recorder.leave(row.kind, row.key, _entities(row))


KIND_OF: Final = {EXCHANGES: Exchange.kind, QUEUES: Queue.kind}


def _entities(row: Row) -> list[Entity]:
    """What a row of a vhost belongs to: a binding's to both of its ends."""
    vhost = row.shown("vhost")
    if row.kind is BINDINGS:
        destination = (vhost, row.shown("destination_type"), row.shown("destination"))
        return [(vhost, Exchange.kind, row.shown("source")), destination]
    return [(vhost, KIND_OF.get(row.kind, row.kind.name), row.shown(row.kind.key[-1]))]


def _destination(vhost: VHost, kind: str, name: str) -> Queue | Exchange | None:
    """What a binding leads to: all but the default exchange."""
    if kind not in (Queue.kind, Exchange.kind):
        raise ValueError(f"destination_type is {kind!r}: expected {Queue.kind!r} or {Exchange.kind!r}")
    return vhost.queues.get(name) if kind == Queue.kind else vhost.exchanges.get(name)


def _metadata(said: dict[str, object]) -> VHostMetadata:
    tags, protected = said.get("tags"), said.get("protected_from_deletion")
    if not isinstance(tags, list) or not isinstance(protected, bool):
        expected = "tags as an array and protected_from_deletion as a boolean"
        raise ValueError(f"metadata is {said!r:.200}: expected {expected}")  # noqa: TRY004  # it is the row's value
    return VHostMetadata(
        description=str(said.get("description")), tags=tuple(str(each) for each in tags), protected=protected
    )


def _limit(limits: dict[str, object], name: str) -> int | None:
    limit = limits.get(name)
    if limit is not None and not isinstance(limit, int):
        raise ValueError(f"limits has {limit!r} for {name!r}: expected a whole number")
    return limit
