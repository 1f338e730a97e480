"""The aliveness test of a virtual host. https://www.rabbitmq.com/docs/monitoring#health-checks"""

from __future__ import annotations

from typing import Final

from amqpd.broker.operations import getting, queues
from amqpd.broker.operations.publishing import publish
from amqpd.errors import AccessRefused
from amqpd.fields import EMPTY
from amqpd.management.api import Call
from amqpd.management.errors import not_authorised
from amqpd.properties import EMPTY as EMPTY_PROPERTIES

QUEUE: Final = "aliveness-test"
"""It stays, as in RabbitMQ."""
BODY: Final = b"test_message"


async def aliveness(call: Call) -> object:
    """Whether a virtual host is there.

    With `compat` before 4.1 also whether the caller can declare a queue in it, publish to it and get the message back.
    """
    vhost = call.vhost()
    if not call.broker.compat.profile.aliveness_uses_a_queue:
        return {"status": "ok"}
    broker, session = call.broker, call.session(vhost)
    try:
        await call.perform(
            lambda: queues.declare(
                broker, session, QUEUE, durable=False, exclusive=False, auto_delete=False, arguments=EMPTY
            )
        )
        await call.perform(lambda: publish(broker, session, "", QUEUE, EMPTY_PROPERTIES, BODY))
        queue = getting.gettable_queue(session, QUEUE)
    except AccessRefused as error:
        raise not_authorised(error.reply_text) from None
    message = getting.take(broker, session, queue)
    if message is not None:
        getting.acknowledge(queue, [message])
        call.api.end_turn()
    return {"status": "ok"}
