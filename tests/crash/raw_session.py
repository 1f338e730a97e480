"""A session on the conformance suite's client: fast, with many publishes on their way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

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
    Failed,
    How,
    Log,
    Looked,
    Refused,
    Removed,
    Removing,
)  # fmt: skip
from tests.crash.sessions import PATIENCE, PRIORITIES, SHUTDOWN, SMALL, Delivery, Gone, Life, Session, body_of
from tests.crash.topology import BARRIER, FAN, LATER, QUEUES

PORTION: Final = 100
"""Gets on their way where many are taken."""


class RawSession(Session):
    """On the conformance suite's client."""

    def __init__(self, log: Log, life: Life, worker: str, *, audit: bool = False) -> None:
        self._who = f"{worker}, life {life.number}"
        with _ends(log, self._who):
            self._connection = Connection("127.0.0.1", life.port, PATIENCE).handshake()
            self._channel = self._connection.channel()
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

    def _publish(self, exchange: str, key: str, message: str, headers: dict[str, int] | None = None) -> None:
        if self._confirming:
            self._published += 1
            self._unconfirmed[self._published] = message
        properties = {"delivery_mode": 2, "priority": self._numbers % PRIORITIES, "message_id": message}
        if headers is not None:
            properties["headers"] = headers
        self._channel.publish(exchange, key, body_of(message), properties)

    def _confirmed(self, received: Received) -> None:
        tag = received["delivery_tag"]
        numbers = [each for each in self._unconfirmed if each <= tag] if received["multiple"] else [tag]
        kind = Confirmed if received.name == "basic.ack" else Refused
        for number in numbers:
            self._add(kind(self._unconfirmed.pop(number)))

    # -- consuming ---------------------------------------------------------------------------------------------------

    def consume(self, queue: str, prefetch: int, offset: str | int | None = None) -> None:
        """Start a consumer, of a stream from an offset."""
        arguments = {} if offset is None else {"x-stream-offset": offset}
        self._channel.send("basic.qos", prefetch_size=0, prefetch_count=prefetch, **{"global": False})
        self._await("basic.qos-ok")
        self._channel.send("basic.consume", queue=queue, consumer_tag=queue, arguments=arguments)
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
        return self._received(
            queue, received["delivery_tag"], message, received["redelivered"], content.headers, content.body
        )

    def _settle(self, tag: int, how: How, *, multiple: bool = False) -> None:
        if how is How.ACK:
            self._channel.ack(tag, multiple=multiple)
        elif how is How.RETURN or multiple:
            self._channel.nack(tag, multiple=multiple, requeue=how is How.RETURN)
        else:
            self._channel.reject(tag, requeue=how is How.REFUSE)

    def take(self, queue: str, most: int | None = None) -> list[Delivery]:
        """Receive all that is in a queue, or about so much of it, and hold it."""
        taken: list[Delivery] = []
        while most is None or len(taken) < most:
            for _ in range(PORTION):
                self._channel.send("basic.get", queue=queue)
            portion = [self._got(queue) for _ in range(PORTION)]
            taken += [each for each in portion if each is not None]
            if portion[-1] is None:
                break
        return taken

    def read_on(self) -> Delivery:
        """Read a message of a stream: it stays where it is."""
        delivery = self.next_delivery()
        self._channel.ack(delivery.tag)
        return delivery

    def audit(self, queue: str) -> None:
        """Receive all that is in a queue, and hold it."""
        self.take(queue)
        self._add(Audited(queue))

    def audit_stream(self, queue: str) -> None:
        """Read all that is in a stream."""
        self._publish("", queue, f"{END}.{SMALL}")
        self.await_confirms(0)
        self.consume(queue, 100, "first")
        while not self.read_on().message.startswith(END):
            pass
        self._call("basic.cancel", consumer_tag=queue)
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
        with _ends(self._log, self._who):
            probe = self._connection.channel(2)
            try:
                probe.declare_queue(queue, passive=True)
            except ChannelClosed:
                self._add(Looked(queue, exists=False))
                probe.send("channel.close-ok")
            else:
                self._add(Looked(queue, exists=True))
                probe.close()

    def declare_lasting(self, queues: tuple[str, ...], fanned: tuple[str, ...]) -> None:
        """Declare what is there from the beginning on, and bind the fanned to the fanout exchange."""
        self._call("exchange.declare", exchange=FAN, type="fanout", durable=True)
        delaying = {"x-delayed-type": "direct"}
        self._call("exchange.declare", exchange=LATER, type="x-delayed-message", durable=True, arguments=delaying)
        for queue in queues:
            self._call("queue.declare", queue=queue, durable=True, arguments=QUEUES[queue].all_arguments())
            if QUEUES[queue].delayed:
                self._call("queue.bind", queue=queue, exchange=LATER, routing_key=queue)
        for queue in fanned:
            self._call("queue.bind", queue=queue, exchange=FAN)

    def renew(self, queue: str) -> None:
        """Delete a fanned queue with all that is in it, and declare it again."""
        self._call("queue.delete", queue=queue)
        self.declare_lasting((queue,), (queue,))

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
        with _ends(self._log, self._who):
            return self._channel.next()

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _ends(log: Log, who: str) -> Iterator[None]:
    """The broker's end, killed or in order, is Gone; a silence and any other close are failures too."""
    try:
        yield
    except TimeoutError as error:
        log.add(Failed(f"{who}: no answer within {PATIENCE} s"))
        raise Gone from error
    except Closed as error:
        if error.refusal.code != SHUTDOWN:
            log.add(Failed(f"{who}: the broker closed: {error}"))
        raise Gone from error
    except (Dropped, OSError) as error:
        raise Gone from error
