"""An exchange as JSON. https://www.rabbitmq.com/docs/http-api-reference#get-apiexchanges"""

from __future__ import annotations

from amqpd.broker.exchange import Exchange
from amqpd.broker.json_tables import json_of
from amqpd.broker.vhost import VHost


def exchange_view(vhost: VHost, exchange: Exchange) -> dict[str, object]:
    """One exchange; the default one has no name and no policy."""
    policy = vhost.policies.of_exchange(exchange.name).policy if exchange.name else None
    view: dict[str, object] = {
        "name": exchange.name,
        "vhost": vhost.name,
        "type": exchange.type_name,
        "durable": exchange.durable,
        "auto_delete": exchange.auto_delete,
        "internal": exchange.internal,
        "arguments": json_of(exchange.arguments),
        "policy": None if policy is None else policy.name,
    }
    if exchange.messages_delayed:
        view["messages_delayed"] = exchange.messages_delayed
    return view
