"""A listener that retries as those of Spring AMQP do: a few times through a parking queue, then with the exception.

What fails is rejected and dead-lettered to a queue without consumers, whose TTL brings it back. Its history says how
often that was; after the last time the listener itself publishes it to an error exchange, with headers about the
exception, as Spring's RepublishMessageRecoverer does.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import attrs
import pika

if TYPE_CHECKING:
    from collections.abc import Callable


class Failed(Exception):
    """What the work on a message raises when it may succeed later."""


@attrs.frozen
class Retries:
    """A queue whose messages are parked when they fail, for so many milliseconds and so many times."""

    queue: str
    pause: int
    limit: int

    @property
    def parking(self) -> str:
        """The queue of what waits for its next try."""
        return f"{self.queue}.parking"

    @property
    def errors(self) -> str:
        """The exchange and queue of what has failed too often."""
        return f"{self.queue}.errors"

    @property
    def queues(self) -> tuple[str, str, str]:
        """All three."""
        return self.queue, self.parking, self.errors

    def declare(self, channel: Any) -> None:
        """Declare the three queues and the error exchange."""
        back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.queue, "x-message-ttl": self.pause}
        away = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.parking}
        channel.queue_declare(self.parking, durable=True, arguments=back)
        channel.queue_declare(self.queue, durable=True, arguments=away)
        channel.exchange_declare(self.errors, "topic", durable=True)
        channel.queue_declare(self.errors, durable=True)
        channel.queue_bind(self.errors, self.errors, "error.#")

    def delete(self, channel: Any) -> None:
        """Delete what was declared."""
        for queue in self.queues:
            channel.queue_delete(queue)
        channel.exchange_delete(self.errors)

    def listen(self, channel: Any, work: Callable[[bytes], None]) -> None:
        """Do the work on each message. What raises Failed is tried again; the last failure goes to the errors."""

        def receive(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
            try:
                work(body)
            except Failed as error:
                if deaths(properties, self.queue, "rejected") < self.limit:
                    channel.basic_reject(method.delivery_tag, requeue=False)
                    return
                republish(channel, self.errors, method, properties, body, error)
            channel.basic_ack(method.delivery_tag)

        channel.basic_consume(self.queue, receive)


def deaths(properties: Any, queue: str, reason: str) -> int:
    """Return how often a message has died in a queue for that reason."""
    history = (properties.headers or {}).get("x-death", [])
    return next((death["count"] for death in history if (death["queue"], death["reason"]) == (queue, reason)), 0)


def republish(channel: Any, exchange: str, method: Any, properties: Any, body: bytes, error: Failed) -> None:
    """Publish a message anew with the headers of Spring's recoverer."""
    properties.headers = {
        **(properties.headers or {}),
        "x-exception-message": str(error),
        "x-exception-stacktrace": "".join(traceback.format_exception(error)),
        "x-original-exchange": method.exchange,
        "x-original-routingKey": method.routing_key,
    }
    properties.delivery_mode = pika.DeliveryMode.Persistent.value
    channel.basic_publish(exchange, f"error.{method.routing_key}", body, properties)
