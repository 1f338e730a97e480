"""An exchange: its bindings and a router of its type that finds destinations for a message.

The exchange owns what all types share (bindings, alternate exchange); a type answers one question: which destinations
does this key, or does this message, lead to. Cycles and distinct queues are the vhost's matter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from amqpd.broker.bindings import Binding, BindingKey
from amqpd.broker.events import UNKNOWN
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.message import Message
from amqpd.fields import Table
from amqpd.properties import Properties

if TYPE_CHECKING:
    from amqpd.broker.packed_run import Run
    from amqpd.broker.queue import Queue


class ExchangeType(ABC):
    """How one exchange routes. New types register under the entry-point group `amqpd.exchange_types`.

    An ordinary type looks at one routing key and at properties (`route`). One that decides on the whole message is a
    `MessageExchangeType`.
    """

    name: ClassVar[str]
    """The type as exchange.declare names it."""

    extension: ClassVar[str | None] = None
    """The entry of `compat.EXTENSIONS` that offers it, where no RabbitMQ does: off with `strict`."""

    by_key: bool = True
    """Whether one routing key alone decides, always alike between two changes of the graph: such a route is remembered
    and not asked for again.
    """

    compared: ClassVar[tuple[str, ...]] = ()
    """Arguments that a redeclare must repeat, beside the alternate exchange."""

    keeps_messages: ClassVar[bool] = False
    """Whether messages wait in it: in a durable exchange they do so over restarts, whatever their delivery mode, if the
    type holds them in `ExchangeContext.account_of` its exchange.
    """

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        """Raises PreconditionFailed where the exchange's arguments don't suit the type."""

    def check(self, routing_key: str, arguments: Table, destination: Queue | Exchange) -> None:
        """Raise PreconditionFailed where a binding doesn't suit the type."""

    @abstractmethod
    def add(self, binding: Binding) -> None:
        """A new binding has this exchange as its source."""

    @abstractmethod
    def remove(self, binding: Binding) -> None:
        """A binding is gone."""

    def bound(self, binding: Binding) -> None:
        """A client has just made this binding, which is in the graph by now."""

    @abstractmethod
    def route(self, routing_key: str, properties: Properties) -> Collection[Queue | Exchange]:
        """Destinations for one routing key; the same one may come several times."""

    def destinations(self, routing_keys: Sequence[str], message: Message) -> Collection[Queue | Exchange]:
        """Destinations for all keys of a message (routing key, CC and BCC); the same one may come several times."""
        if len(routing_keys) == 1:
            return self.route(routing_keys[0], message.properties)
        return [found for routing_key in routing_keys for found in self.route(routing_key, message.properties)]

    def deleted(self) -> None:
        """The exchange is gone; its bindings were removed before."""

    def restore(self, run: Run) -> None:
        """Take messages that waited here before a restart, in any order of runs, until `restored`."""

    def restored(self, last_number: int) -> None:
        """Everything is here again; `last_number` is the highest that was ever given."""

    @property
    def messages_delayed(self) -> int:
        """Messages that wait in the exchange for their time."""
        return 0


class MessageExchangeType(ExchangeType):
    """A type that is asked once for each message, with all its keys, properties and body, and may keep what it needs.

    It is asked wherever RabbitMQ asks a type: at publish (also inside a transaction, whatever becomes of that), behind
    bindings between exchanges, as an alternate exchange, and for dead letters. The message belongs to the caller: what
    is kept is a message of its own.
    """

    by_key: bool = False

    @abstractmethod
    def destinations(self, routing_keys: Sequence[str], message: Message) -> Collection[Queue | Exchange]:
        """Destinations for a message; the same one may come several times."""

    def route(self, routing_key: str, properties: Properties) -> Collection[Queue | Exchange]:
        return self.destinations((routing_key,), Message("", routing_key, properties, b""))


class Exchange:
    """One exchange of a vhost."""

    __slots__ = (
        "alternate",
        "arguments",
        "auto_delete",
        "by_key",
        "declared_by",
        "durable",
        "exchanges",
        "id",
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
        context: ExchangeContext,
        *,
        durable: bool = True,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: Table,
        number: int = 0,
        by: str = UNKNOWN,
    ) -> None:
        self.name = name
        self.id = number
        """Of a durable one that keeps messages: no two queues or exchanges ever have the same; else 0."""
        self.declared_by = by
        """The user who declared it first, or one of the words in `events`."""
        self.type_name = type_.name
        self.durable = durable
        self.auto_delete = auto_delete
        self.internal = internal
        self.arguments = arguments
        self.alternate: str | None = None
        """Asked where this exchange matches nothing; set by `configure`."""
        self.outgoing: dict[BindingKey, Binding] = {}
        self.exchanges: dict[Binding, Exchange] = {}
        """The outgoing bindings that lead to exchanges, so that nobody looks for them among those to queues."""
        self.incoming: dict[Binding, None] = {}
        self.by_key: tuple[int, bool] | None = None
        """The vhost's verdict on whether routes from here depend on the key alone, and of which topology."""
        self.router = type_(self, context)
        self.configure({})

    def configure(self, definition: Mapping[str, object]) -> bool:
        """Take over what its policy says, where its arguments say nothing; return whether that changes its routes."""
        argument = self.arguments.get("alternate-exchange")
        alternate = argument.text() if argument is not None and argument.tag == "S" else None
        if alternate is None:
            asked = definition.get("alternate-exchange")
            alternate = asked if isinstance(asked, str) else None
        changed, self.alternate = alternate != self.alternate, alternate
        return changed

    def add(self, binding: Binding) -> None:
        self.outgoing[binding.key] = binding
        if isinstance(binding.destination, Exchange):
            self.exchanges[binding] = binding.destination
        self.router.add(binding)

    def remove(self, binding: Binding) -> None:
        del self.outgoing[binding.key]
        self.exchanges.pop(binding, None)
        self.router.remove(binding)

    def restore(self, run: Run) -> None:
        """Take messages that waited here before a restart, in any order of runs, until `restored`."""
        self.router.restore(run)

    def restored(self, last_number: int) -> None:
        """Everything is here again; `last_number` is the highest that was ever given."""
        self.router.restored(last_number)

    @property
    def messages_delayed(self) -> int:
        """Messages that wait here for their time; they are in no queue yet."""
        return self.router.messages_delayed
