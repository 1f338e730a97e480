"""Moving ready messages elsewhere, and replaying dead letters: what an operator does once a fault is repaired.

A message leaves its queue only for a place that takes it: what has nowhere to go, or meets a full queue, stays where it
is. Order is kept: a queue that was full gets nothing more of the same move. What is moved is published anew: its time
to live begins again, and counts of failed deliveries don't come along; its history of deaths does, so that a consumer
can tell how often it has failed. More than a few are worked off under the turn's budget; consumers go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from amqpd.broker.broker import Broker
from amqpd.broker.dead_letter import HISTORY
from amqpd.broker.exchange import Exchange
from amqpd.broker.message import Message, Trail
from amqpd.broker.operations.lookup import find_exchange
from amqpd.broker.operations.names import LONGEST
from amqpd.broker.operations.operator import operated_queue
from amqpd.broker.pending import Pending
from amqpd.broker.queue import SLICE, Queue
from amqpd.broker.routing_keys import routing_keys
from amqpd.broker.vhost import Route, VHost
from amqpd.broker.work import Work
from amqpd.fields import Field, Table


@attrs.frozen
class ToQueue:
    """Straight into a queue; messages keep the exchange and the routing key that they were published with."""

    name: str


@attrs.frozen
class ToExchange:
    """Through an exchange, with a routing key in place of the message's own keys if one is given."""

    name: str
    routing_key: str | None = None


@attrs.frozen
class Moved:
    """How a move ended. Messages that consumers took, or that expired, meanwhile are in none of the counts."""

    moved: int
    unroutable: int = 0
    """Messages that stayed because they had nowhere to go, or may not be published there by whoever moves them."""
    refused: int = 0
    """Messages that stayed because a queue was full."""


Addressed = tuple[Message, Route | None]
"""What a message becomes, and where that goes. None: nowhere; empty: its exchange has taken it, for later."""
Address = Callable[[Message], Addressed]
Allowed = Callable[[Exchange, Sequence[str]], bool]
"""Whether whoever moves may publish to an exchange with these routing keys."""


def anything(exchange: Exchange, keys: Sequence[str]) -> bool:
    """What an operator may."""
    return True


def move(
    broker: Broker,
    vhost: VHost,
    name: str,
    target: ToQueue | ToExchange,
    *,
    limit: int | None = None,
    numbers: Iterable[int] | None = None,
    allowed: Allowed = anything,
) -> Moved | Pending[Moved]:
    """Move what waits in a queue: all, at most `limit` from its head on, or the messages with these enqueue numbers.

    A queue as its own target puts them at its tail. Raises NotFound for a queue or exchange that isn't there, and
    NotImplementedHere where the queue's type gives no message away.
    """
    queue = operated_queue(vhost, name)
    if isinstance(target, ToQueue):
        address = _straight_into(operated_queue(vhost, target.name))
    else:
        find_exchange(vhost, target.name)
        address = _through(vhost, target.name, target.routing_key, allowed)
    return _start(broker, vhost, queue, address, limit, numbers)


def replay(
    broker: Broker,
    vhost: VHost,
    name: str,
    *,
    limit: int | None = None,
    numbers: Iterable[int] | None = None,
    allowed: Allowed = anything,
) -> Moved | Pending[Moved]:
    """Publish dead letters where they were published before they died: all, at most `limit`, or those with a number.

    It undoes the death that brought a message here, the first entry of its x-death: its exchange gets it again, with
    the routing keys of then. (The oldest entry would lead past the stages of a chain of dead-letter queues.) The
    `expiration` that the message lost when it died is not put back: it would die again before it is looked at. Messages
    that never died stay, as unroutable ones. Raises as `move` does.
    """
    return _start(broker, vhost, operated_queue(vhost, name), _where_it_came_from(vhost, allowed), limit, numbers)


def _start(
    broker: Broker, vhost: VHost, queue: Queue, address: Address, limit: int | None, numbers: Iterable[int] | None
) -> Moved | Pending[Moved]:
    work = Move(broker, vhost, queue, address, queue.numbers() if numbers is None else numbers, limit)
    if work.step(SLICE):
        broker.work.add(work)
    return work.done.result() if work.done.done else work.done


def _straight_into(target: Queue) -> Address:
    def address(message: Message) -> Addressed:
        return _anew(message, message.exchange, message.routing_key), None if target.deleted else (target,)

    return address


def _through(vhost: VHost, exchange: str, routing_key: str | None, allowed: Allowed) -> Address:
    def address(message: Message) -> Addressed:
        if routing_key is not None:
            return _published(vhost, message, exchange, (routing_key,), allowed, rekeyed=True)
        rekeyed = message.trail is not None and message.trail.rekeyed
        return _published(vhost, message, exchange, routing_keys(message), allowed, rekeyed=rekeyed)

    return address


def _where_it_came_from(vhost: VHost, allowed: Allowed) -> Address:
    def address(message: Message) -> Addressed:
        origin = _last_death(message)
        if origin is None:
            return message, None
        exchange, keys = origin
        return _published(vhost, message, exchange, keys, allowed, rekeyed=False)

    return address


def _published(
    vhost: VHost, message: Message, exchange: str, keys: tuple[str, ...], allowed: Allowed, *, rekeyed: bool
) -> Addressed:
    """The message as published to an exchange; hidden keys take part unless a key took the place of all.

    Keys may come from a header that a client wrote: one that fits into no frame would end the connection of each
    consumer that it is delivered to.
    """
    twin = _anew(message, exchange, keys[0])
    hidden: tuple[str, ...] = ()
    if twin.trail is not None:
        if rekeyed:
            twin.trail.hidden_keys = ()
        twin.trail.rekeyed, hidden = rekeyed, twin.trail.hidden_keys
    elif rekeyed:
        twin.trail = Trail(rekeyed=True)
    found = vhost.exchanges.get(exchange)
    every = tuple(dict.fromkeys((*keys, *hidden)))
    if found is None or len(keys[0].encode("utf-8", "surrogateescape")) > LONGEST or not allowed(found, every):
        return twin, None
    delayed = found.router.messages_delayed
    route = vhost.route(found, every, twin)
    return twin, route if route or found.router.messages_delayed > delayed else None


def _anew(message: Message, exchange: str, routing_key: str) -> Message:
    """The same content and history as a new message."""
    trail, properties = message.trail, message.properties
    if trail is not None and trail.published is not None:
        properties = trail.published
    twin = Message(exchange, routing_key, properties, message.body)
    twin.trail = None if trail is None else trail.copy()
    return twin


def _last_death(message: Message) -> tuple[str, tuple[str, ...]] | None:
    """The exchange and the routing keys of a message's latest death, as its header tells; None: it tells of none."""
    headers = message.properties.headers
    history = None if headers is None else headers.get(HISTORY)
    if history is None or not isinstance(history.value, tuple) or not history.value:
        return None
    entry = history.value[0]
    if not isinstance(entry, Field) or not isinstance(entry.value, Table):
        return None
    exchange, keys = entry.value.get("exchange"), entry.value.get("routing-keys")
    if exchange is None or exchange.tag != "S" or keys is None or not isinstance(keys.value, tuple):
        return None
    texts = tuple([each.text() for each in keys.value if isinstance(each, Field) and each.tag == "S"])
    return (exchange.text(), texts) if texts else None


class Move(Work):
    """Moves messages one by one, in the order of the numbers given."""

    __slots__ = (
        "_address",
        "_broker",
        "_full",
        "_left",
        "_moved",
        "_numbers",
        "_queue",
        "_refused",
        "_unroutable",
        "_vhost",
        "done",
    )

    def __init__(
        self,
        broker: Broker,
        vhost: VHost,
        queue: Queue,
        address: Address,
        numbers: Iterable[int],
        limit: int | None,
    ) -> None:
        self._broker = broker
        self._vhost = vhost
        self._queue = queue
        self._address = address
        self._numbers = iter(numbers)
        self._left = limit
        self._moved = self._unroutable = self._refused = 0
        self._full: set[Queue] = set()
        """Queues that refused a message."""
        self.done: Pending[Moved] = Pending()

    def step(self, budget: int) -> bool:
        try:
            for _ in range(max(1, budget)):
                number = None if self._left == 0 else next(self._numbers, None)
                if number is None:
                    self._finish()
                    return False
                self._move(number)
        except Exception as error:  # noqa: BLE001  # for whoever waits for the outcome
            self.done.fail(error)
            return False
        return True

    def _move(self, number: int) -> None:
        message = self._queue.find(number)
        if message is None:
            return
        if message.deadline is not None and message.deadline <= self._broker.timers.now():
            return  # it has expired, and goes once it is the head
        if self._left is not None:
            self._left -= 1
        twin, route = self._address(message)
        if route is None:
            self._unroutable += 1
        elif self._refuses(twin, route):
            self._refused += 1
        else:
            self._moved += 1
            self._queue.remove(number)
            if route:
                self._vhost.publish(twin, route)

    def _refuses(self, message: Message, route: Route) -> bool:
        queues = [each for each in route if isinstance(each, Queue)]
        refusing = [each for each in queues if each in self._full or each.refuses(message)]
        self._full.update(refusing)
        return bool(refusing)

    def _finish(self) -> None:
        outcome = Moved(self._moved, self._unroutable, self._refused)
        durable = self._broker.journal.messages_durable()
        if durable is None:
            self.done.settle(outcome)
        else:
            durable.then(lambda _: outcome).when_done(self._forward)

    def _forward(self, outcome: Pending[Moved]) -> None:
        try:
            self.done.settle(outcome.result())
        except Exception as error:  # noqa: BLE001  # the journal's, for whoever waits for the outcome
            self.done.fail(error)
