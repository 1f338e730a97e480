"""aio-pika over aiormq; its loop runs while something is waited for."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeVar

import aio_pika
from aiormq import exceptions
from aiormq.abc import DeliveredMessage

from interop.matrix.driver import PATIENCE, Run, ask, same
from interop.matrix.python import pamqp
from interop.matrix.python.play import main
from interop.matrix.python.port import (
    MADE_UP,
    Channel,
    Client,
    Connection,
    Consumer,
    Message,
    NotTrusted,
    Options,
    Refused,
)

T = TypeVar("T")

NOT_ALLOWED = 530
CODES: Mapping[type[BaseException], int] = {
    exceptions.ProbableAuthenticationError: 403,
    exceptions.ChannelAccessRefused: 403,
    exceptions.ChannelNotFoundEntity: 404,
    exceptions.ChannelLockedResource: 405,
    exceptions.ChannelPreconditionFailed: 406,
    exceptions.ConnectionNotAllowed: NOT_ALLOWED,
}
"""What aio-pika has a class for; the others are ConnectionClosed with code and text."""


class Loop:
    """An event loop that runs one coroutine at a time, and whatever the client does meanwhile."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def run(self, work: Awaitable[T]) -> T:
        """Wait for an awaitable. Raises what aio-pika's exceptions mean."""

        async def limited() -> T:
            async with asyncio.timeout(PATIENCE):
                return await work

        try:
            return self._loop.run_until_complete(limited())
        except (exceptions.AMQPError, ssl.SSLError) as error:
            raise meaning(error) from error


def meaning(error: BaseException) -> Exception:
    """Return what an exception of aio-pika's means."""
    for each in (error, error.__cause__, error.__context__):
        if each is None:
            continue
        if isinstance(each, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(each):
            return NotTrusted(str(each))
        if type(each) in CODES:
            return Refused(CODES[type(each)], str(each))
        if isinstance(each, exceptions.ConnectionClosed | exceptions.ChannelClosed) and len(each.args) > 1:
            return Refused(each.args[0], str(each.args[1]))
        if isinstance(each, exceptions.InvalidFrameError) and "Connection.Close" in str(each):
            return Refused(NOT_ALLOWED, str(each))  # connection.open was answered by a close, whose code is not told
    return AssertionError(f"aio-pika reports {error!r}")


class AioPika(Client):
    """The library."""

    properties = pamqp.OFFERED
    adds = MappingProxyType({"headers": {}, "delivery_mode": 1, "priority": 0, "message_id": MADE_UP})
    returns_need_confirms = True

    def __init__(self) -> None:
        self.loop = Loop()

    def connect(self, options: Options) -> Connection:
        address = options.address
        made = self.loop.run(
            aio_pika.connect(
                host=address.host,
                port=address.port,
                login=address.user,
                password=address.password,
                virtualhost=address.vhost,
                heartbeat=options.heartbeat,
                ssl=options.tls,
                ssl_context=ssl.create_default_context(cafile=options.ca_file) if options.tls else None,
                client_properties={"connection_name": options.name},
            )
        )
        return AioConnection(self.loop, made)

    def headers(self) -> Mapping[str, Any]:
        return pamqp.HEADERS

    def expected(self, tag: str, value: Any) -> Any:
        return pamqp.expected(tag, value)


class Notices(logging.Handler):
    """The client's own words about blocking, which are all that it tells."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.blocked, self.unblocked = asyncio.Event(), asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "was unblocked" in text:
            self.unblocked.set()
        elif "was blocked" in text:
            self.blocked.set()


class AioConnection(Connection):
    """One connection."""

    def __init__(self, loop: Loop, native: aio_pika.abc.AbstractConnection) -> None:
        self.loop = loop
        self.native = native
        self._notices = Notices()
        self._closed: deque[BaseException | None] = deque()
        self._ended = asyncio.Event()
        logging.getLogger("aiormq.connection").addHandler(self._notices)
        native.close_callbacks.add(self._on_close)

    def _on_close(self, _connection: Any, reason: BaseException | None) -> None:
        self._closed.append(reason)
        self._ended.set()

    def channel(self) -> Channel:
        return AioChannel(self, confirms=False)

    def close(self) -> None:
        self.loop.run(self.native.close())

    def await_blocked(self) -> None:
        self.loop.run(self._notices.blocked.wait())

    def await_unblocked(self) -> None:
        self.loop.run(self._notices.unblocked.wait())

    def await_closed(self) -> Refused:
        self.loop.run(self._ended.wait())
        error = self._closed[0]
        assert error is not None, "the client gives no reason"
        reason = meaning(error)
        assert isinstance(reason, Refused), reason
        return reason

    def idle(self, seconds: float) -> None:
        self.loop.run(asyncio.sleep(seconds))


class AioChannel(Channel):
    """One channel. Confirms are a matter of how it is opened, so `select_confirms` opens it anew."""

    def __init__(self, connection: AioConnection, *, confirms: bool) -> None:
        self._loop = connection.loop
        self._connection = connection
        self._returned: asyncio.Queue[Message] = asyncio.Queue()
        self._transaction: Any = None
        self._open(confirms=confirms)

    def _open(self, *, confirms: bool) -> None:
        async def opened() -> Any:
            channel: Any = self._connection.native.channel(publisher_confirms=confirms)
            await channel.initialize()
            return channel

        self.native = self._loop.run(opened())

    def _keep_returned(self, outcome: Any) -> None:
        """Keep a message that publish gives back instead of its confirm."""
        if isinstance(outcome, DeliveredMessage):
            frame: Any = outcome.delivery
            back = message(aio_pika.IncomingMessage(outcome, no_ack=True))
            self._returned.put_nowait(replace(back, code=frame.reply_code, text=frame.reply_text))

    def _queue(self, name: str) -> Any:
        return self._loop.run(self.native.get_queue(name, ensure=False))

    def _exchange(self, name: str) -> Any:
        return self._loop.run(self.native.get_exchange(name, ensure=False)) if name else self.native.default_exchange

    def close(self) -> None:
        self._loop.run(self.native.close())

    # -- exchanges and queues

    def declare_exchange(self, name: str, kind: str) -> None:
        self._loop.run(self.native.declare_exchange(name, kind, durable=True))

    def delete_exchange(self, name: str) -> None:
        self._loop.run(self.native.exchange_delete(name))

    def bind_exchange(self, destination: str, source: str, key: str) -> None:
        self._loop.run(self._exchange(destination).bind(source, key))

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
        made = self._loop.run(
            self.native.declare_queue(
                name or None, passive=passive, durable=durable, exclusive=exclusive, arguments=named
            )
        )
        return made.name, made.declaration_result.message_count or 0

    def delete_queue(self, name: str) -> None:
        self._loop.run(self.native.queue_delete(name))

    def bind(self, queue: str, exchange: str, key: str = "", arguments: Mapping[str, Any] | None = None) -> None:
        self._loop.run(self._queue(queue).bind(exchange, key, arguments=arguments))

    def unbind(self, queue: str, exchange: str, key: str = "") -> None:
        self._loop.run(self._queue(queue).unbind(exchange, key))

    def purge(self, queue: str) -> int | None:
        count: int = self._loop.run(self._queue(queue).purge()).message_count
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
        given = dict(properties or {})
        if "expiration" in given:
            given["expiration"] = timedelta(milliseconds=int(given["expiration"]))
        sent = aio_pika.Message(body, **given)
        self._keep_returned(self._loop.run(self._exchange(exchange).publish(sent, key, mandatory=mandatory)))

    def select_confirms(self) -> None:
        self.close()
        self._open(confirms=True)

    def publish_confirmed(self, key: str, bodies: Sequence[bytes], *, mandatory: bool = False) -> list[bool]:
        exchange = self._exchange("")

        async def publish() -> list[Any]:
            waits = [exchange.publish(aio_pika.Message(body), key, mandatory=mandatory) for body in bodies]
            return await asyncio.gather(*waits, return_exceptions=True)

        return [self._is_confirmed(each) for each in self._loop.run(publish())]

    def _is_confirmed(self, outcome: Any) -> bool:
        if isinstance(outcome, exceptions.DeliveryError):
            return False
        assert not isinstance(outcome, BaseException), outcome
        self._keep_returned(outcome)
        return True

    def returned(self) -> Message:
        return self._loop.run(self._returned.get())

    def none_returned(self) -> bool:
        return self._returned.empty()

    # -- consuming

    def get(self, queue: str, *, no_ack: bool = False) -> Message | None:
        native = self._loop.run(self._queue(queue).get(no_ack=no_ack, fail=False))
        return None if native is None else message(native)

    def consume(self, queue: str, *, tag: str = "", no_ack: bool = False, exclusive: bool = False) -> Consumer:
        return AioConsumer(self._loop, self.native, self._queue(queue), tag, no_ack=no_ack, exclusive=exclusive)

    def ack(self, message: Message, *, multiple: bool = False) -> None:
        self._loop.run(message.native.ack(multiple=multiple))

    def nack(self, message: Message, *, requeue: bool) -> None:
        self._loop.run(message.native.nack(requeue=requeue))

    def reject(self, message: Message, *, requeue: bool) -> None:
        self._loop.run(message.native.reject(requeue=requeue))

    def prefetch(self, count: int) -> None:
        self._loop.run(self.native.set_qos(count))

    # -- transactions

    def select_transactions(self) -> None:
        self._transaction = self.native.transaction()
        self._loop.run(self._transaction.select())

    def commit(self) -> None:
        self._loop.run(self._transaction.commit())

    def roll_back(self) -> None:
        self._loop.run(self._transaction.rollback())


class AioConsumer(Consumer):
    """One consumer."""

    def __init__(self, loop: Loop, channel: Any, queue: Any, tag: str, *, no_ack: bool, exclusive: bool) -> None:
        self._loop = loop
        self._queue = queue
        self._arrived: asyncio.Queue[Message] = asyncio.Queue()
        self._cancelled = asyncio.Event()

        async def keep(native: Any) -> None:
            self._arrived.put_nowait(message(native))

        self.tag = loop.run(queue.consume(keep, no_ack=no_ack, exclusive=exclusive, consumer_tag=tag or None))
        underlay = loop.run(channel.get_underlay_channel())
        underlay.on_consumer_cancel_callbacks.add(lambda _frame: self._cancelled.set())

    def next(self) -> Message:
        return self._loop.run(self._arrived.get())

    def waiting(self) -> bool:
        return not self._arrived.empty()

    def cancel(self) -> None:
        self._loop.run(self._queue.cancel(self.tag))

    def await_cancelled(self) -> None:
        self._loop.run(self._cancelled.wait())


def message(native: Any) -> Message:
    """Return a message that was got, delivered or returned."""
    names = [name for name in pamqp.OFFERED if name != "expiration"]
    properties = {name: value for name in names if (value := getattr(native, name)) is not None}
    if native.expiration is not None:
        properties["expiration"] = str(round(native.expiration * 1000))
    if native.timestamp is not None:
        properties["timestamp"] = int(native.timestamp.timestamp())
    return Message(
        body=native.body,
        properties=properties,
        exchange=native.exchange or "",
        key=native.routing_key or "",
        redelivered=bool(native.redelivered),
        tag=native.delivery_tag or 0,
        count=native.message_count,
        native=native,
    )


# -- recovery of its own -----------------------------------------------------------------------------------------------


def reconnect(run: Run) -> None:
    """Consume on a robust connection: it comes back by itself, and its consumer with it."""
    asyncio.run(_reconnect(run))


async def _reconnect(run: Run) -> None:
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    ended: asyncio.Queue[BaseException | None] = asyncio.Queue()
    back = asyncio.Event()

    async def keep(native: Any) -> None:
        await native.ack()
        arrived.put_nowait(native.body)

    async with asyncio.timeout(2 * PATIENCE):
        connection = await aio_pika.connect_robust(run.url, reconnect_interval=0.1)
        connection.close_callbacks.add(lambda _connection, reason: ended.put_nowait(reason))
        connection.reconnect_callbacks.add(lambda _connection: back.set())
        channel = await connection.channel()
        queue = await channel.declare_queue(run.name("queue"), durable=True)
        await queue.consume(keep)
        await channel.default_exchange.publish(aio_pika.Message(b"before"), queue.name)
        same("before", await arrived.get(), b"before")
        await asyncio.to_thread(ask, "close-connections")
        reason = await ended.get()
        assert reason is not None, "the client gives no reason"
        same("the reply code", getattr(meaning(reason), "code", reason), 320)
        await back.wait()
        await channel.default_exchange.publish(aio_pika.Message(b"after"), queue.name)
        same("after", await arrived.get(), b"after")
        await queue.delete(if_unused=False)
        await connection.close()


if __name__ == "__main__":
    main(lambda _variant: AioPika(), {"reconnect": reconnect})
