"""A session on pika, which blocks: one publish at a time, each confirmed."""

from __future__ import annotations

from contextlib import suppress

import pika
import pika.exceptions

from tests.crash.log import Confirmed, Failed, How, Log, Refused
from tests.crash.sessions import PATIENCE, PRIORITIES, SHUTDOWN, Delivery, Gone, Life, Session, body_of


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

    def _publish(self, exchange: str, key: str, message: str, headers: dict[str, int] | None = None) -> None:
        priority = self._numbers % PRIORITIES
        properties = pika.BasicProperties(delivery_mode=2, priority=priority, message_id=message, headers=headers)
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
        headers = properties.headers or {}
        return self._received(queue, method.delivery_tag, properties.message_id, method.redelivered, headers, body)

    def _settle(self, tag: int, how: How, *, multiple: bool = False) -> None:
        try:
            if how is How.ACK:
                self._channel.basic_ack(tag, multiple)
            elif how is How.RETURN or multiple:
                self._channel.basic_nack(tag, multiple, requeue=how is How.RETURN)
            else:
                self._channel.basic_reject(tag, requeue=how is How.REFUSE)
        except (pika.exceptions.AMQPError, OSError) as error:
            self._explain(error)
            raise Gone from error

    def _explain(self, error: Exception) -> None:
        """The end of a stream is a kill's doing; what the broker says is its own."""
        by_broker = (pika.exceptions.ConnectionClosedByBroker, pika.exceptions.ChannelClosedByBroker)
        if isinstance(error, by_broker) and error.args[0] != SHUTDOWN:
            self._add(Failed(f"{self._opened.worker}: the broker closed: {error!r}"))

    def close(self) -> None:
        with suppress(pika.exceptions.AMQPError, OSError):
            self._connection.close()
