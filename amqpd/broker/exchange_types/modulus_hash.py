"""x-modulus-hash: the routing keys' hash modulo the number of bindings chooses one; binding keys are ignored.

Bindings are in the order of their destinations' names, so that the choice depends on what is bound alone. A new binding
moves most keys: where that matters, x-consistent-hash is right. https://www.rabbitmq.com/docs/exchanges
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange, MessageExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.exchange_types.hashing import hash64, key_octets

if TYPE_CHECKING:
    from amqpd.broker.message import Message
    from amqpd.broker.queue import Queue


class ModulusHash(MessageExchangeType):
    """One list of destinations, sorted when it is first used after a change."""

    name: ClassVar[str] = "x-modulus-hash"
    by_key: bool = True

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        self._bindings: dict[Binding, None] = {}
        self._sorted: list[Queue | Exchange] | None = None

    def add(self, binding: Binding) -> None:
        self._bindings[binding] = None
        self._sorted = None

    def remove(self, binding: Binding) -> None:
        del self._bindings[binding]
        self._sorted = None

    def destinations(self, routing_keys: Sequence[str], message: Message) -> Collection[Queue | Exchange]:
        if not self._bindings:
            return ()
        if self._sorted is None:
            destinations = [binding.destination for binding in self._bindings]
            self._sorted = sorted(destinations, key=lambda each: (each.name, each.kind))
        return (self._sorted[hash64(key_octets(routing_keys)) % len(self._sorted)],)
