"""What the arguments of queues come to, by their octets: clients declare most of their queues with the same few."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from amqpd.broker.compat import Compat
from amqpd.broker.interning import KEPT
from amqpd.broker.policy_keys import Value
from amqpd.broker.queue_arguments import CLASSIC, validate
from amqpd.broker.settings import Settings, settings_of
from amqpd.fields import Table

if TYPE_CHECKING:
    from amqpd.broker.queue_types.port import QueueType


class Accepted(NamedTuple):
    """What arguments come to."""

    arguments: Table
    """One object for all queues that have the same; nothing but octets until somebody asks for what they say."""
    queue_type: type[QueueType]
    settings: Settings
    """Without policies."""


class AcceptedArguments:
    """Those of one broker."""

    __slots__ = ("_checked", "_compat", "_known", "_queue_types")

    def __init__(self, compat: Compat, queue_types: Mapping[str, type[QueueType]]) -> None:
        self._compat = compat
        self._queue_types = queue_types
        self._known: dict[bytes, Accepted] = {}
        self._checked: set[bytes] = set()

    def queue_type(self, arguments: Table) -> type[QueueType] | None:
        """The type that x-queue-type asks for: classic without it, None for one that isn't known."""
        field = arguments.get("x-queue-type")
        if field is None:
            return self._queue_types[CLASSIC]
        return self._queue_types.get(field.text()) if field.tag == "S" else None

    def check(self, queue: str, vhost: str, arguments: Table) -> Accepted:
        """Check the arguments of a queue that is about to be created. Raises PreconditionFailed."""
        if arguments.raw not in self._checked:
            validate(queue, vhost, arguments, self._compat, self.queue_type(arguments))
            self._checked.add(arguments.raw)
        return self.read(arguments)

    def read(self, arguments: Table) -> Accepted:
        """The same for arguments that were checked before, maybe by an earlier version: before a restart."""
        accepted = self._known.get(arguments.raw)
        if accepted is None:
            queue_type = self.queue_type(arguments)
            assert queue_type is not None
            settings = settings_of(arguments, {}, queue_type, self._compat)
            if len(self._known) >= KEPT:  # clients can make up any number of them
                self._known.clear()
                self._checked.clear()
            accepted = self._known[arguments.raw] = Accepted(Table(arguments.raw), queue_type, settings)
        return accepted

    def merge(self, accepted: Accepted, definition: Mapping[str, Value]) -> Settings:
        """The settings under the definition of a policy."""
        if not definition:
            return accepted.settings
        return settings_of(accepted.arguments, definition, accepted.queue_type, self._compat)
