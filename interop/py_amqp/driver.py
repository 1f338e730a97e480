"""py-amqp, the client under kombu and Celery."""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import amqp
from amqp import exceptions

from interop.matrix.driver import PATIENCE
from interop.matrix.python import headers
from interop.matrix.python.play import main
from interop.matrix.python.port import (
    PROPERTIES,
    Channel,
    Client,
    Connection,
    Consumer,
    Message,
    NotTrusted,
    Options,
    Refused,
)

TICK = 0.25
"""Seconds between two calls of heartbeat_tick, which the application has to make."""


def answered(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function of py-amqp's; raise what its exceptions mean."""
    try:
        return function(*arguments, **named)
    except exceptions.AMQPError as error:
        raise Refused(error.reply_code, str(error)) from error
    except ssl.SSLCertVerificationError as error:
        raise NotTrusted(str(error)) from error


class PyAmqp(Client):
    """The library."""

    nacks = False

    def connect(self, options: Options) -> Connection:
        return AmqpConnection(options)

    def headers(self) -> Mapping[str, Any]:
        return headers.EVERY

    def decoded(self, sent: Mapping[str, Any]) -> Mapping[str, Any]:
        """Octets go out as text, and come back as octets where they are none; moments come back without a zone."""
        return {**sent, "timestamp": sent["timestamp"].replace(tzinfo=None)}

    def expected(self, tag: str, value: Any) -> Any:
        if tag == "T":
            return value.replace(tzinfo=None)
        return headers.signed(value) if tag == "D" else value


class AmqpConnection(Connection):
    """One connection."""

    def __init__(self, options: Options) -> None:
        self.notices: list[str] = []
        self.native = self._opened(options)
        answered(self.native.connect)

    def _opened(self, options: Options) -> Any:
        address = options.address
        return amqp.Connection(
            f"{address.host}:{address.port}",
            userid=address.user,
            password=address.password,
            virtual_host=address.vhost,
            heartbeat=options.heartbeat,
            frame_max=options.frame_max,
            channel_max=options.channel_max,
            client_properties={"connection_name": options.name},
            ssl=tls(options) if options.tls else False,
            on_blocked=lambda _reason: self.notices.append("blocked"),
            on_unblocked=lambda: self.notices.append("unblocked"),
        )

    def until(self, condition: Callable[[], bool]) -> None:
        """Drain events until a condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            answered(self.native.drain_events, timeout=max(0.001, deadline - time.monotonic()))

    def channel(self) -> Channel:
        return AmqpChannel(self, answered(self.native.channel))

    def close(self) -> None:
        self.native.close()

    def await_blocked(self) -> None:
        self.until(lambda: "blocked" in self.notices)

    def await_unblocked(self) -> None:
        self.until(lambda: "unblocked" in self.notices)

    def await_closed(self) -> Refused:
        try:
            self.until(lambda: False)
        except Refused as refused:
            return refused
        raise AssertionError("unreachable")

    def idle(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                answered(self.native.drain_events, timeout=TICK)
            except TimeoutError:
                pass
            answered(self.native.heartbeat_tick)


def tls(options: Options) -> dict[str, Any]:
    """Return the TLS options: verification is on, with the given authority or none."""
    known = {"ca_certs": options.ca_file} if options.ca_file else {}
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": options.address.host, **known}


class AmqpChannel(Channel):
    """One channel."""

    def __init__(self, connection: AmqpConnection, native: Any) -> None:
        self.connection = connection
        self.native = native
        self.came_back: deque[Message] = deque()
        self._confirms: dict[int, bool] = {}
        self._published = 0
        native.events["basic_return"].add(self.on_return)

    def close(self) -> None:
        self.native.close()

    # -- exchanges and queues

    def declare_exchange(self, name: str, kind: str) -> None:
        answered(self.native.exchange_declare, name, kind, durable=True, auto_delete=False)

    def delete_exchange(self, name: str) -> None:
        answered(self.native.exchange_delete, name)

    def bind_exchange(self, destination: str, source: str, key: str) -> None:
        answered(self.native.exchange_bind, destination, source, key)

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
            self.native.queue_declare,
            name,
            passive=passive,
            durable=durable,
            exclusive=exclusive,
            auto_delete=False,
            arguments=arguments,
        )
        return made.queue, made.message_count

    def delete_queue(self, name: str) -> None:
        answered(self.native.queue_delete, name)

    def bind(self, queue: str, exchange: str, key: str = "", arguments: Mapping[str, Any] | None = None) -> None:
        answered(self.native.queue_bind, queue, exchange, key, arguments=arguments)

    def unbind(self, queue: str, exchange: str, key: str = "") -> None:
        answered(self.native.queue_unbind, queue, exchange, key)

    def purge(self, queue: str) -> int | None:
        count: int = answered(self.native.queue_purge, queue)
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
        named = {_named(name): each for name, each in (properties or {}).items()}
        answered(self.native.basic_publish, amqp.Message(body, **named), exchange, key, mandatory=mandatory)

    def on_return(self, error: Any, exchange: str, key: str, native: Any) -> None:
        """Keep a returned message."""
        body, properties = native.body, _properties(native)
        returned = Message(body, properties, exchange, key, code=error.reply_code, text=error.reply_text)
        self.came_back.append(returned)

    def select_confirms(self) -> None:
        self.native.events["basic_ack"].add(lambda tag, multiple: self._on_confirm(tag, multiple, confirmed=True))
        self.native.events["basic_nack"].add(lambda tag, multiple: self._on_confirm(tag, multiple, confirmed=False))
        answered(self.native.confirm_select)

    def _on_confirm(self, tag: int, multiple: bool, *, confirmed: bool) -> None:
        first = max(self._confirms, default=0) + 1 if multiple else tag
        self._confirms.update(dict.fromkeys(range(first, tag + 1), confirmed))

    def publish_confirmed(self, key: str, bodies: Sequence[bytes], *, mandatory: bool = False) -> list[bool]:
        for body in bodies:
            self.publish("", key, body, mandatory=mandatory)
        numbers = range(self._published + 1, self._published + len(bodies) + 1)
        self._published += len(bodies)
        self.connection.until(lambda: all(number in self._confirms for number in numbers))
        return [self._confirms[number] for number in numbers]

    def returned(self) -> Message:
        self.connection.until(lambda: bool(self.came_back))
        return self.came_back.popleft()

    def none_returned(self) -> bool:
        return not self.came_back

    # -- consuming

    def get(self, queue: str, *, no_ack: bool = False) -> Message | None:
        native = answered(self.native.basic_get, queue, no_ack=no_ack)
        return None if native is None else message(native)

    def consume(self, queue: str, *, tag: str = "", no_ack: bool = False, exclusive: bool = False) -> Consumer:
        return AmqpConsumer(self, queue, tag, no_ack, exclusive)

    def ack(self, message: Message, *, multiple: bool = False) -> None:
        self.native.basic_ack(message.tag, multiple=multiple)

    def nack(self, message: Message, *, requeue: bool) -> None:
        raise NotImplementedError

    def reject(self, message: Message, *, requeue: bool) -> None:
        self.native.basic_reject(message.tag, requeue)

    def prefetch(self, count: int) -> None:
        answered(self.native.basic_qos, 0, count, False)

    # -- transactions

    def select_transactions(self) -> None:
        answered(self.native.tx_select)

    def commit(self) -> None:
        answered(self.native.tx_commit)

    def roll_back(self) -> None:
        answered(self.native.tx_rollback)


class AmqpConsumer(Consumer):
    """One consumer."""

    def __init__(self, channel: AmqpChannel, queue: str, tag: str, no_ack: bool, exclusive: bool) -> None:
        self.channel = channel
        self.arrived: deque[Message] = deque()
        self.cancelled: list[str] = []
        self.tag = self._started(channel, queue, tag, no_ack, exclusive)

    def _started(self, channel: AmqpChannel, queue: str, tag: str, no_ack: bool, exclusive: bool) -> str:
        started: str = answered(
            channel.native.basic_consume,
            queue,
            tag,
            no_ack=no_ack,
            exclusive=exclusive,
            callback=lambda native: self.arrived.append(message(native)),
            on_cancel=self.cancelled.append,
        )
        return started

    def next(self) -> Message:
        self.channel.connection.until(lambda: bool(self.arrived))
        return self.arrived.popleft()

    def waiting(self) -> bool:
        return bool(self.arrived)

    def cancel(self) -> None:
        answered(self.channel.native.basic_cancel, self.tag)

    def await_cancelled(self) -> None:
        self.channel.connection.until(lambda: self.cancelled == [self.tag])


def _properties(native: Any) -> dict[str, Any]:
    given = native.properties
    return {name: given[key] for name in PROPERTIES if (key := _named(name)) in given}


def _named(name: str) -> str:
    return "application_headers" if name == "headers" else name


def message(native: Any) -> Message:
    """Return a message that was got or delivered."""
    about = native.delivery_info
    return Message(
        body=native.body if isinstance(native.body, bytes) else native.body.encode(),
        properties=_properties(native),
        exchange=about["exchange"],
        key=about["routing_key"],
        redelivered=about["redelivered"],
        tag=about["delivery_tag"],
        count=about.get("message_count"),
        native=native,
    )


if __name__ == "__main__":
    main(lambda _variant: PyAmqp())
