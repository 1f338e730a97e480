"""Tells the journal what changes in the model's definitions, as rows.

Decides what is kept: durable exchanges that a client declared, durable queues that aren't exclusive, bindings whose
both ends are durable, and all virtual hosts, users, permissions and policies. Called at the one place where each of
these changes, with what holds others before what is held, and the other way round when they go: any beginning of the
sequence of changes is a graph without loose ends. Nothing is built while the journal keeps nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from amqpd.broker.cells import json_cell, number_cell, table_cells, text_cell
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
    Cell,
    Change,
    Kind,
)
from amqpd.broker.predeclared import is_predeclared
from amqpd.broker.queue import Queue
from amqpd.broker.vhost_metadata import NO_METADATA

if TYPE_CHECKING:
    from amqpd.broker.bindings import Binding
    from amqpd.broker.exchange import Exchange
    from amqpd.broker.permissions import TopicPermissions
    from amqpd.broker.policies import Policy
    from amqpd.broker.ports import Journal
    from amqpd.broker.users import User
    from amqpd.broker.vhost import VHost

BLOCK: Final = 1000
"""Ids that are set aside at a time; those of a block that weren't given are skipped after a restart."""

Entity: TypeAlias = tuple[str, str, str]
"""Something in a vhost: vhost, kind (a queue's, an exchange's, or that of its row), name."""


class Recorder:
    """One for the broker. Where two names differ by `_gone`, the first one is for what is new and for what changed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._id = 0
        self._reserved = 0
        self._left: dict[Entity, list[tuple[Kind, tuple[Cell, ...]]]] = {}

    # -- ids of queues, and of exchanges that keep messages --------------------------------------------------------

    def next_id(self) -> int:
        """A number from 1 on that nothing ever had, before a restart included."""
        self._id += 1
        if self._id > self._reserved:
            self._reserved = self._id + BLOCK - 1
            self._put(COUNTERS, (IDS,), (self._reserved,))
        return self._id

    def skip_ids(self, highest: int) -> None:
        """All up to this one may have been given before the restart."""
        self._id = self._reserved = max(self._reserved, highest)

    # -- virtual hosts, users, permissions, policies ---------------------------------------------------------------

    def vhost(self, vhost: VHost) -> None:
        if self._journal.keeps_definitions:
            limits = _limits({"max-connections": vhost.max_connections, "max-queues": vhost.max_queues})
            default = vhost.default_queue_type
            values = (default if default is None else text_cell(default), limits, _metadata(vhost))
            self._put(VHOSTS, (text_cell(vhost.name),), values)

    def vhost_gone(self, vhost: VHost) -> None:
        """What was in it has gone before, its policies and what could not be restored excepted."""
        if self._journal.keeps_definitions:
            for policies, operator in ((vhost.policies.ordinary, False), (vhost.policies.operator, True)):
                for name in policies:
                    self.policy_gone(vhost, name, operator=operator)
            for entity in [each for each in self._left if each[0] == vhost.name]:
                self._drop_left(entity)
            self._drop(VHOSTS, (text_cell(vhost.name),))

    def global_parameter(self, name: str, value: object) -> None:
        if self._journal.keeps_definitions:
            self._put(GLOBAL_PARAMETERS, (text_cell(name),), (json_cell(value),))

    def global_parameter_gone(self, name: str) -> None:
        if self._journal.keeps_definitions:
            self._drop(GLOBAL_PARAMETERS, (text_cell(name),))

    def user(self, user: User) -> None:
        if self._journal.keeps_definitions:
            limits = _limits({"max-connections": user.max_connections, "max-channels": user.max_channels})
            values = (text_cell(user.password_hash), user.hashing_algorithm, json_cell(user.tags), limits)
            self._put(USERS, (text_cell(user.name),), values)

    def user_gone(self, name: str) -> None:
        if self._journal.keeps_definitions:
            self._drop(USERS, (text_cell(name),))

    def permissions(self, user: str, vhost: str, configure: str, write: str, read: str) -> None:
        if self._journal.keeps_definitions:
            self._put(PERMISSIONS, _texts(user, vhost), _texts(configure, write, read))

    def permissions_gone(self, keys: Iterable[tuple[str, str]]) -> None:
        """By user and vhost."""
        if self._journal.keeps_definitions:
            for key in keys:
                self._drop(PERMISSIONS, _texts(*key))

    def topic_permissions(self, user: str, vhost: str, exchange: str, permissions: TopicPermissions) -> None:
        if self._journal.keeps_definitions:
            self._put(TOPIC_PERMISSIONS, _texts(user, vhost, exchange), _texts(permissions.write, permissions.read))

    def topic_permissions_gone(self, keys: Iterable[tuple[str, str, str]]) -> None:
        """By user, vhost and exchange."""
        if self._journal.keeps_definitions:
            for key in keys:
                self._drop(TOPIC_PERMISSIONS, _texts(*key))

    def policy(self, vhost: VHost, policy: Policy, *, operator: bool) -> None:
        if self._journal.keeps_definitions:
            key = (text_cell(vhost.name), int(operator), text_cell(policy.name))
            definition, priority = json_cell(policy.definition), number_cell(policy.priority)
            self._put(POLICIES, key, (text_cell(policy.pattern), policy.apply_to, definition, priority))

    def policy_gone(self, vhost: VHost, name: str, *, operator: bool) -> None:
        if self._journal.keeps_definitions:
            self._drop(POLICIES, (text_cell(vhost.name), int(operator), text_cell(name)))

    # -- the graph -------------------------------------------------------------------------------------------------

    def leave_soon(self, holders: Iterable[Queue | Exchange]) -> None:
        """These are about to be deleted: said before anything of it is recorded."""
        if self._journal.keeps_definitions:
            for holder in holders:
                if holder.id:
                    self._journal.leaves(holder.id)

    def exchange(self, vhost: VHost, exchange: Exchange) -> None:
        if self._journal.keeps_definitions and _keeps_exchange(exchange):
            self._drop_left((vhost.name, exchange.kind, exchange.name))
            flags = (int(exchange.durable), int(exchange.auto_delete), int(exchange.internal))
            further = (exchange.id or None, text_cell(exchange.declared_by))
            values = (text_cell(exchange.type_name), *flags, *table_cells(exchange.arguments), *further)
            self._put(EXCHANGES, _texts(vhost.name, exchange.name), values)

    def exchange_gone(self, vhost: VHost, exchange: Exchange) -> None:
        if self._journal.keeps_definitions and _keeps_exchange(exchange):
            self._drop_left((vhost.name, exchange.kind, exchange.name))
            self._drop(EXCHANGES, _texts(vhost.name, exchange.name))

    def queue(self, vhost: VHost, queue: Queue) -> None:
        if self._journal.keeps_definitions and queue.id:
            self._drop_left((vhost.name, queue.kind, queue.name))
            flags = (int(queue.durable), int(queue.auto_delete))
            values = (queue.id, text_cell(queue.type.name), *flags, *table_cells(queue.arguments), int(queue.paused))
            self._put(QUEUES, _texts(vhost.name, queue.name), values)

    def queue_gone(self, vhost: VHost, queue: Queue) -> None:
        if self._journal.keeps_definitions and queue.id:
            self._drop_left((vhost.name, queue.kind, queue.name))
            self._drop(QUEUES, _texts(vhost.name, queue.name))

    def binding(self, vhost: VHost, binding: Binding) -> None:
        if self._journal.keeps_definitions and _keeps_binding(binding):
            self._put(BINDINGS, _binding_key(vhost, binding), table_cells(binding.arguments)[:1])

    def binding_gone(self, vhost: VHost, binding: Binding) -> None:
        if self._journal.keeps_definitions and _keeps_binding(binding):
            self._drop(BINDINGS, _binding_key(vhost, binding))

    # -- rows that could not be restored ---------------------------------------------------------------------------

    def leave(self, kind: Kind, key: tuple[Cell, ...], entities: Collection[Entity]) -> None:
        """A row stays as it is, though nothing in the model stands for it: until a queue or exchange that it belongs
        to is declared anew or deleted, or its vhost is, so that it never comes back to somebody else's.
        """
        for entity in entities:
            self._left.setdefault(entity, []).append((kind, key))

    def _drop_left(self, entity: Entity) -> None:
        for kind, key in self._left.pop(entity, ()):
            self._drop(kind, key)

    def _put(self, kind: Kind, key: tuple[Cell, ...], values: tuple[Cell, ...]) -> None:
        if self._journal.keeps_definitions:
            self._journal.define(Change(kind, key, values))

    def _drop(self, kind: Kind, key: tuple[Cell, ...]) -> None:
        self._journal.define(Change(kind, key, None))


def _keeps_exchange(exchange: Exchange) -> bool:
    return exchange.durable and not is_predeclared(exchange.name)


def _keeps_binding(binding: Binding) -> bool:
    destination = binding.destination
    lasts = destination.id != 0 if isinstance(destination, Queue) else destination.durable
    return lasts and binding.source.durable


def _binding_key(vhost: VHost, binding: Binding) -> tuple[Cell, ...]:
    """The octets as they came: of those that are equal when sorted, a source has one binding."""
    destination = binding.destination
    names = _texts(vhost.name, binding.source.name, destination.kind, destination.name, binding.routing_key)
    return *names, binding.arguments.raw


def _metadata(vhost: VHost) -> str | None:
    """JSON; None: nothing is said."""
    metadata = vhost.metadata
    if metadata == NO_METADATA:
        return None
    said = {"description": metadata.description, "tags": metadata.tags, "protected_from_deletion": metadata.protected}
    return json_cell(said)


def _limits(limits: dict[str, int | None]) -> str:
    return json_cell({name: limit for name, limit in limits.items() if limit is not None})


def _texts(*texts: str) -> tuple[Cell, ...]:
    return tuple(map(text_cell, texts))
