"""The broker's process as JSON, as RabbitMQ shows a node of its cluster: always one here.

What is Erlang's own (atoms, schedulers, mnesia) is left out. https://www.rabbitmq.com/docs/http-api-reference#get-apinodes
"""

from __future__ import annotations

import os
import platform
import sys

from amqpd.broker.alarms import DISK, MEMORY
from amqpd.management.api import Api, Listening
from amqpd.management.machine import memory, node_numbers, open_files
from amqpd.management.rates.counted import NODE
from amqpd.management.rates.details import Details, shown
from amqpd.management.views.counts import churn_rates
from amqpd.version import __version__

DESCRIPTIONS = {
    "direct": "AMQP direct exchange, as per the AMQP specification",
    "fanout": "AMQP fanout exchange, as per the AMQP specification",
    "headers": "AMQP headers exchange, as per the AMQP specification",
    "topic": "AMQP topic exchange, as per the AMQP specification",
}
RATES_MODE = "basic"


def exchange_types(api: Api) -> list[dict[str, object]]:
    """What exchanges there can be."""
    return [
        {"name": name, "description": DESCRIPTIONS.get(name, f"{name} exchange"), "enabled": True}
        for name in sorted(api.broker.exchange_types)
    ]


def contexts(api: Api) -> list[dict[str, object]]:
    """Where HTTP is served."""
    return [
        {
            "node": api.broker.name,
            "description": "RabbitMQ Management",
            "path": api.prefix or "/",
            "ip": each.host,
            "port": str(each.port),
            "ssl_opts": [],
            "cowboy_opts": "",
        }
        for each in api.listening()
        if each.protocol in ("http", "https")
    ]


def listener_view(api: Api, listener: Listening) -> dict[str, object]:
    """One listener."""
    return {
        "node": api.broker.name,
        "protocol": listener.protocol,
        "ip_address": listener.host,
        "port": listener.port,
        "socket_opts": {"backlog": 1024, "nodelay": True},
        "tls": listener.secure,
    }


def node_view(api: Api, details: Details, churn: Details) -> dict[str, object]:
    """The node. `churn`: the past of what came and went."""
    broker, machine = api.broker, api.machine
    _, limit = open_files()
    mechanisms = api.node.settings.mechanisms
    return {
        "name": broker.name,
        "type": "disc",
        "running": True,
        "being_drained": not api.listening(),  # rabbitmq-upgrade drain
        "partitions": [],
        "cluster_links": [],
        "os_pid": str(os.getpid()),
        "fd_total": limit,
        **shown(node_numbers(api.node, machine), NODE, details),
        **churn_rates(broker.statistics, churn),
        "sockets_total": limit,
        "mem_limit": machine.memory_limit(),
        "mem_alarm": MEMORY in broker.alarms.reasons,
        "mem_calculation_strategy": "rss",
        "disk_free_limit": machine.disk_free_limit(),
        "disk_free_alarm": DISK in broker.alarms.reasons,
        "proc_total": limit,
        "uptime": int((broker.clock.monotonic() - api.started) * 1000),
        "run_queue": 0,
        "processors": os.cpu_count() or 1,
        "rates_mode": RATES_MODE,
        "net_ticktime": 60,
        "exchange_types": exchange_types(api),
        "auth_mechanisms": [
            {"name": name, "description": f"SASL {name}", "enabled": name in mechanisms} for name in api.node.mechanisms
        ],
        "applications": [{"name": "amqpd", "description": "amqpd", "version": __version__}],
        "contexts": contexts(api),
        "log_files": [],
        "db_dir": machine.data_dir,
        "config_files": [],
        "enabled_plugins": ["rabbitmq_management"],
    }


def memory_view(api: Api) -> dict[str, object]:
    """What is known of the process's memory: its size, and what messages and definitions are estimated at."""
    total = memory(api.node, api.machine)
    return {
        **_memory(api, total),
        "total": {"erlang": total, "rss": total, "allocated": total},
        "strategy": "rss",
    }


def relative_memory_view(api: Api) -> dict[str, object]:
    """The same in percent of the whole, where what there is is never 0."""
    total = max(1, memory(api.node, api.machine))
    return {"total": 100, **{name: -(-octets * 100 // total) for name, octets in _memory(api, total).items()}}


def _memory(api: Api, total: int) -> dict[str, int]:
    account = api.broker.account
    known = {"msg_index": 0, "binary": account.octets, "metadata_store": account.definitions}
    return known | {"other_proc": max(0, total - sum(known.values()))}


def versions(api: Api) -> dict[str, object]:
    """What the broker calls itself, and what it runs on in the place of Erlang."""
    settings, profile = api.node.settings, api.broker.compat.profile
    version = settings.version or profile.version
    return {
        "management_version": version,
        "rabbitmq_version": version,
        "product_version": version,
        "product_name": settings.product,
        "amqpd_version": __version__,
        "erlang_version": platform.python_version(),
        "erlang_full_version": f"{platform.python_implementation()} {platform.python_version()} on {sys.platform}",
        "crypto_lib_version": _openssl(),
    }


def _openssl() -> str:
    import ssl

    return ssl.OPENSSL_VERSION
