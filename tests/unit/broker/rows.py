"""A journal that keeps rows of definitions in memory, and what is to be the same after a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from amqpd.broker.bindings import Binding, BindingKey
from amqpd.broker.broker import Broker
from amqpd.broker.compat import DEFAULT
from amqpd.broker.definitions import KINDS, Cell, Change, Kind
from amqpd.broker.exchange import Exchange
from amqpd.broker.ports import MemoryJournal
from amqpd.broker.queue import Queue
from amqpd.broker.vhost import VHost
from tests.unit.broker.world import World

Key = tuple[Cell, ...]


class RowJournal(MemoryJournal):
    """All rows, and the changes since it began."""

    keeps_definitions = True

    def __init__(self, tables: Mapping[Kind, Mapping[Key, Key]] | None = None) -> None:
        self.tables = {kind: dict(tables[kind]) if tables else {} for kind in KINDS}
        self.changes: list[Change] = []

    def define(self, change: Change) -> None:
        assert len(change.key) == len(change.kind.key)
        self.changes.append(change)
        if change.values is None:
            self.tables[change.kind].pop(change.key, None)
        else:
            assert len(change.values) == len(change.kind.values)
            self.tables[change.kind][change.key] = change.values

    def rows(self, kind: Kind) -> Mapping[Key, Key]:
        return dict(self.tables[kind])


@attrs.define
class Kept:
    """A world whose definitions are kept."""

    world: World
    journal: RowJournal

    @classmethod
    def new(cls, profile: str = DEFAULT, journal: RowJournal | None = None, *, strict: bool = False) -> Kept:
        journal = journal or RowJournal()
        return cls(World(profile, strict=strict, journal=journal, rows=journal.rows), journal)

    def again(self, profile: str = DEFAULT, *, strict: bool = False) -> Kept:
        """Another broker, from the rows of this one."""
        return Kept.new(profile, RowJournal(self.journal.tables), strict=strict)


def durable(broker: Broker) -> dict[str, object]:
    """All that is to be there after a restart, in the order that clients may see."""
    access = broker.access
    return {
        "users": dict(access.users),
        "permissions": {key: str(each) for key, each in access.permissions.items()},
        "topic permissions": dict(access.topic_permissions),
        "vhosts": {name: _of_vhost(vhost) for name, vhost in broker.vhosts.items()},
    }


def _of_vhost(vhost: VHost) -> dict[str, object]:
    exchanges = [each for each in vhost.exchanges.values() if each.durable]
    queues = [each for each in vhost.queues.values() if _stays(each)]
    bindings = [
        (exchange.name, each.destination.kind, each.destination.name, each.routing_key, each.arguments.raw)
        for exchange in exchanges
        for each in exchange.outgoing.values()
        if _stays(each.destination)
    ]
    return {
        "limits": (vhost.max_connections, vhost.max_queues, vhost.default_queue_type),
        "policies": (dict(vhost.policies.ordinary), dict(vhost.policies.operator)),
        "exchanges": [
            (each.id, each.name, each.type_name, each.auto_delete, each.internal, each.arguments.raw, each.alternate)
            for each in exchanges
        ],
        "declared_by": [each.declared_by for each in exchanges],
        "queues": [
            (each.id, each.name, each.type.name, each.auto_delete, each.arguments.raw, each.settings)
            for each in queues
        ],
        "bindings": bindings,
        "incoming": {
            **{("exchange", each.name): _incoming(each.incoming) for each in exchanges},
            **{("queue", each.name): _incoming(each.bindings) for each in queues},
        },
    }


def _stays(each: Queue | Exchange) -> bool:
    return each.durable and (isinstance(each, Exchange) or each.owner is None)


def _incoming(found: Iterable[Binding]) -> set[tuple[str, BindingKey]]:
    return {(each.source.name, each.key) for each in found if each.source.durable}
