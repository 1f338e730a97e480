"""Switch the firehose of a vhost on and off."""

from __future__ import annotations

from amqpd.broker.broker import Broker
from amqpd.broker.operations.lookup import once_durable
from amqpd.broker.pending import Pending
from amqpd.broker.vhost import VHost


def set_tracing(broker: Broker, vhost: VHost, *, on: bool) -> Pending[None] | None:
    """Copy what is published and delivered in a vhost to amq.rabbitmq.trace from now on, or stop that.

    https://www.rabbitmq.com/docs/firehose
    """
    vhost.set_tracing(on)
    return once_durable(broker.journal, None)
