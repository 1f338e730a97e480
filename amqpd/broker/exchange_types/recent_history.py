"""x-recent-history: a fanout that keeps its latest messages and gives them to whoever is bound later.

https://github.com/rabbitmq/rabbitmq-server/tree/main/deps/rabbitmq_recent_history_exchange
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange, MessageExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.exchange_types.fanout import Fanout
from amqpd.broker.message import Message
from amqpd.broker.work import Work
from amqpd.errors import PreconditionFailed
from amqpd.fields import Table
from amqpd.properties import HEADERS

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue

LENGTH: Final = "x-recent-history-length"
DEFAULT_LENGTH: Final = 20
NO_STORE: Final = "x-recent-history-no-store"
AT_ONCE: Final = 256
"""Messages that a new binding gets in the turn in which it is made; the rest follow as work."""

Kept = tuple[tuple[str, ...], Message]
"""All routing keys, and a message that nobody else has."""


class RecentHistory(MessageExchangeType):
    """Every binding gets the history once, another one of the same queue too."""

    name: ClassVar[str] = "x-recent-history"

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        self._length = _length(exchange.arguments)
        self._fanout = Fanout(exchange, context)
        self._context = context
        self._history: deque[Kept] = deque()

    def add(self, binding: Binding) -> None:
        self._fanout.add(binding)

    def remove(self, binding: Binding) -> None:
        self._fanout.remove(binding)

    def bound(self, binding: Binding) -> None:
        replay = Replay(self._context, binding.destination, self._history)
        if replay.step(AT_ONCE):
            self._context.work.add(replay)

    def destinations(self, routing_keys: Sequence[str], message: Message) -> Collection[Queue | Exchange]:
        if not (message.properties.flags & HEADERS and _is_not_stored(message.properties.headers)):
            self._keep(routing_keys, message)
        return self._fanout.route(routing_keys[0], message.properties)

    def deleted(self) -> None:
        for _, message in self._history:
            self._context.account.release(message)
        self._history.clear()

    def _keep(self, routing_keys: Sequence[str], message: Message) -> None:
        kept = message.detached()
        self._context.account.hold(kept)
        self._history.append((tuple(routing_keys), kept))
        if len(self._history) > self._length:
            _, oldest = self._history.popleft()
            self._context.account.release(oldest)


class Replay(Work):
    """Gives one destination what the history holds now, oldest first."""

    __slots__ = ("_context", "_destination", "_left")

    def __init__(self, context: ExchangeContext, destination: Queue | Exchange, history: Iterable[Kept]) -> None:
        self._context = context
        self._destination = destination
        self._left = deque(history)

    def step(self, budget: int) -> bool:
        for _ in range(min(budget, len(self._left))):
            routing_keys, message = self._left.popleft()
            if isinstance(self._destination, Exchange):
                self._context.publish(self._destination, routing_keys, message.detached())
            elif not self._destination.deleted:
                self._destination.publish(message.detached())
        return bool(self._left)


def _length(arguments: Table) -> int:
    field = arguments.get(LENGTH)
    if field is None:
        return DEFAULT_LENGTH
    if not (field.is_integer and isinstance(field.value, int) and field.value > 0):
        raise PreconditionFailed(f"Invalid argument {field.term()}, '{LENGTH}' must be a positive integer")
    return field.value


def _is_not_stored(headers: Table | None) -> bool:
    """Only a true bool keeps a message out of the history."""
    field = None if headers is None else headers.peek(NO_STORE)
    return field is not None and field.tag == "t" and field.value is True
