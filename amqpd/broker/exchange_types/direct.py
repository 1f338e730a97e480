"""direct: the binding key equals the routing key. Every binding of a key counts, not only the first."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange, ExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.properties import Properties

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue


class Direct(ExchangeType):
    """One dictionary lookup, whatever the number of bindings."""

    name: ClassVar[str] = "direct"

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        self._bindings: dict[str, dict[Binding, None]] = {}

    def add(self, binding: Binding) -> None:
        self._bindings.setdefault(binding.routing_key, {})[binding] = None

    def remove(self, binding: Binding) -> None:
        bindings = self._bindings[binding.routing_key]
        del bindings[binding]
        if not bindings:
            del self._bindings[binding.routing_key]

    def route(self, routing_key: str, properties: Properties) -> Collection[Queue | Exchange]:
        return [binding.destination for binding in self._bindings.get(routing_key, ())]
