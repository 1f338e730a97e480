"""x-delayed-message: a message with the header x-delay is routed that many milliseconds later, as another type routes.

A delayed message has no destination when it is published: it is confirmed, it is returned if it is mandatory, and an
alternate exchange gets it at once as well. Its bindings are those of the time of its release; it then carries the delay
negated, so that no second exchange delays it again.
https://github.com/rabbitmq/rabbitmq-delayed-message-exchange
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from amqpd import fields
from amqpd.broker.bindings import Binding
from amqpd.broker.delays import Delays
from amqpd.broker.exchange import Exchange, MessageExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.message import Message
from amqpd.broker.rewriting import rewritten
from amqpd.broker.routing_keys import all_keys
from amqpd.errors import PreconditionFailed
from amqpd.fields import EMPTY, Field, Table
from amqpd.properties import HEADERS

if TYPE_CHECKING:
    from amqpd.broker.packed_run import Run
    from amqpd.broker.queue import Queue

DELAY: Final = "x-delay"
TYPE: Final = "x-delayed-type"
MAX_DELAY: Final = 2**32 - 1
"""Milliseconds; whoever asks for more is not delayed at all."""
INTEGER: Final = re.compile(rb"[+-]?[0-9]{1,20}")


class Delayed(MessageExchangeType):
    """A type of its own for when, and another one, named by x-delayed-type, for where."""

    name: ClassVar[str] = "x-delayed-message"
    extension: ClassVar[str | None] = "delayed-messages"
    compared: ClassVar[tuple[str, ...]] = (TYPE,)
    keeps_messages: ClassVar[bool] = True

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        self._exchange = exchange
        self._timers = context.timers
        self._publish = context.publish
        self._type = context.type_named(_type_name(exchange.arguments))(exchange, context)
        self._delays = Delays(context.account_of(exchange), context.timers, context.work, self._release)

    def check(self, routing_key: str, arguments: Table, destination: Queue | Exchange) -> None:
        self._type.check(routing_key, arguments, destination)

    def add(self, binding: Binding) -> None:
        self._type.add(binding)

    def remove(self, binding: Binding) -> None:
        self._type.remove(binding)

    def bound(self, binding: Binding) -> None:
        self._type.bound(binding)

    def destinations(self, routing_keys: Sequence[str], message: Message) -> Collection[Queue | Exchange]:
        headers = message.properties.headers if message.properties.flags & HEADERS else None
        delay = None if headers is None else _delay(headers.peek(DELAY))
        if delay is None:
            return self._type.destinations(routing_keys, message)
        self._delays.add(self._timers.now() + delay / 1000, message.detached())
        return ()

    def deleted(self) -> None:
        self._delays.clear()
        self._type.deleted()

    def restore(self, run: Run) -> None:
        self._delays.restore(run.unpack())

    def restored(self, last_number: int) -> None:
        self._delays.restored(last_number)

    @property
    def messages_delayed(self) -> int:
        return len(self._delays)

    def _release(self, message: Message) -> None:
        headers = message.properties.headers or EMPTY
        delay = _delay(headers.peek(DELAY))
        assert delay is not None
        # A delay over 31 bits needs a wider type than the plugin's, whose sign it would lose.
        negated = fields.signedint(-delay) if delay <= 2**31 else fields.long(-delay)
        headers = rewritten(headers.with_field(DELAY, negated)).sorted()
        message.properties = message.properties.replace(headers=headers)
        self._publish(self._exchange, tuple(dict.fromkeys(all_keys(message))), message)


def _type_name(arguments: Table) -> str:
    field = arguments.get(TYPE)
    if field is None or not isinstance(field.value, bytes):
        raise PreconditionFailed(f"Invalid argument, '{TYPE}' must be an existing exchange type")
    if field.text() == Delayed.name:
        raise PreconditionFailed(f"Invalid argument, '{Delayed.name}' can't be used for '{TYPE}'")
    return field.text()


def _delay(field: Field | None) -> int | None:
    """Milliseconds to wait; None: none, or nothing that can be waited for."""
    if field is None:
        return None
    value = field.value
    delay = 0
    if isinstance(value, bytes):
        delay = int(value) if INTEGER.fullmatch(value) else 0
    elif field.is_integer or isinstance(value, float):
        assert isinstance(value, int | float)
        delay = int(value)
    return delay if 0 < delay <= MAX_DELAY else None
