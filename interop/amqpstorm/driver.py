"""AMQPStorm: a blocking client with a thread that reads."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import amqpstorm

from interop.matrix.driver import PATIENCE
from interop.matrix.python import pamqp
from interop.matrix.python.play import main
from interop.matrix.python.port import Channel, Client, Connection, Consumer, Message, NotTrusted, Options, Refused

PAUSE = 0.01
"""Seconds between two looks at what the reading thread has brought; it announces nothing."""
RETURNED = re.compile(r"Message not delivered: (.*) \((\d+)\) to queue '(.*)' from exchange '(.*)'")


def answered(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function of AMQPStorm's; raise what its exceptions mean."""
    try:
        return function(*arguments, **named)
    except amqpstorm.AMQPError as error:
        raise meaning(error) from error


def meaning(error: Any) -> Exception:
    """Return what an exception of AMQPStorm's means; the exception itself if it is none of the broker's."""
    if error.error_code is not None:
        return Refused(error.error_code, str(error))
    if "certificate verify failed" in str(error).lower():
        return NotTrusted(str(error))
    return error if isinstance(error, Exception) else AssertionError(error)


def until(condition: Callable[[], bool], work: Callable[[], object]) -> None:
    """Work, and pause, until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"nothing came within {PATIENCE} s"
        work()
        pause.wait(PAUSE)


class AMQPStorm(Client):
    """The library."""

    returns_content = False
    properties = pamqp.OFFERED
    adds = MappingProxyType({"content_encoding": "utf-8"})

    def connect(self, options: Options) -> Connection:
        address = options.address
        context = ssl.create_default_context(cafile=options.ca_file)
        made = answered(
            amqpstorm.Connection,
            address.host,
            address.user,
            address.password,
            address.port,
            virtual_host=address.vhost,
            heartbeat=options.heartbeat,
            client_properties={"connection_name": options.name},
            ssl=options.tls,
            ssl_options={"context": context, "server_hostname": address.host} if options.tls else {},
        )
        return StormConnection(made)

    def headers(self) -> Mapping[str, Any]:
        return pamqp.HEADERS

    def expected(self, tag: str, value: Any) -> Any:
        return pamqp.expected(tag, value)


class StormConnection(Connection):
    """One connection."""

    def __init__(self, native: Any) -> None:
        self.native = native

    def channel(self) -> Channel:
        return StormChannel(answered(self.native.channel))

    def close(self) -> None:
        self.native.close()

    def await_blocked(self) -> None:
        until(lambda: self.native.is_blocked, self._check)

    def await_unblocked(self) -> None:
        until(lambda: not self.native.is_blocked, self._check)

    def _check(self) -> None:
        answered(self.native.check_for_errors)

    def await_closed(self) -> Refused:
        try:
            until(lambda: False, self._check)
        except Refused as refused:
            return refused
        raise AssertionError("unreachable")

    def idle(self, seconds: float) -> None:
        threading.Event().wait(seconds)


class StormChannel(Channel):
    """One channel."""

    def __init__(self, native: Any) -> None:
        self.native = native
        self._came_back: deque[Message] = deque()

    def close(self) -> None:
        self.native.close()

    # -- exchanges and queues

    def declare_exchange(self, name: str, kind: str) -> None:
        answered(self.native.exchange.declare, name, kind, durable=True)

    def delete_exchange(self, name: str) -> None:
        answered(self.native.exchange.delete, name)

    def bind_exchange(self, destination: str, source: str, key: str) -> None:
        answered(self.native.exchange.bind, destination, source, key)

    def declare_queue(
        self,
        name: str = "",
        *,
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> tuple[str, int]:
        made = answered(
            self.native.queue.declare, name, passive=passive, durable=durable, exclusive=exclusive, arguments=arguments
        )
        return made["queue"], made["message_count"]

    def delete_queue(self, name: str) -> None:
        answered(self.native.queue.delete, name)

    def bind(self, queue: str, exchange: str, key: str = "", arguments: Mapping[str, Any] | None = None) -> None:
        answered(self.native.queue.bind, queue, exchange, key, arguments)

    def unbind(self, queue: str, exchange: str, key: str = "") -> None:
        answered(self.native.queue.unbind, queue, exchange, key)

    def purge(self, queue: str) -> int | None:
        count: int = answered(self.native.queue.purge, queue)["message_count"]
        return count

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
        answered(self.native.basic.publish, body, key, exchange, pamqp.given(properties), mandatory=mandatory)

    def select_confirms(self) -> None:
        answered(self.native.confirm_deliveries)

    def publish_confirmed(self, key: str, bodies: Sequence[bytes], *, mandatory: bool = False) -> list[bool]:
        """With confirms, publish waits for each, and raises when the message comes back before its confirm."""
        return [self._is_confirmed(key, body, mandatory) for body in bodies]

    def _is_confirmed(self, key: str, body: bytes, mandatory: bool) -> bool:
        try:
            confirmed: bool = self.native.basic.publish(body, key, "", mandatory=mandatory)
        except amqpstorm.AMQPMessageError as error:
            self._keep(error)
            return True
        return confirmed

    def _keep(self, error: Any) -> None:
        """Keep what the exception for a returned message tells; the client drops properties and body."""
        found = RETURNED.fullmatch(str(error))
        assert found is not None, f"a returned message is reported as {error}"
        text, code, key, exchange = found.groups()
        self._came_back.append(Message(b"", exchange=exchange, key=key, code=int(code), text=text))

    def _look(self) -> None:
        try:
            self.native.check_for_errors()
        except amqpstorm.AMQPMessageError as error:
            self._keep(error)
        except amqpstorm.AMQPError as error:
            raise meaning(error) from error

    def returned(self) -> Message:
        until(lambda: bool(self._came_back), self._look)
        return self._came_back.popleft()

    def none_returned(self) -> bool:
        self._look()
        return not self._came_back

    # -- consuming

    def get(self, queue: str, *, no_ack: bool = False) -> Message | None:
        native = answered(self.native.basic.get, queue, no_ack=no_ack, auto_decode=False)
        return None if native is None else message(native)

    def consume(self, queue: str, *, tag: str = "", no_ack: bool = False, exclusive: bool = False) -> Consumer:
        return StormConsumer(self.native, queue, tag, no_ack, exclusive)

    def ack(self, message: Message, *, multiple: bool = False) -> None:
        self.native.basic.ack(message.tag, multiple=multiple)

    def nack(self, message: Message, *, requeue: bool) -> None:
        self.native.basic.nack(message.tag, requeue=requeue)

    def reject(self, message: Message, *, requeue: bool) -> None:
        self.native.basic.reject(message.tag, requeue=requeue)

    def prefetch(self, count: int) -> None:
        answered(self.native.basic.qos, count)

    # -- transactions

    def select_transactions(self) -> None:
        answered(self.native.tx.select)

    def commit(self) -> None:
        answered(self.native.tx.commit)

    def roll_back(self) -> None:
        answered(self.native.tx.rollback)


class StormConsumer(Consumer):
    """One consumer, whose callback is called in process_data_events."""

    def __init__(self, channel: Any, queue: str, tag: str, no_ack: bool, exclusive: bool) -> None:
        self._channel = channel
        self._arrived: deque[Message] = deque()
        self.tag = answered(
            channel.basic.consume,
            lambda native: self._arrived.append(message(native)),
            queue,
            tag,
            exclusive=exclusive,
            no_ack=no_ack,
        )

    def _look(self) -> None:
        answered(self._channel.process_data_events, auto_decode=False)

    def next(self) -> Message:
        until(lambda: bool(self._arrived), self._look)
        return self._arrived.popleft()

    def waiting(self) -> bool:
        self._look()
        return bool(self._arrived)

    def cancel(self) -> None:
        answered(self._channel.basic.cancel, self.tag)

    def await_cancelled(self) -> None:
        """AMQPStorm takes the tag off its list, which is all that it tells."""
        until(lambda: self.tag not in self._channel.consumer_tags, lambda: answered(self._channel.check_for_errors))


def message(native: Any) -> Message:
    """Return a message that was got or delivered."""
    method = native.method
    return Message(
        body=native.body,
        properties=pamqp.taken(native.properties),
        exchange=method["exchange"],
        key=method["routing_key"],
        redelivered=method["redelivered"],
        tag=method["delivery_tag"],
        count=method.get("message_count"),
    )


if __name__ == "__main__":
    main(lambda _variant: AMQPStorm())
