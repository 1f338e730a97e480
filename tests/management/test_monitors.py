"""What monitors read of RabbitMQ's API is there, as a number: their item goes missing, or silently 0, where it is not.

The lists are what KEDA's scaler, Datadog's check and Zabbix's templates ask for. Those that run on this project's own
machines (Telegraf, Nagios, Prometheus) are asked in interop/tools.
"""

from __future__ import annotations

from typing import Any

import pika
import pytest

KEDA = {
    "/queues/%2F/q": "messages messages_ready messages_unacknowledged message_stats.publish_details.rate",
    "/queues/%2F?page=1&use_regex=true&pagination=false&name=%5Eq&page_size=100": (
        "items.0.messages items.0.messages_unacknowledged items.0.message_stats.publish_details.rate"
    ),
}
DATADOG = {
    "/overview": (
        "object_totals.queues object_totals.consumers object_totals.connections object_totals.channels "
        "object_totals.exchanges queue_totals.messages queue_totals.messages_details.rate queue_totals.messages_ready "
        "queue_totals.messages_ready_details.rate queue_totals.messages_unacknowledged message_stats.publish "
        "message_stats.publish_details.rate message_stats.deliver_get message_stats.deliver_get_details.rate"
    ),
    "/nodes": "0.fd_used 0.disk_free 0.mem_used 0.mem_limit 0.run_queue 0.sockets_used 0.uptime",
    "/queues": (
        "0.consumers 0.messages 0.messages_details.rate 0.messages_ready 0.messages_ready_details.rate "
        "0.messages_unacknowledged 0.messages_unacknowledged_details.rate 0.message_stats.publish "
        "0.message_stats.publish_details.rate 0.message_stats.deliver_get 0.message_stats.ack_details.rate"
    ),
    "/exchanges/%2F/amq.default": "message_stats.publish_in message_stats.publish_in_details.rate",
    "/connections": "0.channels 0.recv_oct 0.send_oct 0.recv_oct_details.rate 0.connected_at",
}
ZABBIX = {
    "/overview": (
        "object_totals.queues message_stats.confirm message_stats.confirm_details.rate queue_totals.messages "
        "message_stats.publish_details.rate message_stats.ack message_stats.deliver"
    ),
    "/nodes/{node}": "disk_free disk_free_limit mem_limit mem_used fd_used sockets_used run_queue uptime proc_used",
    "/queues/%2F/q": " ".join(f"message_stats.{name}" for name in ("publish", "deliver", "deliver_get", "ack")),
    "/exchanges/%2F/amq.default": "message_stats.publish_in message_stats.publish_out_details.rate",
}
MONITORS = {"KEDA": KEDA, "Datadog": DATADOG, "Zabbix": ZABBIX}
CHECKS = (
    "alarms local-alarms virtual-hosts node-is-quorum-critical node-is-mirror-sync-critical "
    "certificate-expiration/1/months protocol-listener/amqp"
)


PROBES = (
    "/overview /overview/ /aliveness-test/%2F /healthchecks/node /health/checks/alarms /health/checks/virtual-hosts "
    "/health/checks/port-listener/{port} /vhosts/%2F"
)
ASKED = [(name, path, fields) for name, each in MONITORS.items() for path, fields in each.items()]


@pytest.mark.parametrize(("path", "fields"), [pytest.param(*each, id=f"{name} {each[0]}") for name, *each in ASKED])
def test_what_a_monitor_reads_is_a_number(api: Any, path: str, fields: str) -> None:
    parameters = pika.URLParameters(api.broker.url)
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("q", durable=True)
        for _ in range(3):
            channel.basic_publish("", "q", b"x")
        method, _, _ = channel.basic_get("q")
        channel.basic_ack(method.delivery_tag)
        channel.basic_consume("q", lambda *_: None)
        channel.queue_declare("q", passive=True)  # all that was asked for has happened
        shown = api.get(path.replace("{node}", api.get("/overview")["node"]))
        missing = [field for field in fields.split() if not isinstance(found(shown, field), int | float)]
    assert missing == []


def found(shown: Any, path: str) -> Any:
    for key in path.split("."):
        shown = shown[int(key)] if key.isdigit() else shown.get(key) if shown is not None else None
    return shown


@pytest.mark.parametrize("check", CHECKS.split())
def test_a_check_that_monitors_ask_for_passes(api: Any, check: str) -> None:
    assert api.get(f"/health/checks/{check}")["status"] == "ok"


@pytest.mark.parametrize("method", ["GET", "HEAD"])  # curl --fail, and wget --spider
@pytest.mark.parametrize("path", PROBES.split())
def test_what_health_checks_of_containers_ask_for_is_answered(api: Any, method: str, path: str) -> None:
    asked = path.replace("{port}", str(api.broker.port))
    assert api(method, asked).status == 200
    assert api(method, asked, login=None).status == 401


def test_flags_of_a_node_are_booleans(api: Any) -> None:
    (node,) = api.get("/nodes")
    flags = {name: node[name] for name in ("running", "mem_alarm", "disk_free_alarm")}
    assert flags == {"running": True, "mem_alarm": False, "disk_free_alarm": False}
    assert node["partitions"] == []
