"""How long a consumer's deliveries may stay unacknowledged, where it or its queue says so.

What a consumer asks for wins over its queue, and that over what is configured for all. Who looks at the time, and what
becomes of a delivery that is overdue, is the protocol's matter. https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from amqpd.broker.compat import Compat
    from amqpd.broker.consumers import Consumer
    from amqpd.broker.queue import Queue

ARGUMENT: Final = "x-consumer-timeout"
EXTENSION: Final = "consumer-timeouts"
EXTENDED_TO: Final = "CQ"
"""The queue types that have it as an extension."""

def own_timeout(consumer: Consumer, compat: Compat, configured: float | None) -> float | None:
    """The seconds that its deliveries have, 0: for ever; None: what holds for all of its channel.

    `configured` None leaves it to the profile.
    """
    queue = consumer.queue
    field = consumer.arguments.get(ARGUMENT)
    if field is not None and isinstance(field.value, int) and _consumers_have_it(queue, compat):
        return field.value / 1000
    if queue.settings.consumer_timeout is not None:
        return queue.settings.consumer_timeout / 1000
    if compat.profile.times_out_every_queue_type or queue.type.letter not in compat.profile.timed_queue_types:
        return None
    if configured is not None:
        return configured
    return 0.0 if compat.extends("no-consumer-timeout") else compat.profile.consumer_timeout


def _consumers_have_it(queue: Queue, compat: Compat) -> bool:
    profile = compat.profile
    if ARGUMENT in profile.newer_arguments and queue.type.letter in profile.timed_queue_types:
        return True
    return compat.extends(EXTENSION) and queue.type.letter in EXTENDED_TO
