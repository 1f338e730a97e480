"""A virtual host as JSON. https://www.rabbitmq.com/docs/http-api-reference#get-apivhosts"""

from __future__ import annotations

from amqpd.broker.broker import Broker
from amqpd.broker.vhost import VHost
from amqpd.management.rates.counted import CHANNEL, OCTETS, Sums
from amqpd.management.rates.details import Details, shown
from amqpd.management.views.counts import lengths, message_stats


def vhost_view(broker: Broker, vhost: VHost, sums: Sums | None, details: Details) -> dict[str, object]:
    """One virtual host; `sums`: what there is in it and went through, if that is to be shown."""
    said, default = vhost.metadata, vhost.default_queue_type or "undefined"
    view: dict[str, object] = {
        "name": vhost.name,
        "description": said.description,
        "tags": [*said.tags],
        "default_queue_type": default,
        "metadata": {"description": said.description, "tags": [*said.tags], "default_queue_type": default},
        "tracing": vhost.tracing,
        "cluster_state": {broker.name: "running"},
        "protected_from_deletion": said.protected,
    }
    if sums is not None:
        view |= lengths(sums, details) | message_stats(CHANNEL, sums.messages, details)
        view |= shown((sums.octets.recv_oct, sums.octets.send_oct), OCTETS, details)
    return view
