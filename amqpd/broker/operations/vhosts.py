"""Create, describe and delete virtual hosts, on behalf of an operator. https://www.rabbitmq.com/docs/vhosts"""

from __future__ import annotations

import attrs

from amqpd.broker.broker import Broker
from amqpd.broker.events import INTERNAL
from amqpd.broker.operations import tracing as firehose
from amqpd.broker.operations.invalid import Invalid, Missing, Protected
from amqpd.broker.operations.lookup import once_durable
from amqpd.broker.operations.names import short
from amqpd.broker.pending import Pending
from amqpd.broker.vhost import VHost


def put_vhost(
    broker: Broker,
    name: str,
    *,
    description: str | None = None,
    tags: tuple[str, ...] | None = None,
    default_queue_type: str | None = None,
    protected: bool | None = None,
    tracing: bool | None = None,
    by: str = INTERNAL,
) -> bool | Pending[bool]:
    """Create a virtual host, or change what is given of an existing one; return whether it is new. Raises Invalid."""
    if not name:
        raise Invalid("a vhost's name cannot be empty", "name_cannot_be_empty")
    short("a vhost's name", name)
    if default_queue_type is not None and default_queue_type not in broker.queue_types:
        known = ", ".join(broker.queue_types)
        raise Invalid(f"unknown default queue type '{default_queue_type}': expected one of {known}")
    new = name not in broker.vhosts
    if new:
        broker.limits.require_vhost(name, broker.vhosts)
    vhost = broker.add_vhost(name, by=by)
    if default_queue_type is not None:
        broker.set_default_queue_type(vhost, default_queue_type)
    before = vhost.metadata
    metadata = attrs.evolve(
        before,
        description=before.description if description is None else description,
        tags=before.tags if tags is None else tags,
        protected=before.protected if protected is None else protected,
    )
    if metadata != vhost.metadata:
        broker.describe_vhost(vhost, metadata)
    if tracing is not None:
        firehose.set_tracing(broker, vhost, on=tracing)
    return once_durable(broker.journal, new)


def delete_vhost(broker: Broker, name: str, *, by: str = INTERNAL) -> Pending[None] | None:
    """Delete a virtual host with everything in it; its connections are closed. Raises Missing, Protected."""
    if find_vhost(broker, name).metadata.protected:
        raise Protected(
            f"Cannot delete virtual host '{name}' because it is protected from deletion. Remove the protection first"
        )
    broker.delete_vhost(name, by=by)
    return once_durable(broker.journal, None)


def find_vhost(broker: Broker, name: str) -> VHost:
    """Raises Missing."""
    vhost = broker.vhosts.get(name)
    if vhost is None:
        raise Missing(f"no vhost '{name}'")
    return vhost
