"""x-message-deduplication: a fanout that drops messages whose x-deduplication-header it has seen lately.

A duplicate has no destination: it is unroutable, with all that follows for mandatory and alternate exchanges. A message
without the header is never one. https://github.com/noxdafox/rabbitmq-message-deduplication
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange, MessageExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.exchange_types.fanout import Fanout
from amqpd.broker.seen_keys import DEDUPLICATION_HEADER, SeenKeys, key_of
from amqpd.errors import PreconditionFailed
from amqpd.fields import EMPTY, Field, Table

if TYPE_CHECKING:
    from amqpd.broker.message import Message
    from amqpd.broker.queue import Queue

SIZE: Final = "x-cache-size"
TTL: Final = "x-cache-ttl"
PERSISTENCE: Final = "x-cache-persistence"


class Deduplication(MessageExchangeType):
    """Looking a key up and remembering it is one step; a duplicate doesn't prolong the time of the first."""

    name: ClassVar[str] = "x-message-deduplication"
    extension: ClassVar[str | None] = "deduplication"

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        size, ttl = _checked(exchange.arguments)
        self._fanout = Fanout(exchange, context)
        self._seen = SeenKeys(size, None if ttl is None else ttl / 1000, context.timers, context.account)

    def add(self, binding: Binding) -> None:
        self._fanout.add(binding)

    def remove(self, binding: Binding) -> None:
        self._fanout.remove(binding)

    def destinations(self, routing_keys: Sequence[str], message: Message) -> Collection[Queue | Exchange]:
        headers = message.properties.headers or EMPTY
        key = key_of(headers.peek(DEDUPLICATION_HEADER))
        if key is not None:
            ttl = _positive(headers.peek(TTL))
            if not self._seen.add(key, None if ttl is None else ttl / 1000):
                return ()
        return self._fanout.route(routing_keys[0], message.properties)

    def deleted(self) -> None:
        self._seen.clear()


def _checked(arguments: Table) -> tuple[int, int | None]:
    """The number of keys to remember, and for how many milliseconds."""
    size, ttl, persistence = (arguments.get(name) for name in (SIZE, TTL, PERSISTENCE))
    limit, milliseconds = _positive(size), _positive(ttl)
    if limit is None:
        raise PreconditionFailed(f"Missing or invalid argument, '{SIZE}' must be an integer greater than 0")
    if ttl is not None and milliseconds is None:
        raise PreconditionFailed(f"Invalid argument, '{TTL}' must be an integer greater than 0")
    if persistence is not None and not (persistence.tag == "S" and persistence.text() in ("memory", "disk")):
        raise PreconditionFailed(f"Invalid argument, '{PERSISTENCE}' must be either 'disk' or 'memory'")
    return limit, milliseconds


def _positive(field: Field | None) -> int | None:
    """A whole number above 0, which may be written as text; None for anything else."""
    if field is None:
        return None
    value = field.value
    if field.tag == "S" and isinstance(value, bytes) and value.isdigit() and len(value) <= 18:
        value = int(value)
    elif not field.is_integer:
        return None
    return value if isinstance(value, int) and value > 0 else None
