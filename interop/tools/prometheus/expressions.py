"""What the panels of RabbitMQ's public Grafana dashboard (RabbitMQ-Overview) and its alerts ask Prometheus for.

Each metric is joined with the identity of its node, as dashboards do, so that panels can be grouped by cluster and
node. Left out are the sizes of messages (`rabbitmq_message_size_bytes_*`), which RabbitMQ has since 4.1.
https://www.rabbitmq.com/docs/prometheus
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

GAUGES: Final = """
    build_info queue_messages_ready queue_messages_unacked queues channels connections consumers global_consumers
    global_publishers process_open_fds process_max_fds process_open_tcp_sockets process_max_tcp_sockets
    process_resident_memory_bytes resident_memory_limit_bytes disk_space_available_bytes
    disk_space_available_limit_bytes erlang_uptime_seconds queue_consumers alarms_memory_used_watermark
    alarms_free_disk_space_watermark alarms_file_descriptor_limit connection_channels
"""
COUNTERS: Final = """
    queues_created queues_declared queues_deleted channels_opened channels_closed connections_opened
    connections_closed global_messages_received global_messages_received_confirm global_messages_routed
    global_messages_confirmed global_messages_unroutable_dropped global_messages_unroutable_returned
    global_messages_delivered global_messages_delivered_consume_auto_ack
    global_messages_delivered_consume_manual_ack global_messages_delivered_get_auto_ack
    global_messages_delivered_get_manual_ack global_messages_get_empty global_messages_redelivered
    global_messages_acknowledged
"""
JOIN: Final = "* on(instance, job) group_left(rabbitmq_cluster, rabbitmq_node) rabbitmq_identity_info"
RATIOS: Final = (
    ("process_open_fds", "process_max_fds"),
    ("process_resident_memory_bytes", "resident_memory_limit_bytes"),
    ("disk_space_available_bytes", "disk_space_available_limit_bytes"),
)


def expressions() -> Iterator[str]:
    """Queries that have to find at least one series each, grouped by node."""
    for name in GAUGES.split():
        yield f"sum by(rabbitmq_node) (rabbitmq_{name} {JOIN})"
    for name in COUNTERS.split():
        yield f"sum by(rabbitmq_node) (rate(rabbitmq_{name}_total[10s]) {JOIN})"
    for part, whole in RATIOS:
        yield f"sum by(rabbitmq_node) (rabbitmq_{part} {JOIN}) / sum by(rabbitmq_node) (rabbitmq_{whole} {JOIN})"


def of_queues(prefix: str) -> dict[str, float]:
    """Queries about the prepared client's queue, of per-object metrics, and what they find."""
    chosen = f'{{vhost="/", queue="{prefix}-watched"}}'
    values = {"queue_messages_ready": 3, "queue_messages_unacked": 2, "queue_messages": 5, "queue_consumers": 1}
    return {f"rabbitmq_{name}{chosen}": float(value) for name, value in values.items()}
