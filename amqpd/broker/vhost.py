"""A virtual host: exchanges, queues and the graph of bindings between them, and how a message finds its queues.

It keeps the graph consistent (what is deleted takes its bindings along, what is auto-delete goes with its last binding)
and knows nothing of permissions. `generation` rises with every change that may alter a route, so that routes can be
remembered elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from amqpd.broker import announce
from amqpd.broker.bindings import Binding, binding_key
from amqpd.broker.events import INTERNAL, Events
from amqpd.broker.exchange import Exchange, ExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.message import Message
from amqpd.broker.pending import Pending
from amqpd.broker.policies import Policies
from amqpd.broker.predeclared import PREDECLARED, DefaultExchange
from amqpd.broker.queue import REJECTED, Declaration, OnDeath, OnExpiry, Queue
from amqpd.broker.recording import Recorder
from amqpd.broker.reply_to import PREFIX, ReplyConsumer
from amqpd.broker.settings import settings_of
from amqpd.broker.statistics import Statistics
from amqpd.broker.vhost_metadata import NO_METADATA
from amqpd.broker.work import Work
from amqpd.fields import EMPTY, Table

if TYPE_CHECKING:
    from amqpd.broker.dead_letter import DeadLetters
    from amqpd.broker.session import Session

QUEUE_OCTETS: Final = 1700
"""What a queue costs in memory: 1,180 with arguments and a lease like others', 1,600 with arguments of its own
(tests/bench/idle_queues.py); clients can make any number of them.
"""
BINDING_OCTETS: Final = 600
"""What a binding costs, roughly."""

Route = tuple[Queue | ReplyConsumer, ...]
Addresses = tuple[str | ReplyConsumer, ...]
"""A route that is kept: names of queues, which may come and go."""


class VHost(OnExpiry):
    """One virtual host. Whatever changes it takes `by`, the user who acts, for the events; what is only placed was
    there before the broker was started: nobody is told of it, and nothing recorded.
    """

    def __init__(
        self,
        name: str,
        context: ExchangeContext,
        reply_consumers: dict[str, ReplyConsumer],
        make_queue: Callable[[Declaration, Policies], Queue],
        events: Events,
        recorder: Recorder,
        statistics: Statistics,
        by: str = INTERNAL,
    ) -> None:
        self.name = name
        self.statistics = statistics
        self.ended: object = None
        """What its connections and channels did that have ended, as those who serve them count it."""
        self.context = context
        context.publish = self._route_and_publish
        self.events = events
        self.generation = 0
        self.tracing = False
        """Whether the firehose is on."""
        self.default_queue_type: str | None = None
        """Of queues that ask for none; None leaves it to the broker."""
        self.metadata = NO_METADATA
        self.max_connections: int | None = None
        self.max_queues: int | None = None
        self.policies = Policies(context.compat)
        self.sessions: dict[Session, None] = {}
        self.on_death: OnDeath | None = None
        self.on_routes_changed: Callable[[], None] | None = None
        """Called when a route may have changed, for somebody who waits for that."""
        """Called with what died in a queue that has a dead-letter exchange."""
        self.dead_letters: DeadLetters | None = None
        self._make_queue = make_queue
        self._recorder = recorder
        self._work = context.work
        self._account = context.account
        self._topology = 0
        """Rises when exchanges, or bindings between them, change."""
        self._reply_consumers = reply_consumers
        self.exchanges: dict[str, Exchange] = {}
        self.default_exchange = self.add_exchange("", DefaultExchange, by=by)
        assert isinstance(self.default_exchange.router, DefaultExchange)
        self.queues = self.default_exchange.router.queues
        for exchange, type_name, internal in PREDECLARED:
            self.add_exchange(exchange, context.types[type_name], internal=internal, by=by)

    # -- the graph -------------------------------------------------------------------------------------------------

    def add_exchange(
        self,
        name: str,
        type_: type[ExchangeType],
        *,
        durable: bool = True,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: Table = EMPTY,
        by: str = INTERNAL,
    ) -> Exchange:
        """Create an exchange. Raises PreconditionFailed where the arguments don't suit the type."""
        number = self._recorder.next_id() if durable and type_.keeps_messages else 0
        exchange = Exchange(
            name,
            type_,
            self.context,
            durable=durable,
            auto_delete=auto_delete,
            internal=internal,
            arguments=arguments,
            number=number,
            by=by,
        )
        self.place_exchange(exchange)
        self._recorder.exchange(self, exchange)
        if self.events.heard:
            announce.exchange_created(self, exchange, by)
        return exchange

    def place_exchange(self, exchange: Exchange) -> None:
        exchange.configure(self.policies.of_exchange(exchange.name).definition)
        self.exchanges[exchange.name] = exchange
        self._routes_changed()
        self._topology += 1

    def delete_exchange(self, exchange: Exchange, by: str = INTERNAL) -> None:
        """Remove it and its bindings on both sides; auto-delete sources that lose their last binding go too."""
        exchanges, bindings = self._remove_exchange(exchange)
        if self.events.heard:
            announce.removed(self, exchanges, bindings, by)

    def add_queue(
        self,
        name: str,
        durable: bool,
        auto_delete: bool,
        owner: Session | None,
        arguments: Table,
        by: str = INTERNAL,
    ) -> Queue:
        """Create a queue; an exclusive one belongs to `owner`."""
        number = self._recorder.next_id() if durable and owner is None else 0
        queue = self.place_queue(Declaration(name, arguments, durable, auto_delete, owner, number))
        self._recorder.queue(self, queue)
        self.statistics.queues_created += 1
        if self.events.heard:
            announce.queue_created(self, queue, by)
        return queue

    def place_queue(self, declared: Declaration) -> Queue:
        queue = self._make_queue(declared, self.policies)
        self._account.definitions += QUEUE_OCTETS
        queue.on_expiry = self
        queue.on_death = self.on_death
        self.queues[queue.name] = queue
        if queue.owner is not None:
            queue.owner.exclusive_queues[queue] = None
        self._routes_changed()
        return queue

    def delete_queue(self, queue: Queue, by: str = INTERNAL) -> int:
        """Remove a queue, its messages and bindings; return how many messages were ready. Harmless the second time."""
        if queue.deleted:
            return 0
        self._recorder.leave_soon((queue, *[each.source for each in queue.bindings if each.source.auto_delete]))
        del self.queues[queue.name]
        self.statistics.queue_gone(queue)
        self._account.definitions -= QUEUE_OCTETS
        if queue.owner is not None:
            queue.owner.exclusive_queues.pop(queue, None)
        exchanges: list[Exchange] = []
        bindings = list(queue.bindings)
        for binding in list(bindings):
            self._disconnect(binding)
            if self._is_unused(binding.source):
                further = self._remove_exchange(binding.source)
                exchanges += further[0]
                bindings += further[1]
        self._recorder.queue_gone(self, queue)
        self._routes_changed()
        if self.events.heard:
            for consumer in queue.consumers.members() if queue.type.telling.consumers_of_deleted else ():
                announce.consumer_deleted(self, consumer, by)
            announce.removed(self, exchanges, bindings, INTERNAL)
            announce.queue_deleted(self, queue, by)
        return queue.delete()

    def reconfigure_queue(self, queue: Queue) -> None:
        """Let a queue do what its arguments and its policies ask for now."""
        if queue.deleted:
            return
        definition = self.policies.of_queue(queue.name, queue.type).definition
        settings = settings_of(queue.arguments, definition, queue.type, self.context.compat)
        if settings is not queue.settings and settings != queue.settings:
            queue.configure(settings)

    def reconfigure_exchange(self, exchange: Exchange) -> None:
        """The same for an exchange; the default one has no policy."""
        if exchange is self.default_exchange:
            return
        if exchange.configure(self.policies.of_exchange(exchange.name).definition):
            self._routes_changed()
            self._topology += 1

    def delete_unused(self, queue: Queue) -> None:
        """Delete an auto-delete queue that lost its last consumer and has no new one."""
        if queue.unused_auto_delete:
            self.delete_queue(queue)

    def queue_expired(self, queue: Queue) -> None:
        self.delete_queue(queue)

    def bind(
        self,
        source: Exchange,
        destination: Queue | Exchange,
        routing_key: str,
        arguments: Table,
        by: str = INTERNAL,
    ) -> None:
        """Add a binding; the same again changes nothing."""
        if binding_key(destination, routing_key, arguments) in source.outgoing:
            return
        binding = Binding(source, destination, routing_key, arguments)
        self.place_binding(binding)
        self._recorder.binding(self, binding)
        source.router.bound(binding)
        if self.events.heard:
            announce.binding_created(self, binding, by)

    def place_binding(self, binding: Binding) -> None:
        destination = binding.destination
        binding.source.add(binding)
        self._account.definitions += BINDING_OCTETS
        if isinstance(destination, Exchange):
            self._topology += 1
        (destination.bindings if isinstance(destination, Queue) else destination.incoming)[binding] = None
        self._routes_changed()

    def unbind(self, binding: Binding, by: str = INTERNAL) -> None:
        """Remove a binding; an auto-delete exchange goes with its last one as a source."""
        if binding.source.auto_delete:
            self._recorder.leave_soon((binding.source,))
        self._disconnect(binding)
        self._routes_changed()
        exchanges: list[Exchange] = []
        bindings = [binding]
        if self._is_unused(binding.source):
            exchanges, further = self._remove_exchange(binding.source)
            bindings += further
        if self.events.heard:
            announce.removed(self, exchanges, bindings, by)

    def _remove_exchange(self, exchange: Exchange) -> tuple[list[Exchange], list[Binding]]:
        """Take it out of the graph; return it and the exchanges that went with it, and the bindings that were lost."""
        going = [exchange]
        bindings: list[Binding] = []
        for each in going:  # it grows: a chain of any length is no recursion
            self._recorder.leave_soon((each,))
            del self.exchanges[each.name]
            for binding in list(each.outgoing.values()):
                self._disconnect(binding)
                bindings.append(binding)
            for binding in list(each.incoming):
                self._disconnect(binding)
                bindings.append(binding)
                if self._is_unused(binding.source):
                    going.append(binding.source)
            self._recorder.exchange_gone(self, each)
            each.router.deleted()
        self._routes_changed()
        self._topology += 1
        return going, bindings

    def _is_unused(self, source: Exchange) -> bool:
        """Whether an exchange that lost a binding goes with it."""
        return source.auto_delete and not source.outgoing and source.name in self.exchanges

    def _disconnect(self, binding: Binding) -> None:
        destination = binding.destination
        binding.source.remove(binding)
        self._account.definitions -= BINDING_OCTETS
        if isinstance(destination, Exchange):
            self._topology += 1
        incoming = destination.bindings if isinstance(destination, Queue) else destination.incoming
        incoming.pop(binding, None)
        self._recorder.binding_gone(self, binding)

    def set_tracing(self, on: bool) -> None:
        """Switch the firehose; routes that are remembered elsewhere are found anew."""
        if self.tracing is on:
            return
        self.tracing = on
        self._routes_changed()
        for session in self.sessions:
            session.peer.tracing_changed()

    # -- routing ---------------------------------------------------------------------------------------------------

    def route(self, exchange: Exchange, routing_keys: Sequence[str], message: Message) -> Route:
        """Distinct queues for a message, each once whatever the number of paths; empty if it is unroutable.

        Every exchange is visited once, so cycles end. An alternate exchange is asked where an exchange matches nothing.
        """
        queues: dict[Queue | ReplyConsumer, None] = {}
        visited: set[str] = {exchange.name}
        waiting = [exchange]
        work = self._work
        if len(routing_keys) > 1:
            work.spent += len(routing_keys)
        for current in waiting:
            destinations = current.router.destinations(routing_keys, message)
            if current is self.default_exchange:
                self._add_replies(routing_keys, queues)
            if not destinations and current.alternate:  # the default exchange as an alternate routes nothing
                alternate = self.exchanges.get(current.alternate)
                if alternate is not None and alternate.name not in visited:
                    visited.add(alternate.name)
                    waiting.append(alternate)
            for destination in destinations:
                if isinstance(destination, Queue):
                    queues[destination] = None
                elif destination.name not in visited:
                    visited.add(destination.name)
                    waiting.append(destination)
        return tuple(queues)

    def addresses(self, exchange: str, routing_keys: Sequence[str], route: Route) -> Addresses:
        """What a route means later on: names, which the default exchange does not even look up."""
        replies = [each for each in route if not isinstance(each, Queue)]
        names = routing_keys if exchange == "" else [each.name for each in route if isinstance(each, Queue)]
        return *dict.fromkeys(names), *replies

    def found(self, addresses: Addresses) -> Route:
        """The route that addresses stand for now: the queues that exist."""
        found = [self.queues.get(each) if isinstance(each, str) else each for each in addresses]
        return tuple(each for each in found if each is not None)

    def by_key(self, exchange: Exchange) -> bool:
        """Whether the routing key alone decides where a message to this exchange goes."""
        known = exchange.by_key
        if known is None or known[0] != self._topology:
            known = exchange.by_key = (self._topology, self._routes_by_key(exchange))
        return known[1]

    def _routes_by_key(self, exchange: Exchange) -> bool:
        visited = {exchange}
        waiting = [exchange]
        for current in waiting:
            if not current.router.by_key:
                return False
            alternate = self.exchanges.get(current.alternate) if current.alternate else None
            for each in (*current.exchanges.values(), *([alternate] if alternate is not None else [])):
                if each not in visited:
                    visited.add(each)
                    waiting.append(each)
        return True

    def publish(self, message: Message, route: Route) -> bool:
        """Give a message to every queue of its route; return False if any of them refused it."""
        if len(route) == 1:
            first = route[0]
            return first.publish(message) != REJECTED
        self._work.spent += len(route)
        accepted = True
        queues = [each for each in route if isinstance(each, Queue)]
        copies = [message, *[message.copy() for _ in queues[1:]]]
        for each in route:
            if not isinstance(each, Queue):
                each.publish(message)  # first, and without a copy: it keeps nothing that would have to be let go
        deaths = self.dead_letters
        if deaths is not None:
            deaths.hold()
        try:
            for queue, copy in zip(queues, copies, strict=False):
                if queue.publish(copy) == REJECTED:
                    accepted = False
        finally:
            if deaths is not None:
                deaths.release()
        return accepted

    def _route_and_publish(self, exchange: Exchange, routing_keys: Sequence[str], message: Message) -> None:
        route = self.route(exchange, routing_keys, message)
        if route:
            self.publish(message, route)

    def _routes_changed(self) -> None:
        self.generation += 1
        if self.on_routes_changed is not None:
            self.on_routes_changed()

    def reply_consumer_changed(self) -> None:
        """Somebody began or ended to wait for direct replies."""
        self._routes_changed()

    def _add_replies(self, routing_keys: Sequence[str], queues: dict[Queue | ReplyConsumer, None]) -> None:
        for routing_key in routing_keys:
            if routing_key.startswith(PREFIX):
                consumer = self._reply_consumers.get(routing_key)
                if consumer is not None:
                    queues[consumer] = None


class DeleteQueues(Work):
    """Deletes the exclusive queues of a connection that has ended."""

    __slots__ = ("_queues", "_vhost", "done")

    def __init__(self, vhost: VHost, queues: list[Queue]) -> None:
        self._vhost = vhost
        self._queues = queues[::-1]
        self.done: Pending[None] = Pending()

    def step(self, budget: int) -> bool:
        for _ in range(min(len(self._queues), max(1, budget))):
            self._vhost.delete_queue(self._queues.pop())
        if not self._queues and not self.done.done:
            self.done.settle(None)
        return bool(self._queues)
