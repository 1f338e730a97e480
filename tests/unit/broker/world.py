"""A broker without sockets for the tests of the model: time that stands still, seeded names, consumers that record.

Everything is driven through the public names of `amqpd.broker`; nothing here decides what is right.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from amqpd.broker.broker import Broker
from amqpd.broker.compat import DEFAULT, Compat
from amqpd.broker.consumers import Consumer
from amqpd.broker.definitions import Rows
from amqpd.broker.exchange import Exchange
from amqpd.broker.message import OVERHEAD, SMALL_HEADER, Message
from amqpd.broker.ports import Holding, Journal, Peer, Randomness
from amqpd.broker.queue import Queue
from amqpd.broker.reply_to import ReplyConsumer
from amqpd.broker.restoring import restore
from amqpd.broker.session import Session
from amqpd.broker.users import User
from amqpd.clock import ManualClock
from amqpd.fields import EMPTY as NO_ARGUMENTS
from amqpd.fields import Field, Table, from_python
from amqpd.properties import EMPTY as NO_PROPERTIES
from amqpd.properties import Properties

GRANT_ALL = (".*", ".*", ".*")


class SeededRandomness(Randomness):
    """The same octets in every run."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def octets(self, count: int) -> bytes:
        return self._random.randbytes(count)


class RecordingPeer(Peer):
    """Remembers what the model asked of a connection."""

    def __init__(self) -> None:
        self.closed_with: list[str] = []
        self.alarms_seen = 0
        self.held: list[Holding] = []

    def force_close(self, reason: str) -> None:
        self.closed_with.append(reason)

    def alarm_changed(self) -> None:
        self.alarms_seen += 1

    def tracing_changed(self) -> None:
        pass

    def holdings(self, queue: Queue) -> Iterator[Holding]:
        return iter(self.held)


class RecordingConsumer(Consumer):
    """Keeps what it gets; `window` bounds how much may be unsettled, as a prefetch count does (0: no bound)."""

    __slots__ = ("delivered", "unsettled", "was_cancelled", "window")

    def __init__(
        self,
        queue: Queue,
        tag: str = "ctag",
        *,
        no_ack: bool = False,
        exclusive: bool = False,
        priority: int = 0,
        window: int = 0,
        arguments: Table = NO_ARGUMENTS,
    ) -> None:
        super().__init__(queue, tag, no_ack=no_ack, exclusive=exclusive, priority=priority, arguments=arguments)
        self.window = window
        self.delivered: list[Message] = []
        self.unsettled: list[Message] = []
        self.was_cancelled = False

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for message in self.delivered]

    def deliver(self, message: Message) -> None:
        assert self.able, f"consumer {self.tag} got a message while it could not take one"
        self.delivered.append(message)
        if not self.no_ack:
            self.unsettled.append(message)
            self.able = self._has_room()

    @property
    def holds(self) -> bool:
        return bool(self.unsettled)

    def cancelled(self) -> None:
        self.was_cancelled = True

    def ack(self, message: Message) -> None:
        """Settle one delivery, which may let in the next."""
        self.unsettled.remove(message)
        self.queue.settle(message)
        self.refresh()

    def requeue(self, *messages: Message) -> None:
        """Give deliveries back, first to the queue and then room to the window, as a channel does."""
        for message in messages:
            self.unsettled.remove(message)
        self.queue.put_back_all(list(messages))
        self.refresh()

    def block(self) -> None:
        """Take nothing for now, as while an outbox is over its mark."""
        self.able = False

    def refresh(self) -> None:
        """Take messages again where the window has room."""
        if not self.able and self._has_room():
            self.able = True
            self.queue.consumers.rejoin(self)
            self.queue.resume()

    def _has_room(self) -> bool:
        return not self.window or len(self.unsettled) < self.window


class RecordingReplyConsumer(ReplyConsumer):
    """A channel that waits for direct replies."""

    __slots__ = ("replies",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.replies: list[bytes] = []

    def publish(self, message: Message) -> int:
        self.replies.append(message.body)
        return 0


class World:
    """One broker with the vhost `/`, and short ways to fill it. It begins with what `rows` define."""

    def __init__(
        self,
        profile: str = DEFAULT,
        *,
        strict: bool = False,
        journal: Journal | None = None,
        rows: Rows | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.broker = Broker(
            self.clock, SeededRandomness(), compat=Compat.of(profile, strict=strict), journal=journal
        )
        if rows is not None:
            restore(self.broker, rows)
        self.vhost = self.broker.add_vhost("/")

    def session(self, user: str = "guest", *, grant: tuple[str, str, str] | None = GRANT_ALL) -> Session:
        """A connection of a user with these permissions (configure, write, read); None grants nothing."""
        if user not in self.broker.access.users:
            self.broker.add_user(User(user))
        if grant is not None:
            self.broker.access.grant(user, "/", *grant)
        access, profile = self.broker.access, self.broker.compat.profile
        session = Session(f"of {user}", access.users[user], self.vhost, access, profile, RecordingPeer())
        self.broker.add_session(session)
        return session

    def queue(
        self,
        name: str = "q",
        arguments: dict[str, object] | None = None,
        *,
        auto_delete: bool = False,
        owner: Session | None = None,
    ) -> Queue:
        """Create a queue, past the checks of queue.declare."""
        return self.vhost.add_queue(name, owner is None, auto_delete, owner, from_python(arguments or {}))

    def exchange(
        self,
        name: str,
        type_: str = "direct",
        arguments: dict[str, object] | Table | None = None,
        *,
        durable: bool = True,
        auto_delete: bool = False,
        alternate: str | None = None,
    ) -> Exchange:
        """Create an exchange, past the checks of exchange.declare that its type doesn't make."""
        if not isinstance(arguments, Table):
            given = {} if alternate is None else {"alternate-exchange": alternate}
            arguments = from_python({**(arguments or {}), **given})
        return self.vhost.add_exchange(
            name, self.broker.exchange_types[type_], durable=durable, auto_delete=auto_delete, arguments=arguments
        )

    def publish(self, exchange: str, *keys: str, properties: Properties = NO_PROPERTIES, body: bytes = b"body") -> bool:
        """Publish to an exchange; return whether the message had a route."""
        sent = Message(exchange, keys[0], properties, body)
        route = self.vhost.route(self.vhost.exchanges[exchange], keys, sent)
        if route:
            self.vhost.publish(sent, route)
        return bool(route)

    def bodies(self, queue: str) -> list[bytes]:
        """Take everything out of a queue."""
        return [each.body for each in self.taken(queue)]

    def taken(self, queue: str) -> list[Message]:
        """The same as messages."""
        found = []
        while (got := self.vhost.queues[queue].get()) is not None:
            self.vhost.queues[queue].settle(got)
            found.append(got)
        return found

    def bind(
        self, source: Exchange, destination: Queue | Exchange, key: str = "", arguments: Table = NO_ARGUMENTS
    ) -> None:
        """Add a binding, past the checks of queue.bind."""
        self.vhost.bind(source, destination, key, arguments)

    def route(
        self, exchange: str, *keys: str, headers: dict[str, Field] | None = None
    ) -> list[str]:
        """The names of the queues that a message reaches."""
        properties = NO_PROPERTIES if headers is None else Properties.of(headers=Table.of(headers))
        sent = message(key=keys[0], properties=properties)
        return [each.name for each in self.vhost.route(self.vhost.exchanges[exchange], keys, sent)]

    def advance(self, seconds: float) -> None:
        """Move time and run all that fell due, in as many turns as it takes."""
        self.clock.advance(seconds)
        while self.broker.timers.run_due():
            self.drain()
        self.drain()

    def drain(self) -> None:
        """End turns until no work is left."""
        while self.broker.drain():
            pass

    @property
    def octets(self) -> int:
        """The broker's account."""
        return self.broker.account.octets


def message(body: bytes = b"body", *, key: str = "q", properties: Properties = NO_PROPERTIES) -> Message:
    """A message to the default exchange."""
    return Message("", key, properties, body)


def expiring(milliseconds: int, body: bytes = b"body") -> Message:
    """A message with an `expiration`."""
    return message(body, properties=Properties.of(expiration=str(milliseconds)))


def publish(queue: Queue, *bodies: bytes) -> list[Message]:
    """Publish bodies straight to a queue; return the messages."""
    messages = [message(body, key=queue.name) for body in bodies]
    for each in messages:
        queue.publish(each)
    return messages


def configure(queue: Queue, **changes: Any) -> None:
    """Change settings of a queue, as a policy does."""
    queue.configure(attrs.evolve(queue.settings, **changes))


def numbered(count: int) -> list[bytes]:
    """Distinct bodies b"0", b"1", ..."""
    return [str(number).encode() for number in range(count)]


def accounted(messages: Iterable[Message]) -> int:
    """What the account holds for messages that share nothing: body, entry, and a header above the usual."""
    total = 0
    for message in messages:
        header = len(message.properties.raw)
        total += OVERHEAD + len(message.body) + (header if header > SMALL_HEADER else 0)
    return total
