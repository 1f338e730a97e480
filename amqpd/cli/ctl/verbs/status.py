"""The broker at a glance, for people and for programs: status, cluster_status, report."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.output import bold, table
from amqpd.cli.ctl.verb import USAGE, Answer, BadUse, Lines, Option, Report, Request, Rows, Verb
from amqpd.cli.ctl.verbs import listing, parameters, permissions, users, vhosts
from amqpd.cli.ctl.verbs.sizes import SHOWN, shown, trimmed

MONITORING: Final = "Monitoring, observability and health checks"
PURPOSES: Final = {
    "amqp": "AMQP 0-9-1 and AMQP 1.0",
    "amqp/ssl": "AMQP 0-9-1 and AMQP 1.0 over TLS",
    "http": "HTTP API",
    "https": "HTTP API (HTTPS)",
    "http/prometheus": "Prometheus exporter API over HTTP",
}
ALARMS: Final = {"mem_alarm": "memory", "disk_free_alarm": "disk"}


def status(request: Request) -> Answer:
    overview, node = request.client.get("overview"), request.client.get("nodes")[0]
    found = _status(request, overview, node)
    return Report("\n".join(_status_lines(found, str(request.options.get("unit", "gb")))), found)


def cluster_status(request: Request) -> Answer:
    overview, node = request.client.get("overview"), request.client.get("nodes")[0]
    name, flags = node["name"], request.client.get("feature-flags")
    maintenance = "marked for maintenance" if node["being_drained"] else "not under maintenance"
    found = {
        "alarms": alarms_of(node),
        "cluster_name": overview["cluster_name"],
        "disk_nodes": [name],
        "feature_flags": flags,
        "listeners": {name: listeners_of(overview)},
        "maintenance_status": {name: maintenance},
        "partitions": {},
        "ram_nodes": [],
        "running_nodes": [name],
        "versions": {
            name: {
                "erlang_version": overview["erlang_version"],
                "rabbitmq_name": overview["product_name"],
                "rabbitmq_version": overview["rabbitmq_version"],
            }
        },
    }
    listed = [f"Node: {name}, {line[0].lower()}{line[1:]}" for line in map(listener_line, listeners_of(overview))]
    lines = [
        *_section("Basics", [f"Cluster name: {overview['cluster_name']}"]),
        *_section("Disk Nodes", [name]),
        *_section("Running Nodes", [name]),
        *_section("Versions", [f"{name}: {_product(overview)} on {_runtime(overview)}"]),
        *_section("Maintenance status", [f"Node: {name}, status: {maintenance}"]),
        *_section("Alarms", alarm_lines(node)),
        *_section("Network Partitions", ["(none)"]),
        *_section("Listeners", listed),
        *_section("Feature flags", [f"Flag: {each['name']}, state: {each['state']}" for each in flags]),
    ]
    return Report("\n".join(lines[:-1]), found)


def report(request: Request) -> Answer:
    """All that can be told, one after the other."""
    parts: list[str] = [f"Reporting server status of node {request.node} ...\n"]
    parts += _part(f"Status of node {request.node} ...", status(request))
    parts += _part(f"Cluster status of node {request.node} ...", cluster_status(request))
    every: tuple[tuple[str, Callable[[Request], Answer], list[str]], ...] = (
        ("Listing connections ...", listing.list_connections, []),
        ("Listing channels ...", listing.list_channels, []),
        ("Listing users ...", users.list_users, []),
        ("Listing vhosts ...", vhosts.list_vhosts, ["name", "tracing"]),
    )
    for banner, run, columns in every:
        parts += _part(banner, run(_about(request, "/", columns)))
    for vhost in sorted(each["name"] for each in request.client.get("vhosts")):
        of_vhost: tuple[tuple[str, Callable[[Request], Answer]], ...] = (
            ("queues", listing.list_queues),
            ("exchanges", listing.list_exchanges),
            ("bindings", listing.list_bindings),
            ("consumers", listing.list_consumers),
            ("permissions", permissions.list_permissions),
            ("policies", parameters.list_policies("policies")),
            ("limits", vhosts.list_vhost_limits),
            ("runtime parameters", parameters.list_parameters),
        )
        for what, run in of_vhost:
            parts += _part(f"Listing {what} for vhost {vhost} ...", run(_about(request, vhost, [])))
    return "\n".join(parts)


def listeners_of(overview: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where the broker listens, as the tools show it."""
    return [
        {
            "interface": f"[{each['ip_address']}]" if ":" in each["ip_address"] else each["ip_address"],
            "node": each["node"],
            "port": each["port"],
            "protocol": each["protocol"],
            "purpose": PURPOSES.get(each["protocol"], each["protocol"]),
        }
        for each in overview.get("listeners", [])
    ]


def listener_line(each: Mapping[str, Any]) -> str:
    """One listener."""
    return (
        f"Interface: {each['interface']}, port: {each['port']}, protocol: {each['protocol']}, "
        f"purpose: {each['purpose']}"
    )


def alarms_of(node: Mapping[str, Any]) -> list[dict[str, str]]:
    """Resource alarms in force."""
    return [{"resource": what, "node": node["name"]} for key, what in ALARMS.items() if node[key]]


def alarm_lines(node: Mapping[str, Any]) -> list[str]:
    """The same as lines."""
    found = alarms_of(node)
    names = {"memory": "Memory", "disk": "Free disk space"}
    return [f"{names[each['resource']]} alarm on node {each['node']}" for each in found] or ["(none)"]


def breakdown(memory: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """What memory is used for, most first."""
    parts = {key: value for key, value in memory.items() if key not in ("total", "strategy")}
    total = sum(parts.values()) or 1
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    return {key: {"bytes": value, "percentage": round(value * 100 / total, 2)} for key, value in ordered}


def _status(request: Request, overview: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    objects = overview["object_totals"]
    try:
        memory = request.client.get("nodes", node["name"], "memory")["memory"]
    except Refused:
        memory = {}
    return {
        "active_plugins": node["enabled_plugins"],
        "alarms": alarms_of(node),
        "config_files": node["config_files"],
        "crypto_lib_version": overview["crypto_lib_version"],
        "data_directory": node["db_dir"],
        "disk_free": node["disk_free"],
        "disk_free_limit": node["disk_free_limit"],
        "erlang_version": overview["erlang_full_version"],
        "file_descriptors": {
            "sockets_limit": node["sockets_total"],
            "sockets_used": node["sockets_used"],
            "total_limit": node["fd_total"],
            "total_used": node["fd_used"],
        },
        "is_under_maintenance": node["being_drained"],
        "listeners": listeners_of(overview),
        "log_files": node["log_files"],
        "memory": memory,
        "net_ticktime": node["net_ticktime"],
        "node": node["name"],
        "os": platform.system(),
        "pid": int(node["os_pid"]),
        "processes": {"limit": node["proc_total"], "used": node["proc_used"]},
        "product_name": overview["product_name"],
        "product_version": overview["product_version"],
        "amqpd_version": overview.get("amqpd_version", ""),
        "rabbitmq_version": overview["rabbitmq_version"],
        "release_series_support_status": overview["release_series_support_status"],
        "run_queue": node["run_queue"],
        "totals": {
            "virtual_host_count": len(request.client.get("vhosts", disable_stats="true")),
            "connection_count": objects["connections"],
            "queue_count": objects["queues"],
        },
        "uptime": node["uptime"] // 1000,
        "vm_memory_calculation_strategy": node["mem_calculation_strategy"],
        "vm_memory_high_watermark_limit": node["mem_limit"],
    }


def _status_lines(found: Mapping[str, Any], unit: str) -> list[str]:
    memory, files = found["memory"], found["file_descriptors"]
    used = memory.get("total", {}).get("rss", 0)
    lines = [
        *_section("Runtime", [
            f"OS PID: {found['pid']}",
            f"OS: {found['os']}",
            f"Uptime (seconds): {found['uptime']}",
            f"Is under maintenance?: {_word(found['is_under_maintenance'])}",
            f"RabbitMQ version: {found['rabbitmq_version']}",
            f"amqpd version: {found['amqpd_version']}",
            f"Node name: {found['node']}",
            f"Python: {found['erlang_version']}",
            f"Crypto library: {found['crypto_lib_version']}",
        ]),
        *_section("Plugins", ["Enabled plugins:", "", *(f" * {each}" for each in found["active_plugins"])]),
        *_section("Data directory", [f"Node data directory: {found['data_directory'] or '(nothing is kept)'}"]),
        *_section("Config files", [f" * {each}" for each in found["config_files"]]),
        *_section("Log file(s)", [f" * {each}" for each in found["log_files"] or ["<stderr>"]]),
        *_section("Alarms", [f"{each['resource']} alarm on {each['node']}" for each in found["alarms"]] or ["(none)"]),
        *_section("Memory", [
            f"Total memory used: {shown(used, unit)}",
            f"Calculation strategy: {found['vm_memory_calculation_strategy']}",
            f"Memory high watermark setting: computed to: {shown(found['vm_memory_high_watermark_limit'], unit)}",
            "",
            *(f"{key}: {shown(part['bytes'], unit)} ({trimmed(part['percentage'], 2)} %)"
              for key, part in breakdown(memory).items()),
        ]),
        *_section("File Descriptors", [
            f"Total: {files['total_used']}, limit: {files['total_limit']}",
            f"Sockets: {files['sockets_used']}, limit: {files['sockets_limit']}",
        ]),
        *_section("Free Disk Space", [
            f"Low free disk space watermark: {shown(found['disk_free_limit'], unit)}",
            f"Free disk space: {shown(found['disk_free'], unit)}",
        ]),
        *_section("Totals", [
            f"Connection count: {found['totals']['connection_count']}",
            f"Queue count: {found['totals']['queue_count']}",
            f"Virtual host count: {found['totals']['virtual_host_count']}",
        ]),
        *_section("Listeners", map(listener_line, found["listeners"])),
    ]  # fmt: skip
    return lines[:-1]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return [bold(title), "", *lines, ""]


def _part(banner: str, answer: Answer) -> list[str]:
    match answer:
        case Rows():
            return [banner, *table(answer, headers=True), ""]
        case None:
            return [banner, ""]
        case str():
            return [banner, answer, ""]
        case Lines():
            return [banner, *answer.lines, ""]
        case _:
            return [banner, answer.text, ""]


def _about(request: Request, vhost: str, columns: list[str]) -> Request:
    return Request(columns, {**request.options, "vhost": vhost}, lambda: request.client, request.stdin, request.say)


def _product(overview: Mapping[str, Any]) -> str:
    return f"{overview['product_name']} {overview['rabbitmq_version']}"


def _runtime(overview: Mapping[str, Any]) -> str:
    return f"{'Python' if 'amqpd_version' in overview else 'Erlang'} {overview['erlang_version']}"


def _word(value: object) -> str:
    return "true" if value else "false"


def unit_checked(request: Request) -> None:
    """Raises BadUse for a unit that is none."""
    unit = str(request.options.get("unit", "gb")).lower()
    if unit not in SHOWN:
        raise BadUse(f"\"unit '{unit}' is not supported. Please use one of: bytes, mb, gb\"", USAGE)


VERBS: Final = (
    Verb(
        "status",
        "[--unit <unit>] [--timeout <timeout>]",
        "Show the broker at a glance",
        MONITORING,
        status,
        lambda request: f"Status of node {request.node} ...",
        options=(Option("--unit"),),
        check=unit_checked,
    ),
    Verb(
        "cluster_status",
        "[--timeout <timeout>]",
        "Show the nodes: there is one",
        "Cluster",
        cluster_status,
        lambda request: f"Cluster status of node {request.node} ...",
    ),
    Verb("report", "", "Show everything, for a bug report", MONITORING, report),
)
