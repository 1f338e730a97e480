"""The overview as JSON. https://www.rabbitmq.com/docs/http-api-reference#get-apioverview"""

from __future__ import annotations

import attrs

from amqpd.management.api import Api
from amqpd.management.rates.counted import CHANNEL, Sums
from amqpd.management.rates.details import Details
from amqpd.management.views.counts import churn_rates, lengths, message_stats
from amqpd.management.views.node import RATES_MODE, contexts, exchange_types, listener_view, versions


@attrs.frozen
class Totals:
    """What is counted over all that the caller sees."""

    sums: Sums
    objects: dict[str, int]
    details: Details


def overview_view(api: Api, totals: Totals, *, listeners: bool, stats: bool) -> dict[str, object]:
    """The broker at a glance. `listeners`: whether the caller may know where it listens."""
    broker = api.broker
    view: dict[str, object] = {
        **versions(api),
        "rates_mode": RATES_MODE,
        "sample_retention_policies": {"global": [600, 3600, 28800, 86400], "basic": [600, 3600], "detailed": [600]},
        "exchange_types": exchange_types(api),
        "cluster_name": cluster_name(api),
        "cluster_tags": {},
        "node_tags": {},
        "release_series_support_status": "supported",
        "disable_stats": not stats,
        "default_queue_type": broker.default_queue_type,
        "is_op_policy_updating_enabled": True,
        "enable_queue_totals": False,
        "node": broker.name,
        "object_totals": totals.objects,
        "statistics_db_event_queue": 0,
    }
    if stats:
        view |= {
            "message_stats": {},
            **message_stats(CHANNEL, totals.sums.messages, totals.details),
            "churn_rates": churn_rates(broker.statistics, totals.details),
            "queue_totals": lengths(totals.sums, totals.details),
        }
    if listeners:
        view["listeners"] = [listener_view(api, each) for each in api.listening()]
        view["contexts"] = contexts(api)
    return view


def cluster_name(api: Api) -> str:
    """What operators call the broker."""
    name = api.broker.global_parameters.get("cluster_name")
    return name if isinstance(name, str) else api.broker.name
