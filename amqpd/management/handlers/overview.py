"""The broker at a glance, its node, its name and what it can do."""

from __future__ import annotations

import trio

from amqpd.broker.operations import parameters
from amqpd.broker.vhost import VHost
from amqpd.http.message import Response
from amqpd.management.api import Call, text_of
from amqpd.management.errors import bad_request, not_found
from amqpd.management.handlers.answers import NO_CONTENT
from amqpd.management.handlers.sight import visible_channels, visible_connections
from amqpd.management.listing import AnyListing, Listing
from amqpd.management.rates.counted import Sums
from amqpd.management.rates.details import NOTHING
from amqpd.management.rates.sampler import NODE, OVERVIEW, Key
from amqpd.management.rates.survey import Survey
from amqpd.management.views.node import memory_view, node_view, relative_memory_view
from amqpd.management.views.overview import Totals, cluster_name, overview_view

CLUSTER_NAME = "cluster_name"
FLAGS = {
    "classic_mirrored_queue_version": "Support setting version for classic mirrored queues",
    "implicit_default_bindings": "Default bindings are now implicit, instead of being stored in the database",
    "maintenance_mode_status": "Maintenance mode status",
    "quorum_queue": "Support queues of type `quorum`",
    "stream_queue": "Support queues of type `stream`",
    "user_limits": "Configure connection and channel limits for a user",
    "virtual_host_metadata": "Virtual host metadata (description, tags, etc)",
}
"""Those that every version has, with what they mean."""
FLAG_PAGES = {
    "quorum_queue": "https://www.rabbitmq.com/quorum-queues.html",
    "stream_queue": "https://www.rabbitmq.com/stream.html",
}


async def overview(call: Call) -> object:
    """Versions, totals of what the caller sees, and for monitoring where the broker listens."""
    caller, vhosts, channels = call.caller, call.caller.visible(call.broker), visible_channels(call)
    objects = {
        "channels": len(channels),
        "connections": len(visible_connections(call)),
        "consumers": sum(len(each.consumers) for each in channels),
        "exchanges": sum(len(each.exchanges) for each in vhosts),
        "queues": sum(len(each.queues) for each in vhosts),
    }
    total = Sums()
    for vhost, sums in (await sums_of(call) or {}).items():
        if caller.sees(call.broker, vhost.name):
            total += sums
    keys: list[Key] = [OVERVIEW] if caller.sees_all else [*vhosts]
    details = (call.details(*keys) if keys else None) or NOTHING
    totals = Totals(total, objects, details)
    return overview_view(call.api, totals, listeners=caller.sees_all, stats=call.stats)


async def sums_of(call: Call) -> dict[VHost, Sums] | None:
    """What there is in each virtual host, and went through; None where it isn't asked for."""
    if not call.stats:
        return None
    survey = Survey(call.api.node)
    for _ in survey.everything():
        await trio.lowlevel.checkpoint()
    return survey.vhosts


async def get_cluster_name(call: Call) -> object:
    """Show what operators call the broker."""
    return {"name": cluster_name(call.api)}


async def put_cluster_name(call: Call) -> Response:
    """Give the broker another name."""
    body = await call.body("name")
    name = text_of(body, "name")
    await call.perform(lambda: parameters.set_global(call.broker, CLUSTER_NAME, name, by=call.by))
    return NO_CONTENT


async def nodes(call: Call) -> AnyListing:
    """List nodes: there is one."""
    name = call.broker.name
    return Listing([call], _node_view, lambda _: (name,), lambda _: name)


async def node(call: Call) -> object:
    """Show the node."""
    require_node(call)
    return _node_view(call)


def _node_view(call: Call) -> dict[str, object]:
    return node_view(call.api, call.details(NODE) or NOTHING, call.details(OVERVIEW) or NOTHING)


async def node_memory(call: Call) -> object:
    """Show what the memory of the node is used for."""
    require_node(call)
    return {"memory": memory_view(call.api)}


async def relative_memory(call: Call) -> object:
    """Show what the memory of the node is used for, in percent."""
    require_node(call)
    return {"memory": relative_memory_view(call.api)}


async def tables_memory(call: Call) -> object:
    """Show the memory of Erlang's tables: there are none."""
    require_node(call)
    return {"ets_tables_memory": "no_tables"}


async def extensions(call: Call) -> object:
    """What the web UI loads in RabbitMQ; tools take it as the sign of a management plugin."""
    return [{"javascript": "dispatcher.js"}]


async def feature_flags(call: Call) -> object:
    """RabbitMQ's features that tools ask for: whatever the profile offers is on."""
    about = {"state": "enabled", "stability": "stable", "provided_by": "rabbit"}
    return [
        {"name": name, "desc": FLAGS.get(name, name.replace("_", " ")), "doc_url": FLAG_PAGES.get(name, ""), **about}
        for name in _flags(call)
    ]


def _flags(call: Call) -> list[str]:
    return sorted((*FLAGS, *call.broker.compat.profile.newer_feature_flags))


async def enable_feature_flag(call: Call) -> Response:
    """Enable a feature flag: all are."""
    if call.params["flag"] not in (*_flags(call), "all"):
        raise bad_request("unsupported")
    return NO_CONTENT


async def deprecated_features(call: Call) -> object:
    """None: what a version has deprecated is decided by the `compat` profile."""
    return []


async def auth(call: Call) -> object:
    """How to log in to the web UI: with a name and a password, at an identity provider, or either."""
    offered = call.api.sign_on
    if offered is None:
        return {"oauth_enabled": False}
    return {
        "oauth_enabled": True,
        "oauth_client_id": offered.client_id,
        "oauth_provider_url": offered.provider_url,
        "oauth_scopes": offered.scopes,
        "oauth_disable_basic_auth": not offered.passwords,
    }


async def version(call: Call) -> object:
    """Show the version of RabbitMQ whose behaviour is in force."""
    return call.api.node.settings.version or call.broker.compat.profile.version


async def nothing_to_do(call: Call) -> Response:
    """What RabbitMQ does here has no meaning on one node."""
    if "node" in call.params:
        require_node(call)
    return NO_CONTENT


def require_node(call: Call) -> None:
    """Raise ApiError unless the path names this node."""
    if call.params["node"] != call.broker.name:
        raise not_found()
