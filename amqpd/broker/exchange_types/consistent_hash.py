"""x-consistent-hash: each message goes to one destination, which its routing key, a header or a property chooses.

A binding's key is its destination's weight, and the share of values that a destination gets is its share of all
weights. Each destination draws a lot for each value, and the best lot for its weight wins (weighted rendezvous
hashing): so a new destination takes values from all others and a removed one leaves them to all others, while no other
value moves. Which value goes where depends on the names and weights that are bound, not on the order in which they
came, nor on the process. Why not a ring or jumps: spec/decisions/0015-consistent-hash.md.
https://github.com/rabbitmq/rabbitmq-server/tree/main/deps/rabbitmq_consistent_hash_exchange
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from math import log
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange, MessageExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.exchange_types.hashing import hash64
from amqpd.errors import InternalError, PreconditionFailed
from amqpd.fields import Field, Table, longstr
from amqpd.properties import Properties

if TYPE_CHECKING:
    from amqpd.broker.message import Message
    from amqpd.broker.queue import Queue

INTEGER: Final = re.compile(r"[+-]?[0-9]+")
PROPERTIES: Final = ("correlation_id", "message_id", "timestamp")
KNOWN: Final = 16_384
"""Values whose destination is remembered."""
LOTS_A_UNIT: Final = 16
"""Lots that may be drawn for one unit of the turn's budget."""
MASK: Final = 2**64 - 1
LOG_RANGE: Final = 64 * log(2)


class Lot(NamedTuple):
    """What one destination draws with: numbers that depend on its name alone."""

    seed: int
    factor: int
    winner: tuple[Queue | Exchange]


class ConsistentHash(MessageExchangeType):
    """What a value's lots were is remembered until a binding changes."""

    name: ClassVar[str] = "x-consistent-hash"

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        header, property_ = exchange.arguments.get("hash-header"), exchange.arguments.get("hash-property")
        name = _text(header)
        self._header = None if name is None else name.encode("utf-8", "surrogateescape")
        self._property = _text(property_)
        if header is not None and property_ is not None:
            raise PreconditionFailed("hash-header and hash-property are mutually exclusive")
        if self._property is not None and self._property not in PROPERTIES:
            raise PreconditionFailed(f"Unsupported property: {self._property}")
        self.by_key = header is None and property_ is None
        self._work = context.work
        self._weight_maximum = context.compat.profile.hash_weight_maximum
        self._bindings: dict[Queue | Exchange, dict[Binding, int]] = {}
        self._lots: dict[int, list[Lot]] | None = {}
        """By weight; None: to be made anew."""
        self._known: dict[int, tuple[Queue | Exchange, ...]] = {}

    def check(self, routing_key: str, arguments: Table, destination: Queue | Exchange) -> None:
        if not INTEGER.fullmatch(routing_key):
            raise PreconditionFailed(f"The binding key must be an integer: {longstr(routing_key).term()}")
        weight = int(routing_key)
        if weight < 1:
            raise PreconditionFailed("The binding key must be greater than 0")
        if self._weight_maximum is not None and weight > self._weight_maximum:
            raise PreconditionFailed(f"The binding key must not exceed {self._weight_maximum}")

    def add(self, binding: Binding) -> None:
        self._bindings.setdefault(binding.destination, {})[binding] = int(binding.routing_key)
        self._changed()

    def remove(self, binding: Binding) -> None:
        bindings = self._bindings[binding.destination]
        del bindings[binding]
        if not bindings:
            del self._bindings[binding.destination]
        self._changed()

    def destinations(self, routing_keys: Sequence[str], message: Message) -> Collection[Queue | Exchange]:
        value = hash64(self._value(routing_keys[0], message.properties))
        found = self._known.get(value)
        if found is None:
            if len(self._known) >= KNOWN:
                self._known.clear()
            found = self._known[value] = self._draw(value)
        return found

    def _value(self, routing_key: str, properties: Properties) -> bytes:
        """What is hashed; the same for all messages without it."""
        if self._header is not None:
            headers = properties.headers
            return b"" if headers is None else headers.pick((self._header,)).get(self._header, b"")
        if self._property is not None:
            found = getattr(properties, self._property)
            return b"" if found is None else b"=" + str(found).encode("utf-8", "surrogateescape")
        return routing_key.encode("utf-8", "surrogateescape")

    def _draw(self, value: int) -> tuple[Queue | Exchange, ...]:
        lots = self._lots
        if lots is None:
            lots = self._lots = self._made()
        self._work.spent += len(self._bindings) // LOTS_A_UNIT
        best = float("inf")
        winner: tuple[Queue | Exchange, ...] = ()
        for weight, equals in lots.items():
            top, first = -1, winner
            for seed, factor, destination in equals:
                product = (value ^ seed) * factor
                drawn = product >> 64 ^ product & MASK
                if drawn > top:
                    top, first = drawn, destination
            lot = (LOG_RANGE - log(top + 1)) / weight
            if lot < best:
                best, winner = lot, first
        return winner

    def _made(self) -> dict[int, list[Lot]]:
        """Where a destination is bound several times, its oldest binding gives the weight."""
        lots: dict[int, list[Lot]] = {}
        for destination, bindings in self._bindings.items():
            name = f"{destination.kind} {destination.name}".encode("utf-8", "surrogateescape")
            lot = Lot(hash64(name), hash64(b"factor of " + name) | 1, (destination,))
            lots.setdefault(next(iter(bindings.values())), []).append(lot)
        return lots

    def _changed(self) -> None:
        self._lots = None
        self._known.clear()


def _text(field: Field | None) -> str | None:
    """The name in hash-header or hash-property. RabbitMQ's declare crashes where it is not a long string."""
    if field is None:
        return None
    if field.tag != "S":
        raise InternalError(method=(0, 0))
    return field.text()
