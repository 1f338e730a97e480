"""pika's blocking adapter."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pika
from pika import exceptions

from interop.matrix.driver import PATIENCE
from interop.matrix.python.port import Connection, Consumer, Message, Options, Refused
from interop.pika.channel import PikaChannel, PikaConsumer
from interop.pika.translation import PikaClient, message, parameters, refusal


def answered(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function of pika's; raise what its exceptions mean."""
    try:
        return function(*arguments, **named)
    except (exceptions.AMQPError, OSError) as error:
        raise refusal(error) from error


class Blocking(PikaClient):
    """BlockingConnection."""

    def connect(self, options: Options) -> Connection:
        return BlockingConnection(answered(pika.BlockingConnection, parameters(options)))


class BlockingConnection(Connection):
    """One connection."""

    def __init__(self, native: Any) -> None:
        self.native = native
        self._notices: list[str] = []
        native.add_on_connection_blocked_callback(lambda *_: self._notices.append("blocked"))
        native.add_on_connection_unblocked_callback(lambda *_: self._notices.append("unblocked"))

    def until(self, condition: Callable[[], bool]) -> None:
        """Process events until a condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"nothing came within {PATIENCE} s"
            answered(self.native.process_data_events, time_limit=left)

    def channel(self) -> BlockingChannel:
        return BlockingChannel(self, answered(self.native.channel))

    def close(self) -> None:
        self.native.close()

    def await_blocked(self) -> None:
        self.until(lambda: "blocked" in self._notices)

    def await_unblocked(self) -> None:
        self.until(lambda: "unblocked" in self._notices)

    def await_closed(self) -> Refused:
        try:
            self.until(lambda: False)
        except Refused as refused:
            return refused
        raise AssertionError("unreachable")

    def idle(self, seconds: float) -> None:
        self.native.sleep(seconds)


class BlockingChannel(PikaChannel):
    """One channel."""

    def __init__(self, connection: BlockingConnection, native: Any) -> None:
        super().__init__(native)
        self.connection = connection
        native.add_on_return_callback(self.on_return)

    def call(self, method: str, **arguments: Any) -> Any:
        return answered(getattr(self.native, method), **arguments)

    def until(self, condition: Callable[[], bool]) -> None:
        self.connection.until(condition)

    def close(self) -> None:
        self.native.close()

    def select_confirms(self) -> None:
        self.native.confirm_delivery()

    def publish_confirmed(self, key: str, bodies: Sequence[bytes], *, mandatory: bool = False) -> list[bool]:
        """With confirms, basic_publish of this adapter waits for each."""
        return [self._is_confirmed(key, body, mandatory) for body in bodies]

    def _is_confirmed(self, key: str, body: bytes, mandatory: bool) -> bool:
        try:
            self.native.basic_publish("", key, body, mandatory=mandatory)
        except exceptions.NackError:
            return False
        except exceptions.UnroutableError as error:
            for each in error.messages:
                self.on_return(self.native, each.method, each.properties, each.body)
        return True

    def get(self, queue: str, *, no_ack: bool = False) -> Message | None:
        method, properties, body = self.call("basic_get", queue=queue, auto_ack=no_ack)
        return None if method is None else message(method, properties, body)

    def consume(self, queue: str, *, tag: str = "", no_ack: bool = False, exclusive: bool = False) -> Consumer:
        consumer = BlockingConsumer(self)
        self.native.add_on_cancel_callback(lambda _frame: setattr(consumer, "cancelled", True))
        consumer.tag = self.call(
            "basic_consume",
            queue=queue,
            on_message_callback=consumer.on_message,
            auto_ack=no_ack,
            exclusive=exclusive,
            consumer_tag=tag or None,
        )
        return consumer


class BlockingConsumer(PikaConsumer):
    """One consumer; its callback is called in process_data_events alone."""

    channel: BlockingChannel

    def waiting(self) -> bool:
        answered(self.channel.connection.native.process_data_events, time_limit=0)
        return super().waiting()


