"""x-random: one binding drawn by lot for each message; keys are ignored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange, MessageExchangeType
from amqpd.broker.exchange_context import ExchangeContext

if TYPE_CHECKING:
    from amqpd.broker.message import Message
    from amqpd.broker.queue import Queue


class Random(MessageExchangeType):
    """A queue that is bound twice has two lots."""

    name: ClassVar[str] = "x-random"

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        self._randomness = context.randomness
        self._bindings: list[Binding] = []
        self._places: dict[Binding, int] = {}

    def add(self, binding: Binding) -> None:
        self._places[binding] = len(self._bindings)
        self._bindings.append(binding)

    def remove(self, binding: Binding) -> None:
        place = self._places.pop(binding)
        last = self._bindings.pop()
        if last is not binding:
            self._bindings[place] = last
            self._places[last] = place

    def destinations(self, routing_keys: Sequence[str], message: Message) -> Collection[Queue | Exchange]:
        count = len(self._bindings)
        if count < 2:
            return [binding.destination for binding in self._bindings]
        drawn = int.from_bytes(self._randomness.octets(8), "big") % count
        return (self._bindings[drawn].destination,)
