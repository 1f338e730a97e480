"""An RPC server on pika, with the loop around the connection that pika's documentation recommends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pika
from pika.exceptions import AMQPConnectionError

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel

QUEUE = "restart-requests"


def answer(channel: BlockingChannel, method: Any, properties: Any, body: bytes) -> None:
    """Send the square of the request to where its sender waits."""
    reply = pika.BasicProperties(correlation_id=properties.correlation_id)
    channel.basic_publish("", properties.reply_to, b"%d" % int(body) ** 2, reply)
    channel.basic_ack(method.delivery_tag)


def serve(parameters: pika.URLParameters) -> None:
    """Answer until the connection is lost."""
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE)
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(QUEUE, answer)
        channel.start_consuming()


def main() -> None:
    """Serve for ever; connect again whenever the connection is lost."""
    parameters = pika.URLParameters(os.environ["AMQP_URL"])
    parameters.connection_attempts, parameters.retry_delay = 60, 1
    while True:
        try:
            serve(parameters)
        except AMQPConnectionError:
            continue


if __name__ == "__main__":
    main()
