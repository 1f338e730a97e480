"""A client for tools to look at: a connection that consumes, and a queue with messages of each kind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import pika
from pika.exceptions import AMQPError

if TYPE_CHECKING:
    from interop.matrix.targets import Target

READY: Final = 3
UNACKNOWLEDGED: Final = 2
FIRST_SENT: Final = 1_700_000_000
"""When the first message was sent, as it says."""


@contextmanager
def connected(target: Target, prefix: str) -> Iterator[None]:
    """Have a client named P: its consumer `P-consumer` holds 2 of the 5 messages in the queue `P-watched`."""
    parameters = pika.URLParameters(target.url)
    parameters.client_properties = {"connection_name": prefix}
    parameters.heartbeat = 0  # nobody looks after it while the driver runs
    queue = f"{prefix}-watched"
    connection = pika.BlockingConnection(parameters)
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_qos(prefetch_count=UNACKNOWLEDGED)
        channel.queue_declare(queue, durable=True)
        for number in range(READY + UNACKNOWLEDGED):
            sent = pika.BasicProperties(timestamp=FIRST_SENT + number)
            channel.basic_publish("", queue, str(number).encode(), sent)
        channel.basic_consume(queue, lambda *_: None, consumer_tag=f"{prefix}-consumer")
        alive = threading.Thread(target=_live, args=(connection,))
        alive.start()
        try:
            yield
        finally:
            with suppress(AMQPError):  # a driver may have closed it
                connection.add_callback_threadsafe(connection.close)
            alive.join()
    finally:
        with pika.BlockingConnection(pika.URLParameters(target.url)) as another:
            another.channel().queue_delete(queue)


def _live(connection: pika.BlockingConnection) -> None:
    """Take what comes, until the connection ends."""
    with suppress(AMQPError):
        while connection.is_open:
            connection.process_data_events(time_limit=None)
