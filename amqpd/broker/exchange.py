"""An exchange: its bindings and a router of its type that finds destinations for a message.

The exchange owns what all types share (bindings, alternate exchange, cycles, distinct queues); a type answers one
question: which destinations does this key, or do these properties, lead to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from amqpd.broker.bindings import Binding, BindingKey
from amqpd.broker.compat import Compat
from amqpd.fields import Table
from amqpd.properties import Properties

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue


class ExchangeType(ABC):
    """How one exchange routes. New types register under the entry-point group `amqpd.exchange_types`."""

    name: ClassVar[str]
    """The type as exchange.declare names it."""

    by_key: ClassVar[bool] = True
    """Whether the routing key alone decides, so that a route can be remembered for it."""

    def __init__(self, exchange: Exchange, compat: Compat) -> None:
        """Raises PreconditionFailed where the exchange's arguments don't suit the type."""

    def check(self, routing_key: str, arguments: Table) -> None:
        """Raise PreconditionFailed where a binding's key or arguments don't suit the type."""

    @abstractmethod
    def add(self, binding: Binding) -> None:
        """A new binding has this exchange as its source."""

    @abstractmethod
    def remove(self, binding: Binding) -> None:
        """A binding is gone."""

    @abstractmethod
    def route(self, routing_key: str, properties: Properties) -> Iterable[Queue | Exchange]:
        """Destinations for one routing key; the same one may come several times."""


class Exchange:
    """One exchange of a vhost."""

    __slots__ = (
        "alternate",
        "arguments",
        "auto_delete",
        "by_key",
        "durable",
        "exchanges",
        "incoming",
        "internal",
        "name",
        "outgoing",
        "router",
        "type_name",
    )

    kind: ClassVar[str] = "exchange"

    def __init__(
        self,
        name: str,
        type_: type[ExchangeType],
        compat: Compat,
        *,
        durable: bool = True,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: Table,
    ) -> None:
        self.name = name
        self.type_name = type_.name
        self.durable = durable
        self.auto_delete = auto_delete
        self.internal = internal
        self.arguments = arguments
        alternate = arguments.get("alternate-exchange")
        self.alternate = (
            alternate.value.decode("utf-8", "surrogateescape")
            if alternate is not None and isinstance(alternate.value, bytes)
            else None
        )
        self.outgoing: dict[BindingKey, Binding] = {}
        self.exchanges: dict[Binding, Exchange] = {}
        """The outgoing bindings that lead to exchanges, so that nobody looks for them among those to queues."""
        self.incoming: dict[Binding, None] = {}
        self.by_key: tuple[int, bool] | None = None
        """The vhost's verdict on whether routes from here depend on the key alone, and of which topology."""
        self.router = type_(self, compat)

    def add(self, binding: Binding) -> None:
        self.outgoing[binding.key] = binding
        if isinstance(binding.destination, Exchange):
            self.exchanges[binding] = binding.destination
        self.router.add(binding)

    def remove(self, binding: Binding) -> None:
        del self.outgoing[binding.key]
        self.exchanges.pop(binding, None)
        self.router.remove(binding)

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> dict[Queue | Exchange, None]:
        """Distinct destinations for all routing keys, in a fixed order."""
        if len(routing_keys) == 1:
            return dict.fromkeys(self.router.route(routing_keys[0], properties))
        found: dict[Queue | Exchange, None] = {}
        for routing_key in routing_keys:
            found.update(dict.fromkeys(self.router.route(routing_key, properties)))
        return found
