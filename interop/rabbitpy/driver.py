"""rabbitpy: blocking, with threads that read, write and keep the connection alive."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import SimpleQueue
from typing import Any
from urllib.parse import quote, urlencode

import rabbitpy
from rabbitpy import exceptions

from interop.matrix.driver import PATIENCE, Run, same
from interop.matrix.python import pamqp
from interop.matrix.python.consuming import REPLIES
from interop.matrix.python.play import main
from interop.matrix.python.port import (
    Channel,
    Client,
    Connection,
    Consumer,
    Message,
    NotTrusted,
    Options,
    Refused,
    Stage,
)

TIMEOUT = 10
"""Seconds that the client gives its thread to open a socket."""
PAUSE = 0.01
"""Seconds between two looks at a state that nothing announces."""


def answered(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function of rabbitpy's; raise what its exceptions mean."""
    try:
        return function(*arguments, **named)
    except (exceptions.RabbitpyException, OSError) as error:
        raise meaning(error) from error


def meaning(error: BaseException) -> Exception:
    """Return what an exception of rabbitpy's means."""
    for code, kind in exceptions.AMQP.items():
        if isinstance(error, kind):
            return Refused(code, str(error))
    if isinstance(error, exceptions.RemoteClosedException | exceptions.RemoteClosedChannelException):
        return Refused(error.args[-2], str(error.args[-1]))
    if "CERTIFICATE_VERIFY_FAILED" in repr(error):
        return NotTrusted(repr(error))
    return AssertionError(f"rabbitpy reports {error!r}")


def until(condition: Callable[[], bool]) -> None:
    """Pause until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"nothing came within {PATIENCE} s"
        pause.wait(PAUSE)


class Rabbitpy(Client):
    """The library."""

    properties = pamqp.OFFERED
    returns_content = False

    def connect(self, options: Options) -> Connection:
        address = options.address
        query = {
            "heartbeat": options.heartbeat,
            "timeout": TIMEOUT,
            "frame_max": options.frame_max,
            "channel_max": options.channel_max,
            **({"cacertfile": options.ca_file} if options.ca_file else {}),
            **({"verify": "required"} if options.tls else {}),
        }
        scheme = "amqps" if options.tls else "amqp"
        place = f"{address.user}:{quote(address.password)}@{address.host}:{address.port}"
        url = f"{scheme}://{place}/{quote(address.vhost, safe='')}?{urlencode(query)}"
        try:
            return RabbitpyConnection(rabbitpy.Connection(url, options.name))
        except (exceptions.RabbitpyException, OSError, RuntimeError) as error:
            if options.tls and not options.ca_file:  # the thread that opens the socket keeps its reason for itself
                raise NotTrusted(repr(error)) from error
            raise meaning(error) from error

    def headers(self) -> Mapping[str, Any]:
        return pamqp.HEADERS

    def expected(self, tag: str, value: Any) -> Any:
        return pamqp.expected(tag, value)


class RabbitpyConnection(Connection):
    """One connection."""

    def __init__(self, native: Any) -> None:
        self.native = native
        self._channels: list[RabbitpyChannel] = []

    def channel(self) -> Channel:
        made = RabbitpyChannel(answered(self.native.channel))
        self._channels.append(made)
        return made

    def close(self) -> None:
        """Close it once nothing consumes any more: closing a channel that consumes raises a RuntimeError."""
        for channel in self._channels:
            channel.cancel_all()
        answered(self.native.close)

    def await_blocked(self) -> None:
        until(lambda: self.native.blocked)

    def await_unblocked(self) -> None:
        until(lambda: not self.native.blocked)

    def await_closed(self) -> Refused:
        """Whoever uses a channel next hears of it."""
        try:
            self._channels[-1].declare_queue("amq.rabbitmq.reply-to", passive=True)
        except Refused as refused:
            return refused
        raise AssertionError("the client does not say that the connection was closed")

    def idle(self, seconds: float) -> None:
        threading.Event().wait(seconds)


class RabbitpyChannel(Channel):
    """One channel."""

    def __init__(self, native: Any) -> None:
        self.native = native
        self._came_back: deque[Message] = deque()
        self._consumers: list[RabbitpyConsumer] = []

    def _queue(self, name: str, **options: Any) -> Any:
        return rabbitpy.Queue(self.native, name, **options)

    def close(self) -> None:
        self.cancel_all()
        answered(self.native.close)

    def cancel_all(self) -> None:
        """Cancel what consumes."""
        for consumer in self._consumers:
            if not self.native.closed:
                consumer.stop()

    # -- exchanges and queues

    def declare_exchange(self, name: str, kind: str) -> None:
        answered(rabbitpy.Exchange(self.native, name, kind, durable=True).declare)

    def delete_exchange(self, name: str) -> None:
        answered(rabbitpy.Exchange(self.native, name).delete)

    def bind_exchange(self, destination: str, source: str, key: str) -> None:
        answered(rabbitpy.Exchange(self.native, destination).bind, source, key)

    def declare_queue(
        self,
        name: str = "",
        *,
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> tuple[str, int]:
        named = dict(arguments) if arguments else None
        queue = self._queue(name, durable=durable, exclusive=exclusive, arguments=named)
        count, _consumers = answered(queue.declare, passive)
        return queue.name, count

    def delete_queue(self, name: str) -> None:
        answered(self._queue(name).delete)

    def bind(self, queue: str, exchange: str, key: str = "", arguments: Mapping[str, Any] | None = None) -> None:
        answered(self._queue(queue).bind, exchange, key, dict(arguments) if arguments else None)

    def unbind(self, queue: str, exchange: str, key: str = "") -> None:
        answered(self._queue(queue).unbind, exchange, key)

    def purge(self, queue: str) -> int | None:
        answered(self._queue(queue).purge)
        return None

    # -- publishing

    def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        properties: Mapping[str, Any] | None = None,
        *,
        mandatory: bool = False,
    ) -> None:
        message = rabbitpy.Message(self.native, body, pamqp.given(properties))
        answered(message.publish, exchange, key, mandatory)

    def select_confirms(self) -> None:
        answered(self.native.enable_publisher_confirms)

    def publish_confirmed(self, key: str, bodies: Sequence[bytes], *, mandatory: bool = False) -> list[bool]:
        """With confirms, publish waits for each."""
        return [self._is_confirmed(key, body, mandatory) for body in bodies]

    def _is_confirmed(self, key: str, body: bytes, mandatory: bool) -> bool:
        try:
            confirmed: bool = rabbitpy.Message(self.native, body).publish("", key, mandatory)
        except exceptions.MessageReturnedException as error:
            self._keep(error)
            return True  # the client stops here and leaves the confirm, which follows, for the next publish
        return confirmed

    def _look(self) -> None:
        """Do anything that waits for an answer: that is where a returned message raises."""
        try:
            rabbitpy.Exchange(self.native, "amq.direct", "direct", durable=True).declare(passive=True)
        except exceptions.MessageReturnedException as error:
            self._keep(error)

    def _keep(self, error: Any) -> None:
        """Keep what the exception tells; properties and body are not in it."""
        code, text, exchange, key = error.args
        self._came_back.append(Message(b"", exchange=exchange, key=key, code=code, text=text))

    def returned(self) -> Message:
        if not self._came_back:
            self._look()
        return self._came_back.popleft()

    def none_returned(self) -> bool:
        self._look()
        return not self._came_back

    # -- consuming

    def get(self, queue: str, *, no_ack: bool = False) -> Message | None:
        native = answered(self._queue(queue).get, not no_ack)
        return None if native is None else message(native)

    def consume(self, queue: str, *, tag: str = "", no_ack: bool = False, exclusive: bool = False) -> Consumer:
        consumer = RabbitpyConsumer(self.native, queue, tag, no_ack=no_ack, exclusive=exclusive)
        self._consumers.append(consumer)
        return consumer

    def ack(self, message: Message, *, multiple: bool = False) -> None:
        answered(message.native.ack, multiple)

    def nack(self, message: Message, *, requeue: bool) -> None:
        answered(message.native.nack, requeue)

    def reject(self, message: Message, *, requeue: bool) -> None:
        answered(message.native.reject, requeue)

    def prefetch(self, count: int) -> None:
        answered(self.native.prefetch_count, count)

    # -- transactions

    def select_transactions(self) -> None:
        self._transaction = rabbitpy.Tx(self.native)
        answered(self._transaction.select)

    def commit(self) -> None:
        answered(self._transaction.commit)

    def roll_back(self) -> None:
        answered(self._transaction.rollback)
        answered(self._transaction.select)  # the client counts a transaction as ended


class RabbitpyConsumer(Consumer):
    """One consumer: a generator, which begins to consume when the first delivery is asked for."""

    def __init__(self, channel: Any, queue: str, tag: str, *, no_ack: bool, exclusive: bool) -> None:
        self._adapter = rabbitpy.AMQP(channel)
        self._ended = False
        self.tag = tag or self._adapter.consumer_tag
        self._deliveries: Iterator[Any] = self._adapter.basic_consume(
            queue, self.tag, no_ack=no_ack, exclusive=exclusive
        )

    def next(self) -> Message:
        try:
            return message(answered(next, self._deliveries))
        except Refused:
            self._ended = True
            raise

    def waiting(self) -> bool:
        return False

    def cancel(self) -> None:
        self._ended = True
        answered(self._adapter.basic_cancel, self.tag)

    def stop(self) -> None:
        """Cancel it unless it has not begun or has ended; the client runs in circles when it cancels an ended one."""
        if self._ended:
            return
        try:
            self._adapter.basic_cancel(self.tag)
        except exceptions.NotConsumingError:
            pass

    def await_cancelled(self) -> None:
        try:
            next(self._deliveries)
        except exceptions.RemoteCancellationException:
            self._ended = True
            return
        raise AssertionError("the client does not report that the consumer was cancelled")


def message(native: Any) -> Message:
    """Return a message that was got or delivered."""
    return Message(
        body=bytes(native.body),
        properties=pamqp.taken(native.properties),
        exchange=native.exchange,
        key=native.routing_key,
        redelivered=native.redelivered,
        tag=native.delivery_tag,
        native=native,
    )


def reply_to(run: Run) -> None:
    """The requester consumes in a thread of its own: its generator has to be waiting before the first request."""
    client = Rabbitpy()
    stage = Stage(client, run.prefix, run.plain, run.tls, run.ca_file)
    requester, responder = stage.connect().channel(), stage.connect().channel()
    assert isinstance(requester, RabbitpyChannel)
    queue = stage.queue()
    responder.declare_queue(queue)
    replies: SimpleQueue[Message] = SimpleQueue()
    listening = rabbitpy.Queue(requester.native, REPLIES)

    def listen() -> None:
        deliveries = listening.consume(no_ack=True)
        for _ in range(10):
            replies.put(message(next(deliveries)))
        deliveries.close()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    until(lambda: bool(listening.consuming))
    for number in range(10):
        properties = {"reply_to": REPLIES, "correlation_id": f"c-{number}"}
        requester.publish("", queue, b"request %d" % number, properties)
    requests = responder.consume(queue)
    for _ in range(10):
        request = requests.next()
        properties = {"correlation_id": request.properties["correlation_id"]}
        answer = request.body.replace(b"request", b"answer")
        responder.publish("", request.properties["reply_to"], answer, properties)
        responder.ack(request)
    for number in range(10):
        reply = replies.get(timeout=PATIENCE)
        same("the reply", (reply.body, reply.properties["correlation_id"]), (b"answer %d" % number, f"c-{number}"))
    listener.join(PATIENCE)
    stage.strike()


if __name__ == "__main__":
    main(lambda _variant: Rabbitpy(), {"reply-to": reply_to})
