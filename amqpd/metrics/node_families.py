"""What there is one of: the node, its totals and its machine; and what every scrape begins with.

A reading is (name without prefix, kind, help, [(labels, value), ...]); one without values is left out.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from amqpd.broker.alarms import DISK, MEMORY
from amqpd.broker.queue_arguments import TABLE
from amqpd.broker.queue_counts import AT_LEAST_ONCE, AT_MOST_ONCE, DISABLED
from amqpd.metrics.machine import Machine, most_files, open_files
from amqpd.metrics.text import Number, labels

if TYPE_CHECKING:
    from amqpd.broker.queue_types.port import QueueType
    from amqpd.metrics.survey import Survey
    from amqpd.protocol.node import Node

Reading = tuple[str, str, str, list[tuple[str, Number]]]

PROTOCOL: Final = ("protocol", "amqp091")
REASONS: Final = ("delivery_limit", "expired", "maxlen", "rejected")
CERTAIN: Final = next(each.types for each in TABLE if each.name == "x-dead-letter-strategy")
"""Queue types whose dead letters can be made sure of."""


def _one(name: str, kind: str, help: str, value: Number | None) -> Reading:
    return name, kind, help, [] if value is None else [("", value)]


def identity(node: Node, machine: Machine, endpoint: str) -> Iterator[Reading]:
    """What dashboards join everything else with."""
    settings, name = node.settings, node.broker.name
    version = settings.version or node.broker.compat.profile.version
    permanent = base64.urlsafe_b64encode(hashlib.sha256(settings.cluster_name.encode()).digest()[:16])
    build = labels(
        ("rabbitmq_version", version),
        ("prometheus_plugin_version", version),
        ("prometheus_client_version", settings.amqpd_version),
        ("erlang_version", machine.python),
        ("product_name", settings.product),
        ("product_version", version),
    )
    who = labels(
        ("rabbitmq_node", name),
        ("rabbitmq_cluster", settings.cluster_name),
        ("rabbitmq_cluster_permanent_id", "rabbitmq-cluster-id-" + permanent.decode().rstrip("=")),
        ("rabbitmq_endpoint", endpoint),
    )
    yield "build_info", "untyped", "The versions announced to clients, of amqpd and of Python", [(build, 1)]
    yield "identity_info", "untyped", "Which node this is", [(who, 1)]


def churn(node: Node) -> Iterator[Reading]:
    """Family connection_churn_metrics."""
    counted = node.broker.statistics
    for name, about, value in (
        ("connections_opened", "Connections opened", counted.connections_opened),
        ("connections_closed", "Connections closed", counted.connections_closed),
        ("channels_opened", "Channels opened", counted.channels_opened),
        ("channels_closed", "Channels closed", counted.channels_closed),
        ("queues_declared", "Queues declared, again or for the first time", counted.queues_declared),
        ("queues_created", "Queues created", counted.queues_created),
        ("queues_deleted", "Queues deleted", counted.queues_deleted),
    ):
        yield _one(f"{name}_total", "counter", about, value)


def node_coarse(node: Node, machine: Machine) -> Iterator[Reading]:
    """Family node_coarse_metrics."""
    yield _one("process_open_fds", "gauge", "Open file descriptors", open_files())
    yield _one("process_open_tcp_sockets", "gauge", "Clients' sockets", len(node.connections))
    yield _one("process_resident_memory_bytes", "gauge", "Memory of the process", machine.resident())
    free = machine.disk_free()
    yield _one("disk_space_available_bytes", "gauge", "Free space on the disk of the data directory", free)


def own(node: Node) -> Iterator[Reading]:
    """What RabbitMQ has no name for: the account that drives the memory alarm."""
    account = node.broker.account
    yield _one("account_messages_bytes", "gauge", "Messages and buffers in memory, by estimate", account.octets)
    yield _one("account_definitions_bytes", "gauge", "Queues and bindings in memory, by estimate", account.definitions)


def node_metrics(machine: Machine) -> Iterator[Reading]:
    """Family node_metrics. Erlang's name of the uptime is the one that dashboards know."""
    yield _one("process_max_fds", "gauge", "Most open file descriptors", most_files())
    yield _one("process_max_tcp_sockets", "gauge", "Most sockets: each is a file descriptor", most_files())
    limit = machine.memory_limit()
    yield _one("resident_memory_limit_bytes", "gauge", "Memory above which publishers are blocked", limit)
    disk = machine.disk_limit()
    yield _one("disk_space_available_limit_bytes", "gauge", "Free space below which publishers are blocked", disk)
    yield _one("erlang_uptime_seconds", "gauge", "Time since the broker started", machine.uptime)
    yield _one("erlang_gc_runs_total", "counter", "Runs of the garbage collector", machine.collections)


def auth(node: Node) -> Iterator[Reading]:
    """Family auth_attempt_metrics."""
    counted, amqp, http = node.broker.statistics, labels(PROTOCOL), labels(("protocol", "http"))
    accepted: dict[str, int | float] = {amqp: counted.logins, http: counted.http_logins}
    refused: dict[str, int | float] = {amqp: counted.logins_refused, http: counted.http_logins_refused}
    both: list[tuple[str, int | float]] = [(each, accepted[each] + refused[each]) for each in accepted]
    yield "auth_attempts_total", "counter", "Logins tried", both
    yield "auth_attempts_succeeded_total", "counter", "Logins accepted", [*accepted.items()]
    yield "auth_attempts_failed_total", "counter", "Logins refused", [*refused.items()]


def auth_by_source(node: Node) -> Iterator[Reading]:
    """Family auth_attempt_detailed_metrics; empty unless logins are counted by source."""
    found = []
    for (protocol, address, user), good, bad in node.broker.statistics.login_sources or ():
        where = labels(("remote_address", address), ("username", user), ("protocol", protocol))
        found.append((where, good, bad))
    name = "auth_attempts_detailed"
    yield f"{name}_total", "counter", "Logins tried, by source", [(each, good + bad) for each, good, bad in found]
    yield f"{name}_succeeded_total", "counter", "Logins accepted, by source", [(each, good) for each, good, _ in found]
    yield f"{name}_failed_total", "counter", "Logins refused, by source", [(each, bad) for each, _, bad in found]


def alarms(node: Node) -> Iterator[Reading]:
    """Which resources are short, as 0 or 1. Of file descriptors there is no alarm."""
    short = node.broker.alarms.reasons
    yield _one("alarms_file_descriptor_limit", "gauge", "File descriptors are short", 0)
    yield _one("alarms_free_disk_space_watermark", "gauge", "Disk space is short", int(DISK in short))
    yield _one("alarms_memory_used_watermark", "gauge", "Memory is short", int(MEMORY in short))


def totals(survey: Survey) -> Iterator[Reading]:
    """How many there are now."""
    yield _one("connections", "gauge", "Open connections", len(survey.connections))
    yield _one("channels", "gauge", "Open channels", len(survey.channels))
    yield _one("consumers", "gauge", "Consumers", survey.consumers)
    yield _one("queues", "gauge", "Queues", len(survey.queues))


def global_counters(survey: Survey) -> Iterator[Reading]:
    """All of a node since it started, whatever has ended meanwhile."""
    protocol, published = labels(PROTOCOL), survey.channel_totals
    for name, kind, about, value in (
        ("publishers", "gauge", "Channels that have published", survey.publishers),
        ("consumers", "gauge", "Consumers", survey.consumers),
        ("messages_received_total", "counter", "Messages from publishers", published.publish),
        (
            "messages_received_confirm_total",
            "counter",
            "Messages from publishers that want confirms",
            published.publish_confirm,
        ),
        ("messages_routed_total", "counter", "Messages routed, once for each queue", published.routed),
        ("messages_confirmed_total", "counter", "Messages confirmed", published.confirm),
        (
            "messages_unroutable_dropped_total",
            "counter",
            "Messages without a route, dropped",
            published.drop_unroutable,
        ),
        (
            "messages_unroutable_returned_total",
            "counter",
            "Messages without a route, returned",
            published.return_unroutable,
        ),
    ):
        yield f"global_{name}", kind, about, [(protocol, value)]
    yield from _delivered(survey)
    yield from _dead_lettered(survey)


def _delivered(survey: Survey) -> Iterator[Reading]:
    types = survey.node.broker.queue_types
    labelled = {name: labels(PROTOCOL, ("queue_type", types[name].module)) for name in types}
    for metric, about, attribute in (
        ("delivered", "Deliveries of all kinds", "deliver_get"),
        ("delivered_consume_auto_ack", "Deliveries without acknowledgement", "deliver_no_ack"),
        ("delivered_consume_manual_ack", "Deliveries to be acknowledged", "deliver"),
        ("delivered_get_auto_ack", "Messages taken by basic.get without acknowledgement", "get_no_ack"),
        ("delivered_get_manual_ack", "Messages taken by basic.get, to be acknowledged", "get"),
        ("get_empty", "Times that basic.get found nothing", "get_empty"),
        ("redelivered", "Deliveries of messages that came back", "redeliver"),
        ("acknowledged", "Messages acknowledged", "ack"),
    ):
        values: list[tuple[str, Number]] = [
            (labelled[name], getattr(survey.by_type[name], attribute)) for name in types
        ]
        yield f"global_messages_{metric}_total", "counter", about, values


def _dead_lettered(survey: Survey) -> Iterator[Reading]:
    types = survey.node.broker.queue_types
    possible = [(name, strategy) for name in types for strategy in _strategies(types[name])]
    for reason in REASONS:
        values: list[tuple[str, Number]] = [
            (_strategy(types[name].module, strategy), survey.deaths.get((name, (reason, strategy)), 0))
            for name, strategy in possible
        ]
        about = f"Messages that died: {reason.replace('_', ' ')}"
        yield f"global_messages_dead_lettered_{reason}_total", "counter", about, values
    arrived: list[tuple[str, Number]] = [
        (_strategy(types[name].module, strategy), survey.buried.get(name, 0))
        for name, strategy in possible
        if strategy == AT_LEAST_ONCE
    ]
    about = "Dead letters that all their queues have for sure"
    yield "global_messages_dead_lettered_confirmed_total", "counter", about, arrived


def _strategies(kind: type[QueueType]) -> tuple[str, ...]:
    """Those that its queues can have: none where no message dies."""
    if kind.keeps_what_is_settled:
        return ()
    return (DISABLED, AT_MOST_ONCE, AT_LEAST_ONCE) if kind.letter in CERTAIN else (DISABLED, AT_MOST_ONCE)


def _strategy(queue_type: str, strategy: str) -> str:
    return labels(("queue_type", queue_type), ("dead_letter_strategy", strategy))


def vhosts(node: Node) -> Iterator[Reading]:
    """Family vhost_status: all of them run."""
    values: list[tuple[str, Number]] = [(labels(("vhost", name)), 1) for name in node.broker.vhosts]
    yield "vhost_status", "gauge", "Whether a virtual host runs", values

