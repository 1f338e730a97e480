"""Definitions as rows: what outlives the broker beside messages, one plain table for each kind of thing.

Decides which tables and columns there are. Columns are called as in RabbitMQ's export of definitions, where it has
them. `recording` writes rows as the model changes, `restoring` builds the model from them, `cells` says how a value
stands in a column; what keeps them is behind the port Journal.
https://www.rabbitmq.com/docs/definitions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import attrs

Cell: TypeAlias = str | int | float | bytes | None
"""What one column holds."""


@attrs.frozen
class Kind:
    """One kind of definition: a table."""

    name: str
    key: tuple[str, ...]
    """The columns that identify a row."""
    values: tuple[str, ...]
    """The other columns. New ones go to the end: rows that were put before hold None there."""


@attrs.frozen
class Change:
    """One row of definitions is there from now on, or (`values` None) gone."""

    kind: Kind
    key: tuple[Cell, ...]
    values: tuple[Cell, ...] | None


Rows: TypeAlias = Callable[[Kind], Mapping[tuple[Cell, ...], tuple[Cell, ...]]]
"""All rows of a kind, by key, in the order in which they were first put."""

VHOSTS: Final = Kind("vhosts", ("name",), ("default_queue_type", "limits", "metadata"))
USERS: Final = Kind("users", ("name",), ("password_hash", "hashing_algorithm", "tags", "limits"))
PERMISSIONS: Final = Kind("permissions", ("user", "vhost"), ("configure", "write", "read"))
TOPIC_PERMISSIONS: Final = Kind("topic_permissions", ("user", "vhost", "exchange"), ("write", "read"))
POLICIES: Final = Kind(
    "policies", ("vhost", "operator", "name"), ("pattern", "apply_to", "definition", "priority")
)
"""Ordinary ones and (`operator` 1) operators'."""
EXCHANGES: Final = Kind(
    "exchanges",
    ("vhost", "name"),
    ("type", "durable", "auto_delete", "internal", "arguments", "arguments_octets", "id", "declared_by"),
)
"""Durable ones that a client declared. `arguments` are for people, `arguments_octets` are what counts. Those that keep
messages have an `id`. Before there was a `declared_by` nobody wrote down who it was.
"""
QUEUES: Final = Kind(
    "queues", ("vhost", "name"), ("id", "type", "durable", "auto_delete", "arguments", "arguments_octets", "paused")
)
"""Durable ones that aren't exclusive. No two of them, or of exchanges, ever have the same `id`. What an operator has
`paused` stays so.
"""
BINDINGS: Final = Kind(
    "bindings",
    ("vhost", "source", "destination_type", "destination", "routing_key", "arguments_octets"),
    ("arguments",),
)
"""Those with both ends kept or predeclared."""
GLOBAL_PARAMETERS: Final = Kind("global_parameters", ("name",), ("value",))
COUNTERS: Final = Kind("counters", ("name",), ("value",))

KINDS: Final = (
    VHOSTS,
    USERS,
    PERMISSIONS,
    TOPIC_PERMISSIONS,
    POLICIES,
    EXCHANGES,
    QUEUES,
    BINDINGS,
    GLOBAL_PARAMETERS,
    COUNTERS,
)
IDS: Final = "queue_ids"
"""The counter of ids: none above it was ever given."""
