"""A client's connection, which logs what it does before it does it and what it reads after it was read.

`RawSession` is the conformance suite's client: fast, with many publishes on their way. `PikaSession` is pika, blocking:
one at a time. Both have one channel. A session ends with `Gone` when its broker is killed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress
from typing import Any, Final

import attrs
import pika
import pika.exceptions

from conformance.client import Connection
from conformance.received import ChannelClosed, Closed, Dropped, Received
from tests.crash.log import (
    END,
    Audited,
    Committed,
    Committing,
    Confirmed,
    Declared,
    Declaring,
    Event,
    Failed,
    How,
    Log,
    Looked,
    Opened,
    Refused,
    Removed,
    Removing,
    Sent,
    Settled,
)
from tests.crash.log import Received as Delivered
from tests.crash.topology import BARRIER, FAN, QUEUES

PATIENCE: Final = 30.0
"""Seconds that a broker which lives may take to answer."""
SMALL: Final = 1
"""Octets of a message that is there for its confirm."""
PORTION: Final = 100
"""Gets on their way in an audit."""


class Gone(Exception):
    """The broker doesn't live any more."""


@attrs.frozen
class Life:
    """One process of the broker."""

    number: int
    port: int


@attrs.frozen
class Delivery:
    """A message that is to be settled."""

    queue: str
    message: str
    tag: int


def body_of(message: str) -> bytes:
    """The body that belongs to an id, which ends with its size."""
    size = int(message.rpartition(".")[2])
    unit = message.encode()
    return (unit * (size // len(unit) + 1))[:size]


class Session(ABC):
    """What a worker does on its connection."""

    def __init__(self, log: Log, life: Life, worker: str, *, audit: bool = False) -> None:
        self._log = log
        self._opened = Opened(log.new_connection(), life.number, worker, audit)
        self._numbers = 0
        self._transaction: int | None = None
        log.add(self._opened)

    def publish(self, prefix: str, queues: tuple[str, ...], size: int) -> str:
        """Publish a persistent message, by the fanout exchange if there are several queues. Its id begins so."""
        self._numbers += 1
        message = f"{prefix}.{self._opened.connection}.{self._numbers}.{size}"
        self._add(Sent(self._opened.connection, message, queues, self._transaction))
        exchange, key = ("", queues[0]) if len(queues) == 1 else (FAN, "")
        self._publish(exchange, key, message)
        return message

    def barrier(self, prefix: str) -> None:
        """Return when all that was sent on this connection is known to be durable."""
        self.publish(prefix, (BARRIER,), SMALL)
        self.await_confirms(0)

    def get(self, queue: str) -> Delivery | None:
        """The next message of a queue."""
        return self._get(queue)

    def settle(self, delivery: Delivery, how: How) -> None:
        """Settle a delivery."""
        connection = self._opened.connection
        self._add(Settled(connection, delivery.queue, delivery.message, how, self._transaction))
        self._settle(delivery.tag, how)

    def _add(self, event: Event) -> None:
        self._log.add(event)

    def _received(self, queue: str, tag: int, message: str, redelivered: bool, failures: int, body: bytes) -> Delivery:
        intact = body == body_of(message)
        self._add(Delivered(self._opened.connection, queue, message, redelivered, failures, intact))
        return Delivery(queue, message, tag)

    @abstractmethod
    def await_confirms(self, most: int) -> None:
        """Return when at most so many publishes wait for their confirms."""

    @abstractmethod
    def close(self) -> None:
        """End the connection in order, if the broker lives."""

    @abstractmethod
    def _publish(self, exchange: str, key: str, message: str) -> None: ...

    @abstractmethod
    def _get(self, queue: str) -> Delivery | None: ...

    @abstractmethod
    def _settle(self, tag: int, how: How) -> None: ...


class RawSession(Session):
    """On the conformance suite's client."""

    def __init__(self, log: Log, life: Life, worker: str, *, audit: bool = False) -> None:
        try:
            self._connection = Connection("127.0.0.1", life.port, PATIENCE).handshake()
            self._channel = self._connection.channel()
        except TimeoutError as error:
            log.add(Failed(f"{worker}: no connection within {PATIENCE} s"))
            raise Gone from error
        except (Dropped, OSError) as error:
            raise Gone from error
        self._unconfirmed: dict[int, str] = {}
        self._published = 0
        self._confirming = False
        self._arrived: deque[Received] = deque()
        self._consumed: dict[str, str] = {}
        super().__init__(log, life, worker, audit=audit)

    # -- publishing --------------------------------------------------------------------------------------------------

    def confirm(self) -> RawSession:
        """Ask for confirms."""
        self._call("confirm.select")
        self._confirming = True
        return self

    def select(self) -> RawSession:
        """Begin the first transaction."""
        self._call("tx.select")
        self._transaction = self._log.new_connection()
        return self

    def commit(self) -> None:
        """Commit, and begin the next transaction."""
        assert self._transaction is not None
        self._add(Committing(self._transaction))
        self._call("tx.commit")
        self._add(Committed(self._transaction))
        self._transaction = self._log.new_connection()

    def roll_back(self) -> None:
        """Roll back, and begin the next transaction."""
        self._call("tx.rollback")
        self._transaction = self._log.new_connection()

    def await_confirms(self, most: int) -> None:
        while len(self._unconfirmed) > most:
            self._take(self._next())

    def _publish(self, exchange: str, key: str, message: str) -> None:
        if self._confirming:
            self._published += 1
            self._unconfirmed[self._published] = message
        self._channel.publish(exchange, key, body_of(message), {"delivery_mode": 2, "message_id": message})

    def _confirmed(self, received: Received) -> None:
        tag = received["delivery_tag"]
        numbers = [each for each in self._unconfirmed if each <= tag] if received["multiple"] else [tag]
        kind = Confirmed if received.name == "basic.ack" else Refused
        for number in numbers:
            self._add(kind(self._unconfirmed.pop(number)))

    # -- consuming ---------------------------------------------------------------------------------------------------

    def consume(self, queue: str, prefetch: int) -> None:
        """Start a consumer."""
        self._channel.send("basic.qos", prefetch_size=0, prefetch_count=prefetch, **{"global": False})
        self._await("basic.qos-ok")
        self._channel.send("basic.consume", queue=queue, consumer_tag=queue)
        self._await("basic.consume-ok")

    def next_delivery(self) -> Delivery:
        """Wait for the next delivery."""
        while not self._arrived:
            self._take(self._next())
        received = self._arrived.popleft()
        return self._delivery(received["consumer_tag"], received)

    def _get(self, queue: str) -> Delivery | None:
        self._channel.send("basic.get", queue=queue)
        return self._got(queue)

    def _got(self, queue: str) -> Delivery | None:
        received = self._await("basic.get-ok", "basic.get-empty")
        return self._delivery(queue, received) if received.content is not None else None

    def _delivery(self, queue: str, received: Received) -> Delivery:
        content = received.message
        message = content.properties["message_id"]
        failures = content.headers.get("x-delivery-count", 0)
        return self._received(
            queue, received["delivery_tag"], message, received["redelivered"], failures, content.body
        )

    def _settle(self, tag: int, how: How) -> None:
        if how is How.ACK:
            self._channel.ack(tag)
        elif how is How.RETURN:
            self._channel.nack(tag)
        else:
            self._channel.reject(tag, requeue=how is How.REFUSE)

    def take_all(self, queue: str) -> None:
        """Receive all that is in a queue, and hold it."""
        more = True
        while more:
            for _ in range(PORTION):
                self._channel.send("basic.get", queue=queue)
            for _ in range(PORTION):
                more = self._got(queue) is not None
        self._add(Audited(queue))

    def finish_audit(self) -> None:
        """Acknowledge all that was received, and return when that is durable. Of this the log says nothing."""
        self._channel.ack(0, multiple=True)
        self._publish("", BARRIER, f"{END}.{SMALL}")
        self.await_confirms(0)

    # -- definitions -------------------------------------------------------------------------------------------------

    def declare(self, queue: str) -> None:
        """Declare a queue, as its only client."""
        self._add(Declaring(queue))
        self._call("queue.declare", queue=queue, durable=True, arguments=QUEUES[queue].all_arguments())
        self._add(Declared(queue))

    def empty(self, queue: str, *, delete: bool) -> None:
        """Purge or delete a queue, as its only client."""
        self._add(Removing(queue, delete))
        self._call("queue.delete" if delete else "queue.purge", queue=queue)
        self._add(Removed(queue, delete))

    def look(self, queue: str) -> None:
        """See whether a queue is there."""
        try:
            probe = self._connection.channel(2)
            try:
                probe.declare_queue(queue, passive=True)
            except ChannelClosed:
                self._add(Looked(queue, exists=False))
                probe.send("channel.close-ok")
            else:
                self._add(Looked(queue, exists=True))
                probe.close()
        except (Dropped, OSError) as error:
            raise Gone from error

    def declare_lasting(self, queues: tuple[str, ...], fanned: tuple[str, ...]) -> None:
        """Declare what is there from the beginning on, and bind the fanned to the fanout exchange."""
        for queue in queues:
            self._call("queue.declare", queue=queue, durable=True, arguments=QUEUES[queue].all_arguments())
        self._call("exchange.declare", exchange=FAN, type="fanout", durable=True)
        for queue in fanned:
            self._call("queue.bind", queue=queue, exchange=FAN)

    # -- reading -----------------------------------------------------------------------------------------------------

    def _call(self, name: str, /, **fields: Any) -> Received:
        self._channel.send(name, **fields)
        return self._await(name + "-ok")

    def _await(self, *names: str) -> Received:
        while (received := self._next()).name not in names:
            self._take(received)
        return received

    def _take(self, received: Received) -> None:
        if received.name == "basic.deliver":
            self._arrived.append(received)
        elif received.name in {"basic.ack", "basic.nack"}:
            self._confirmed(received)
        else:
            self._add(Failed(f"{self._opened.worker}: the broker sent {received.name} {dict(received.fields)}"))
            raise Gone

    def _next(self) -> Received:
        try:
            return self._channel.next()
        except TimeoutError as error:
            self._add(Failed(f"{self._opened.worker}: no answer within {PATIENCE} s in life {self._opened.life}"))
            raise Gone from error
        except Closed as error:
            self._add(Failed(f"{self._opened.worker}: the broker closed: {error}"))
            raise Gone from error
        except (Dropped, OSError) as error:
            raise Gone from error

    def close(self) -> None:
        self._connection.close()


class PikaSession(Session):
    """On pika, with confirms."""

    def __init__(self, log: Log, life: Life, worker: str, *, audit: bool = False) -> None:
        parameters = pika.ConnectionParameters("127.0.0.1", life.port, socket_timeout=PATIENCE, connection_attempts=1)
        try:
            self._connection = pika.BlockingConnection(parameters)
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
        except (pika.exceptions.AMQPError, OSError) as error:
            raise Gone from error
        super().__init__(log, life, worker, audit=audit)

    def _publish(self, exchange: str, key: str, message: str) -> None:
        properties = pika.BasicProperties(delivery_mode=2, message_id=message)
        try:
            self._channel.basic_publish(exchange, key, body_of(message), properties)
        except pika.exceptions.NackError:
            self._add(Refused(message))
        except (pika.exceptions.AMQPError, OSError) as error:
            self._explain(error)
            raise Gone from error
        else:
            self._add(Confirmed(message))

    def await_confirms(self, most: int) -> None:
        """Each publish has waited for its own."""

    def _get(self, queue: str) -> Delivery | None:
        try:
            method, properties, body = self._channel.basic_get(queue)
        except (pika.exceptions.AMQPError, OSError) as error:
            self._explain(error)
            raise Gone from error
        if method is None:
            return None
        failures = (properties.headers or {}).get("x-delivery-count", 0)
        return self._received(
            queue, method.delivery_tag, properties.message_id, method.redelivered, failures, body
        )

    def _settle(self, tag: int, how: How) -> None:
        try:
            if how is How.ACK:
                self._channel.basic_ack(tag)
            elif how is How.RETURN:
                self._channel.basic_nack(tag, requeue=True)
            else:
                self._channel.basic_reject(tag, requeue=how is How.REFUSE)
        except (pika.exceptions.AMQPError, OSError) as error:
            self._explain(error)
            raise Gone from error

    def _explain(self, error: Exception) -> None:
        """The end of a stream is a kill's doing; what the broker says is its own."""
        if isinstance(error, pika.exceptions.ConnectionClosedByBroker | pika.exceptions.ChannelClosedByBroker):
            self._add(Failed(f"{self._opened.worker}: the broker closed: {error!r}"))

    def close(self) -> None:
        with suppress(pika.exceptions.AMQPError, OSError):
            self._connection.close()
