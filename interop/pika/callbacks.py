"""pika's adapters that call back: on pika's own loop, on asyncio's and on Tornado's.

One loop serves all connections of a scenario.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.adapters.select_connection import IOLoop
from pika.adapters.tornado_connection import TornadoConnection
from tornado.ioloop import IOLoop as TornadoLoop

from interop.matrix.driver import PATIENCE
from interop.matrix.python.port import Connection, Consumer, Message, Options, Refused
from interop.pika.channel import PikaChannel, PikaConsumer
from interop.pika.translation import PikaClient, message, parameters, refusal


class Loop:
    """Any of the three: `run` goes round until a callback stops it, and each of our callbacks does."""

    def __init__(self, native: Any, run: Callable[[], None]) -> None:
        self.native = native
        self._run = run

    def until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
        """Let the loop work until a condition holds; return False if it doesn't in time."""
        deadline = time.monotonic() + patience
        self.native.call_later(patience, self.native.stop)
        while not condition():
            if time.monotonic() >= deadline:
                return False
            self._run()
        return True

    def told(self, function: Callable[..., object]) -> Callable[..., None]:
        """Return a callback that also ends the wait."""

        def callback(*arguments: Any) -> None:
            function(*arguments)
            self.native.stop()

        return callback


class Callbacks(PikaClient):
    """SelectConnection, AsyncioConnection or TornadoConnection."""

    def __init__(self, adapter: Any, loop: Loop) -> None:
        self._adapter = adapter
        self._loop = loop

    def connect(self, options: Options) -> Connection:
        return CallbackConnection(self._adapter, self._loop, options)


def select() -> PikaClient:
    """Return the client on pika's own loop."""
    loop = IOLoop()
    return Callbacks(pika.SelectConnection, Loop(loop, loop.start))


def on_asyncio() -> PikaClient:
    """Return the client on asyncio's loop."""
    loop = asyncio.new_event_loop()
    return Callbacks(AsyncioConnection, Loop(loop, loop.run_forever))


def on_tornado() -> PikaClient:
    """Return the client on Tornado's loop."""
    loop = TornadoLoop()
    return Callbacks(TornadoConnection, Loop(loop, loop.start))


class CallbackConnection(Connection):
    """One connection."""

    def __init__(self, adapter: Any, loop: Loop, options: Options) -> None:
        self.loop = loop
        self.closed: BaseException | None = None
        self._notices: list[str] = []
        self.native = adapter(
            parameters(options),
            on_open_callback=loop.told(lambda _connection: self._notices.append("open")),
            on_open_error_callback=loop.told(self._on_close),
            on_close_callback=loop.told(self._on_close),
            custom_ioloop=loop.native,
        )
        self.until(lambda: "open" in self._notices)
        self.native.add_on_connection_blocked_callback(loop.told(lambda *_: self._notices.append("blocked")))
        self.native.add_on_connection_unblocked_callback(loop.told(lambda *_: self._notices.append("unblocked")))

    def _on_close(self, _connection: Any, reason: BaseException) -> None:
        self.closed = reason

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition. Raises Refused when the connection ends before."""
        assert self.loop.until(lambda: condition() or self.closed is not None), f"nothing came within {PATIENCE} s"
        if not condition():
            assert self.closed is not None
            raise refusal(self.closed)

    def channel(self) -> Any:
        return CallbackChannel.opened(self)

    def close(self) -> None:
        self.native.close()
        self.until(lambda: self.closed is not None)

    def await_blocked(self) -> None:
        self.until(lambda: "blocked" in self._notices)

    def await_unblocked(self) -> None:
        self.until(lambda: "unblocked" in self._notices)

    def await_closed(self) -> Refused:
        self.until(lambda: self.closed is not None)
        assert self.closed is not None
        reason = refusal(self.closed)
        assert isinstance(reason, Refused), reason
        return reason

    def idle(self, seconds: float) -> None:
        assert not self.loop.until(lambda: self.closed is not None, seconds), f"closed: {self.closed!r}"


class CallbackChannel(PikaChannel):
    """One channel."""

    def __init__(self, connection: CallbackConnection, native: Any) -> None:
        super().__init__(native)
        self.connection = connection
        self.closed: BaseException | None = None
        self._confirms: dict[int, bool] = {}
        self._published = 0
        told = connection.loop.told
        self._empty: list[bool] = []
        native.add_on_close_callback(told(lambda _channel, reason: setattr(self, "closed", reason)))
        native.add_on_return_callback(told(self.on_return))
        native.add_callback(told(lambda _frame: self._empty.append(True)), [pika.spec.Basic.GetEmpty], one_shot=False)

    @classmethod
    def opened(cls, connection: CallbackConnection) -> CallbackChannel:
        """Open a channel and wait for it."""
        opened: list[Any] = []
        native = connection.native.channel(on_open_callback=connection.loop.told(opened.append))
        connection.until(lambda: bool(opened))
        return cls(connection, native)

    def until(self, condition: Callable[[], bool]) -> None:
        self.connection.until(lambda: condition() or self.closed is not None)
        if not condition():
            assert self.closed is not None
            raise refusal(self.closed)

    def call(self, method: str, **arguments: Any) -> Any:
        answers: list[Any] = []
        getattr(self.native, method)(**arguments, callback=self.connection.loop.told(answers.append))
        self.until(lambda: bool(answers))
        return answers[0]

    def close(self) -> None:
        self.native.close()
        self.until(lambda: self.closed is not None)

    # -- publishing

    def select_confirms(self) -> None:
        self.call("confirm_delivery", ack_nack_callback=self.connection.loop.told(self._on_confirm))

    def _on_confirm(self, frame: Any) -> None:
        tag = frame.method.delivery_tag
        first = max(self._confirms, default=0) + 1 if frame.method.multiple else tag
        confirmed = isinstance(frame.method, pika.spec.Basic.Ack)
        self._confirms.update(dict.fromkeys(range(first, tag + 1), confirmed))

    def publish_confirmed(self, key: str, bodies: Sequence[bytes], *, mandatory: bool = False) -> list[bool]:
        for body in bodies:
            self.publish("", key, body, mandatory=mandatory)
        numbers = range(self._published + 1, self._published + len(bodies) + 1)
        self._published += len(bodies)
        self.until(lambda: all(number in self._confirms for number in numbers))
        return [self._confirms[number] for number in numbers]

    # -- consuming

    def get(self, queue: str, *, no_ack: bool = False) -> Message | None:
        answers: list[Message] = []
        self._empty.clear()

        def on_message(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
            answers.append(message(method, properties, body))

        self.native.basic_get(queue, self.connection.loop.told(on_message), auto_ack=no_ack)
        self.until(lambda: bool(answers or self._empty))
        return answers[0] if answers else None

    def consume(self, queue: str, *, tag: str = "", no_ack: bool = False, exclusive: bool = False) -> Consumer:
        consumer = PikaConsumer(self)
        told = self.connection.loop.told
        self.native.add_on_cancel_callback(told(lambda _frame: setattr(consumer, "cancelled", True)))
        frame = self.call(
            "basic_consume",
            queue=queue,
            on_message_callback=told(consumer.on_message),
            auto_ack=no_ack,
            exclusive=exclusive,
            consumer_tag=tag or None,
        )
        consumer.tag = frame.method.consumer_tag
        return consumer
