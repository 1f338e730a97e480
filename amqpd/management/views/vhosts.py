"""A virtual host as JSON. https://www.rabbitmq.com/docs/http-api-reference#get-apivhosts"""

from __future__ import annotations

from amqpd.broker.broker import Broker
from amqpd.broker.vhost import VHost
from amqpd.management.views.counts import lengths


def vhost_view(broker: Broker, vhost: VHost, counted: tuple[int, int] | None) -> dict[str, object]:
    """One virtual host; `counted`: ready and unacknowledged messages of all its queues, if they are to be shown."""
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
    if counted is not None:
        view |= lengths(*counted)
    return view
