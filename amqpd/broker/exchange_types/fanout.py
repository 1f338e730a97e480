"""fanout: every binding, whatever the keys."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange, ExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.properties import Properties

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue


class Fanout(ExchangeType):
    """All destinations, counted, since one may be bound under several keys."""

    name: ClassVar[str] = "fanout"

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        self._destinations: dict[Queue | Exchange, int] = {}

    def add(self, binding: Binding) -> None:
        self._destinations[binding.destination] = self._destinations.get(binding.destination, 0) + 1

    def remove(self, binding: Binding) -> None:
        left = self._destinations[binding.destination] - 1
        if left:
            self._destinations[binding.destination] = left
        else:
            del self._destinations[binding.destination]

    def route(self, routing_key: str, properties: Properties) -> Collection[Queue | Exchange]:
        return self._destinations
