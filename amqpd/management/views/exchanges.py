"""An exchange as JSON. https://www.rabbitmq.com/docs/http-api-reference#get-apiexchanges"""

from __future__ import annotations

from amqpd.broker.exchange import Exchange
from amqpd.broker.json_tables import json_of
from amqpd.broker.vhost import VHost
from amqpd.management.rates.counted import EXCHANGES, of_exchange
from amqpd.management.rates.details import Details
from amqpd.management.views.counts import message_stats
from amqpd.protocol.statistics import PublishCounts


def exchange_view(
    vhost: VHost, exchange: Exchange, counts: PublishCounts | None, details: Details
) -> dict[str, object]:
    """One exchange; the default one has no name and no policy. `counts`: what was published, if it is to be shown."""
    policy = vhost.policies.of_exchange(exchange.name).policy if exchange.name else None
    view: dict[str, object] = {
        "name": exchange.name,
        "vhost": vhost.name,
        "type": exchange.type_name,
        "durable": exchange.durable,
        "auto_delete": exchange.auto_delete,
        "internal": exchange.internal,
        "arguments": json_of(exchange.arguments),
        "user_who_performed_action": exchange.declared_by,
        "policy": None if policy is None else policy.name,
    }
    if exchange.messages_delayed:
        view["messages_delayed"] = exchange.messages_delayed
    if counts is not None:
        view |= message_stats(EXCHANGES, of_exchange(counts), details)
    return view
