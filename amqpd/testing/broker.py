"""The handle of an embedded broker: where to connect, its clock, its faults, and what is inside it.

Every method may be called from any thread; it runs on the broker's own and returns values that don't change any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar
from urllib.parse import quote

from amqpd.broker.events import OPERATOR
from amqpd.broker.operations import moving, operator, policies, tracing
from amqpd.broker.operations.moving import Moved, ToExchange, ToQueue
from amqpd.broker.pending import Pending
from amqpd.broker.permissions import EVERYTHING
from amqpd.broker.users import User
from amqpd.clock import OffsetClock
from amqpd.config import Config
from amqpd.server.listeners import shown
from amqpd.server.server import Server
from amqpd.testing.faults import Faults, FaultyJournal
from amqpd.testing.snapshots import BindingSnapshot, ConnectionSnapshot, HeldSnapshot, MessageSnapshot, QueueSnapshot
from amqpd.testing.virtual_clock import VirtualClock

T = TypeVar("T")
Call = Callable[[Callable[[], T]], T]


class EmbeddedBroker:
    """A broker that runs in this process."""

    def __init__(
        self,
        server: Server,
        clock: OffsetClock,
        journal: FaultyJournal,
        config: Config,
        call: Callable[[Callable[[], T]], T],
    ) -> None:
        self._server = server
        self._config = config
        self._broker = server.node.broker
        self._call: Callable[[Callable[[], object]], object] = call  # type: ignore[assignment]  # generic in its function
        self.clock = VirtualClock(clock, self._broker.timers, self._settle, self._run)
        self.faults = Faults(server, journal, self._settle, self._run)

    # -- where -----------------------------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The first address that it listens on."""
        return self._server.addresses[0][0]

    @property
    def port(self) -> int:
        """The port of the plain listener."""
        return self._server.addresses[0][1]

    @property
    def tls_port(self) -> int:
        """The port of the TLS listener. Raises IndexError if there is none."""
        return self._server.tls_addresses[0][1]

    @property
    def management_url(self) -> str:
        """Where the HTTP API is, without a slash at its end. Raises IndexError unless `management_port` was given."""
        host, port = self._server.http_addresses[0]
        return f"http://{shown(host)}:{port}{self._config.management.path_prefix}"

    @property
    def url(self) -> str:
        """The AMQP URL of the default user and vhost."""
        return self.url_of(self._config.default.vhost)

    def url_of(self, vhost: str) -> str:
        """The AMQP URL of the default user for any vhost."""
        default = self._config.default
        login = f"{quote(default.user, safe='')}:{quote(default.password, safe='')}"
        return f"amqp://{login}@{shown(self.host)}:{self.port}/{quote(vhost, safe='')}"

    # -- change ----------------------------------------------------------------------------------------------------

    def add_vhost(self, name: str, *, default_queue_type: str | None = None) -> str:
        """Create a vhost in which the default user may do everything; return its URL.

        Raises ValueError for a default type of its queues that is none.
        """

        def add() -> None:
            self._broker.add_vhost(name, default_queue_type=default_queue_type, by=OPERATOR)
            self._broker.access.grant(self._config.default.user, name, by=OPERATOR)

        self._change(add)
        return self.url_of(name)

    def delete_vhost(self, name: str) -> None:
        """Delete a vhost and all in it; its connections are closed. Raises KeyError if there is none."""
        self._change(lambda: self._broker.delete_vhost(name, by=OPERATOR))

    def add_user(self, name: str, password: str, tags: tuple[str, ...] = ()) -> None:
        """Create a user who may do nothing yet, or replace one."""
        self._change(lambda: self._broker.add_user(User.with_password(name, password, tags), by=OPERATOR))

    def delete_user(self, name: str) -> None:
        """Delete a user; its connections are closed. Raises KeyError if there is none."""
        self._change(lambda: self._broker.delete_user(name, by=OPERATOR))

    def trace(self, vhost: str = "/", on: bool = True) -> None:
        """Switch the firehose of a vhost: copies of what is published and delivered go to amq.rabbitmq.trace.

        Raises KeyError if there is no such vhost.
        """

        def switch() -> None:
            tracing.set_tracing(self._broker, self._broker.vhosts[vhost], on=on)

        self._change(switch)

    def grant(
        self, user: str, vhost: str = "/", configure: str = EVERYTHING, write: str = EVERYTHING, read: str = EVERYTHING
    ) -> None:
        """Set what a user may do in a vhost: three patterns. Raises ValueError for one that can't be compiled."""
        self._change(lambda: self._broker.access.grant(user, vhost, configure, write, read, by=OPERATOR))

    def revoke(self, user: str, vhost: str = "/") -> None:
        """Let a user do nothing in a vhost."""
        self._change(lambda: self._broker.access.revoke(user, vhost, by=OPERATOR))

    def pause(self, queue: str, vhost: str = "/") -> None:
        """Stop a queue's deliveries: what is published waits, and a basic.get finds the queue empty.

        Raises KeyError if there is no such queue or vhost.
        """
        self._operate(operator.pause, queue, vhost)

    def resume(self, queue: str, vhost: str = "/") -> None:
        """Let a paused queue deliver what waits, and go on. Raises KeyError if there is no such queue or vhost."""
        self._operate(operator.resume, queue, vhost)

    def retry_delayed(self, queue: str, vhost: str = "/") -> int:
        """Let a queue's messages that wait for their next try be ready now (x-delayed-retry-min); return how many.

        Raises KeyError if there is no such queue or vhost.
        """
        return self._operate(operator.retry_delayed, queue, vhost)

    def delete_message(self, queue: str, number: int, vhost: str = "/") -> bool:
        """Drop the ready message with this enqueue number (`messages` tells them); return whether it was there.

        Raises KeyError if there is no such queue or vhost.
        """
        return self._operate(operator.delete_message, queue, vhost, number)

    def move(
        self,
        queue: str,
        vhost: str = "/",
        *,
        to: str | None = None,
        exchange: str | None = None,
        routing_key: str | None = None,
        limit: int | None = None,
        numbers: Iterable[int] | None = None,
    ) -> Moved:
        """Move what waits in a queue to the queue `to`, or through an exchange with the messages' own routing keys or
        another one: all, at most `limit`, or those with these enqueue numbers. What can't go there stays.

        Raises KeyError if there is no such queue or vhost, NotFound if there is no such target, and TypeError unless
        either a queue or an exchange is the target.
        """
        if (to is None) is (exchange is None):
            raise TypeError(f"give either a queue (to) or an exchange as the target: got to={to!r}, {exchange=}")
        target = ToExchange(exchange, routing_key) if exchange is not None else ToQueue(to or "")
        return self._operate(moving.move, queue, vhost, target, limit=limit, numbers=numbers)

    def replay(
        self, queue: str, vhost: str = "/", *, limit: int | None = None, numbers: Iterable[int] | None = None
    ) -> Moved:
        """Publish dead letters again where they were published before they died; what can't go there stays.

        Raises KeyError if there is no such queue or vhost.
        """
        return self._operate(moving.replay, queue, vhost, limit=limit, numbers=numbers)

    def set_policy(
        self,
        name: str,
        pattern: str,
        definition: Mapping[str, object],
        *,
        priority: float = 0,
        apply_to: str = "all",
        operator: bool = False,
        vhost: str = "/",
    ) -> None:
        """Create or replace a policy; what it changes takes effect at once.

        Raises InvalidPolicy (a ValueError) with RabbitMQ's text, KeyError if there is no such vhost.
        """

        def change() -> None:
            policies.set_policy(
                self._broker,
                self._broker.vhosts[vhost],
                name,
                pattern,
                definition,
                priority=priority,
                apply_to=apply_to,
                operator=operator,
                by=OPERATOR,
            )

        self._change(change)

    def clear_policy(self, name: str, *, operator: bool = False, vhost: str = "/") -> None:
        """Remove a policy and what it changed. Raises KeyError if there is no such policy or vhost."""


        def change() -> None:
            vhost_ = self._broker.vhosts[vhost]
            policies.clear_policy(self._broker, vhost_, name, operator=operator, by=OPERATOR)

        self._change(change)

    # -- look ------------------------------------------------------------------------------------------------------

    def queues(self, vhost: str = "/") -> list[QueueSnapshot]:
        """All queues of a vhost. Raises KeyError if there is no such vhost."""

        def look() -> list[QueueSnapshot]:
            found = self._broker.vhosts[vhost]
            return [QueueSnapshot.of(found, each) for each in found.queues.values()]

        return self._look(look)

    def queue(self, name: str, vhost: str = "/") -> QueueSnapshot:
        """One queue. Raises KeyError if there is no such queue or vhost."""

        def look() -> QueueSnapshot:
            found = self._broker.vhosts[vhost]
            return QueueSnapshot.of(found, found.queues[name])

        return self._look(look)

    def messages(self, queue: str, vhost: str = "/", limit: int = 1000, offset: int = 0) -> list[MessageSnapshot]:
        """Ready messages in delivery order after the first `offset`, without consuming any.

        Raises KeyError if there is no such queue or vhost.
        """

        def look() -> list[MessageSnapshot]:
            found = self._broker.vhosts[vhost]
            name = found.queues[queue].name
            return [MessageSnapshot.of(each) for each in operator.peek(found, name, count=limit, offset=offset)]

        return self._look(look)

    def unacknowledged(self, queue: str, vhost: str = "/", limit: int = 1000, offset: int = 0) -> list[HeldSnapshot]:
        """What clients have of a queue and have not settled, by connection and channel, oldest first.

        Raises KeyError if there is no such queue or vhost.
        """

        def look() -> list[HeldSnapshot]:
            found = self._broker.vhosts[vhost]
            name = found.queues[queue].name
            return [HeldSnapshot.of(each) for each in operator.held(found, name, count=limit, offset=offset)]

        return self._look(look)

    def bindings(self, vhost: str = "/") -> list[BindingSnapshot]:
        """All bindings of a vhost, by source exchange; the default exchange's implicit ones are left out."""
        return self._look(
            lambda: [
                each
                for exchange in self._broker.vhosts[vhost].exchanges.values()
                for each in BindingSnapshot.all_of(exchange)
            ]
        )

    def exchanges(self, vhost: str = "/") -> dict[str, str]:
        """Exchanges of a vhost: name -> type."""
        return self._look(
            lambda: {name: each.type_name for name, each in self._broker.vhosts[vhost].exchanges.items()}
        )

    def connections(self) -> list[ConnectionSnapshot]:
        """All connections, in the order of their arrival."""
        return self._look(lambda: [ConnectionSnapshot.of(each) for each in self._server.node.connections])

    def input_waits(self) -> bool:
        """Whether clients have sent something that the broker has not handled yet. To be asked on its own thread."""
        return self._server.input_waits()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _look(self, function: Callable[[], T]) -> T:
        results: list[T] = []
        self._call(lambda: results.append(function()))
        return results[0]

    def _change(self, function: Callable[[], None]) -> None:
        def run() -> None:
            function()
            self._settle()

        self._run(run)

    def _run(self, function: Callable[[], None]) -> None:
        self._call(function)

    def _operate(
        self, operation: Callable[..., T | Pending[T]], queue: str, vhost: str, *arguments: object, **options: object
    ) -> T:
        """The result of an operation on a queue, once all that follows from it has happened."""

        def operate() -> T:
            found = self._broker.vhosts[vhost]
            outcome = operation(self._broker, found, found.queues[queue].name, *arguments, **options)
            self._settle()
            if not isinstance(outcome, Pending):
                return outcome
            if not outcome.done:
                raise RuntimeError("the outcome is not durable yet: expected a journal that isn't held back")
            return outcome.result()

        return self._look(operate)

    def _settle(self) -> None:
        """Finish the turn and all work, so that the caller sees the outcome; what comes next may be due sooner than
        it was.
        """
        while self._server.end_turn():
            pass
        self._server.wake_up()
