"""Callers of the three applications: each calls without a pause, whatever the broker does meanwhile.

A caller makes one call after the other and never gives up: a call that fails is made note of, and the next one begins.
Each declares the queue that it sends to, so that no call which begins after a restart may be lost.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import suppress
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Any

import pika
from celery.exceptions import TimeoutError as CeleryTimeoutError
from kombu.exceptions import KombuError
from pika.exceptions import AMQPError

if TYPE_CHECKING:
    from celery import Celery

CALL_LIMIT = 15.0
"""Seconds that a call may take; the longest wait between two attempts to connect is FastStream's, 5 s."""
REPLIES = "amq.rabbitmq.reply-to"


class Caller(ABC):
    """Calls an application again and again in a thread of its own."""

    failures: tuple[type[Exception], ...]

    def __init__(self) -> None:
        self.name = type(self).__name__
        self.errors: list[str] = []
        self._done: list[int] = []
        self._begun = 0
        self._lost = 0
        self._changed = Condition()
        self._ended = Event()
        self._thread = Thread(target=self._run, name=self.name, daemon=True)

    @abstractmethod
    def call(self, number: int) -> int:
        """Return the square that the application answers with. Raises one of `failures`."""

    def close(self) -> None:
        """Give up what is kept between calls; in the caller's own thread, after the last of them."""

    def start(self) -> None:
        """Begin to call."""
        self._thread.start()

    def stop(self) -> None:
        """End with the call that is under way; raise AssertionError if it hangs."""
        self._ended.set()
        self._thread.join(2 * CALL_LIMIT)
        assert not self._thread.is_alive(), f"{self.name} hangs in a call"

    def lose(self) -> int:
        """Wait no longer for the call that is under way; return its number: every later one is begun after now."""
        with self._changed:
            self._lost = self._begun
            return self._begun

    def patience(self, number: int, begun: float) -> float:
        """Return for how long to wait for an answer before asking again. Raises TimeoutError when that was enough."""
        left = begun + CALL_LIMIT - time.monotonic()
        if left <= 0 or number <= self._lost:
            raise TimeoutError(f"no answer within {CALL_LIMIT - left:.0f} s")
        return min(left, 0.5)

    def await_answers(self, count: int, *, after: int) -> None:
        """Wait until that many calls with a number above `after` are answered."""
        give_up = time.monotonic() + 2 * CALL_LIMIT
        with self._changed:
            while len(answered := [number for number in self._done if number > after]) < count:
                left = give_up - time.monotonic()
                assert left > 0, f"{self.name}: {len(answered)} of {count} calls answered; errors: {self.errors[-5:]}"
                self._changed.wait(left)

    def unanswered(self, *, after: int) -> list[int]:
        """Return the calls with a number above `after` that failed."""
        with self._changed:
            return sorted(set(range(after + 1, self._begun)) - set(self._done))

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._changed:
                self._begun += 1
                number = self._begun
            try:
                answer = self.call(number)
            except self.failures as error:
                self.errors.append(f"call {number}: {error!r}")
                self._ended.wait(0.05)  # a refused connection fails at once
                continue
            if answer != number * number:
                self.errors.append(f"call {number}: {answer} is no answer to it")
                continue
            with self._changed:
                self._done.append(number)
                self._changed.notify_all()
        self.close()


class CeleryCaller(Caller):
    """Sends tasks and waits for their results, with one client from the first to the last."""

    failures = (KombuError, TimeoutError, OSError)

    def __init__(self, client: Celery) -> None:
        super().__init__()
        self._client = client

    def call(self, number: int) -> int:
        begun = time.monotonic()
        result = self._client.send_task("square", (number,))
        while True:
            with suppress(CeleryTimeoutError):
                answer: int = result.get(timeout=self.patience(number, begun))
                return answer

    def close(self) -> None:
        with suppress(AttributeError):  # where the end comes while it connects again
            self._client.backend.result_consumer.stop()  # each thread has its own
        self._client.close()


class PikaCaller(Caller):
    """Sends a number to a queue and consumes the answer, on one connection for as long as it lasts."""

    failures = (AMQPError, TimeoutError, OSError)

    def __init__(self, url: str) -> None:
        super().__init__()
        self._parameters = pika.URLParameters(url)
        self._parameters.connection_attempts, self._parameters.retry_delay = 100, 0.2
        self._connection: pika.BlockingConnection | None = None
        self._channel: Any = None
        self._answers: list[tuple[int, int]] = []

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and connection.is_open:
            connection.close()

    @abstractmethod
    def prepare(self, channel: Any) -> None:
        """Declare the queues and consume the answers."""

    @abstractmethod
    def send(self, channel: Any, number: int) -> None:
        """Publish a call."""

    def take(self, number: int, answer: int) -> None:
        """Make note of an answer."""
        self._answers.append((number, answer))

    def call(self, number: int) -> int:
        try:
            return self._answer(number, self._connected())
        except self.failures:
            self.close()
            raise

    def _connected(self) -> pika.BlockingConnection:
        if self._connection is None:
            self._connection = pika.BlockingConnection(self._parameters)
            self._channel = self._connection.channel()
            self.prepare(self._channel)
        return self._connection

    def _answer(self, number: int, connection: pika.BlockingConnection) -> int:
        self.send(self._channel, number)
        begun = time.monotonic()
        while True:
            for asked, answer in self._answers:
                if asked == number:
                    self._answers.clear()
                    return answer
            connection.process_data_events(self.patience(number, begun))


class RpcCaller(PikaCaller):
    """Asks the RPC server over direct reply-to."""

    def prepare(self, channel: Any) -> None:
        channel.queue_declare("restart-requests")
        channel.basic_consume(REPLIES, self._on_reply, auto_ack=True)

    def _on_reply(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        self.take(int(properties.correlation_id), int(body))

    def send(self, channel: Any, number: int) -> None:
        properties = pika.BasicProperties(reply_to=REPLIES, correlation_id=str(number))
        channel.basic_publish("", "restart-requests", b"%d" % number, properties)


class ServiceCaller(PikaCaller):
    """Sends orders to the service and consumes its receipts."""

    def prepare(self, channel: Any) -> None:
        for queue in ("restart-orders", "restart-receipts"):
            channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "classic"})  # as FastStream does
        channel.basic_consume("restart-receipts", self._on_receipt, auto_ack=True)

    def _on_receipt(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        square = int(body)
        self.take(round(square**0.5), square)

    def send(self, channel: Any, number: int) -> None:
        channel.basic_publish("", "restart-orders", b"%d" % number)
