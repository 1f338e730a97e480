"""Health checks and looks into the broker: the verbs of rabbitmq-diagnostics."""

from __future__ import annotations

import socket
from typing import Any, Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.verb import SOFTWARE, UNAVAILABLE, Answer, Needs, Option, Report, Request, Stop, Verb
from amqpd.cli.ctl.verbs.errors import ERROR
from amqpd.cli.ctl.verbs.sizes import positive, shown, trimmed
from amqpd.cli.ctl.verbs.status import alarm_lines, alarms_of, breakdown, listener_line, listeners_of, unit_checked

GROUP: Final = "Monitoring, observability and health checks"
CONNECT: Final = 10.0
"""Seconds for a connection."""
DEPRECATED: Final = (
    "This command is DEPRECATED and will be removed in a future version.\n"
    "It performs intrusive, opinionated health checks and requires a fully booted node.\n"
    "Use one of the options covered in https://www.rabbitmq.com/monitoring.html#health-checks instead.\n"
)
TIMEOUT: Final = "[--timeout <timeout>]"
ALIASES: Final = {"amqp091": "amqp", "amqp0-9-1": "amqp", "amqps": "amqp/ssl", "amqp-ssl": "amqp/ssl"}
"""Other names of protocols, which the broker knows too."""
HEALTHY: Final = {"result": "ok"}


def check_running(request: Request) -> Answer:
    text, running = _running(request)
    if not running:
        raise Stop(UNAVAILABLE, ERROR.format(text))
    return Report(text, {"message": text})


def is_running(request: Request) -> Answer:
    text, running = _running(request)
    return Report(text, {"message": text, "result": running})


def is_booting(request: Request) -> Answer:
    state = "is fully booted (check with is_running), stopped or has not started booting yet"
    text = f"RabbitMQ on node {request.node} {state}"
    return Report(text, {"message": text, "result": False})


def check_alarms(request: Request) -> Answer:
    node = request.client.get("nodes")[0]
    if alarms_of(node):
        lines = alarm_lines(node)
        message = f"Node {request.node} reported alarms"
        raise Stop(UNAVAILABLE, "\n".join(lines), {**_local(lines), "message": message, "result": "error"})
    return Report(f"Node {request.node} reported no alarms, local or clusterwide", HEALTHY)


def check_local_alarms(request: Request) -> Answer:
    node = request.client.get("nodes")[0]
    if alarms_of(node):
        lines = alarm_lines(node)
        message = f"Node {request.node} reported local alarms"
        raise Stop(UNAVAILABLE, ERROR.format("\n".join(lines)), {"local": lines, "message": message, "result": "error"})
    return Report(f"Node {request.node} reported no local alarms", HEALTHY)


def alarms(request: Request) -> Answer:
    node = request.client.get("nodes")[0]
    if not alarms_of(node):
        text = f"Node {request.node} reported no alarms, local or clusterwide"
        return Report(text, {"alarms": [], "node": request.node, "result": "ok"})
    lines = alarm_lines(node)
    message = f"Node {request.node} reported alarms"
    return Report("\n".join(lines), {**_local(lines), "message": message, "result": "ok"})


def listeners(request: Request) -> Answer:
    found = listeners_of(request.client.get("overview"))
    data = {"listeners": found, "node": request.node, "result": "ok"}
    return Report("\n".join(map(listener_line, found)), data)


def check_port_connectivity(request: Request) -> Answer:
    host = "" if request.client.is_local else request.client.where.rpartition(":")[0]
    tried, failed = [], []
    overview = request.client.get("overview")
    for each in overview.get("listeners", []):
        address = each["ip_address"] if each["ip_address"] not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
        tried.append(each["port"])
        try:
            socket.create_connection((host or address, each["port"]), CONNECT).close()
        except OSError:
            failed.append(each["port"])
    if failed:
        text = f"Connection to ports of the following listeners on node {request.node} failed: "
        raise Stop(UNAVAILABLE, ERROR.format(text + _ports(failed)))
    data = {"listeners": listeners_of(overview), "node": request.node, "result": "ok"}
    return Report(f"Successfully connected to ports {_ports(tried)} on node {request.node}.", data)


def check_port_listener(request: Request) -> Answer:
    (text,) = request.arguments
    found = listeners_of(request.client.get("overview"))
    known = sorted({each["port"] for each in found})
    if text not in map(str, known):
        said = f"No listener for port {text} is active on node {request.node}. "
        data = {"listeners": found, "missing": text, "ports": known, "result": "error"}
        raise Stop(UNAVAILABLE, f"{said}Found listeners that use the following ports: {_ports(known)}", data)
    said = f"A listener for port {text} is running on node {request.node}."
    return Report(said, {"node": request.node, "port": int(text), "result": "ok"})


def check_protocol_listener(request: Request) -> Answer:
    (asked,) = request.arguments
    try:
        request.client.get("health", "checks", "protocol-listener", asked)
    except Refused as error:
        if error.status != 503:
            raise
        found = listeners_of(request.client.get("overview"))
        spoken = sorted({each["protocol"] for each in found})
        said = f"No listener for protocol {asked} is active on node {request.node}. "
        text = f"{said}Found listeners for the following protocols: {', '.join(spoken)}"
        data = {"listeners": found, "missing": asked, "protocols": spoken, "result": "error"}
        raise Stop(UNAVAILABLE, ERROR.format(text), data) from None
    named = ALIASES.get(asked.lower(), asked.lower())
    text = f"A listener for protocol {named} is running on node {request.node}."
    return Report(text, {"node": request.node, "protocol": named, "result": "ok"})


def check_virtual_hosts(request: Request) -> Answer:
    request.client.get("vhosts", disable_stats="true")
    return Report(f"Node {request.node} reported all vhosts as running", HEALTHY)


def server_version(request: Request) -> Answer:
    version = _status(request)["rabbitmq_version"]
    return Report(version, {"result": "ok", "value": version})


def erlang_version(request: Request) -> Answer:
    version = _status(request)["erlang_full_version"]
    return Report(version, {"result": "ok", "value": version})


def memory_breakdown(request: Request) -> Answer:
    unit = str(request.options.get("unit", "gb")).lower()
    found = breakdown(request.client.get("nodes", request.node, "memory")["memory"])
    lines = [f"{key}: {shown(part['bytes'], unit)} ({trimmed(part['percentage'], 2)}%)" for key, part in found.items()]
    return Report("\n".join(lines), found)


def node_health_check(request: Request) -> Answer:
    node = request.client.get("nodes")[0]
    found = ",".join(f"{{resource_limit,{each['resource']},{each['node']}}}" for each in alarms_of(node))
    if found:
        text = f"Error: health check failed. Message: resource alarm(s) in effect:[{found}]"
        raise Stop(SOFTWARE, ERROR.format(text))
    return Report("Health check passed", {"message": "Health check passed"})


def single_node(request: Request) -> Answer:
    said = "seems to be the only one in a single node cluster, the check does not apply"
    return Report(f"Node {request.node} {said}", {"message": f"Target node {said}", "result": "ok"})


def discover_peers(_: Request) -> Answer:
    return Report("No peers discovered", {"message": "No peers discovered"})


def _status(request: Request) -> Any:
    if request.client.is_local:
        return request.client.get("control", "status")
    return {**request.client.get("overview"), "running": True}


def _running(request: Request) -> tuple[str, bool]:
    running = bool(_status(request)["running"])
    state = "is fully booted and running" if running else "is not running or has not fully booted yet"
    return f"RabbitMQ on node {request.node} {state}" + ("" if running else " (check with is_booting)"), running


def _local(lines: list[str]) -> dict[str, object]:
    """Alarms as programs get them: there is no other node that could have one."""
    return {"global": [], "local": lines}


def _ports(ports: list[int]) -> str:
    return ", ".join(map(str, sorted({*ports})))


def _asking(what: str) -> Any:
    return lambda request: f"Asking node {request.node} {what}"


VERBS: Final = (
    Verb("check_running", TIMEOUT, "Fail unless clients are served", GROUP, check_running,
         lambda request: f"Checking if RabbitMQ is running on node {request.node} ...", needs=Needs.ANY),
    Verb("is_running", TIMEOUT, "Say whether clients are served", GROUP, is_running, _asking("for its status ..."),
         needs=Needs.ANY),
    Verb("is_booting", TIMEOUT, "Say whether the broker is starting", GROUP, is_booting,
         _asking("for its boot status ..."), needs=Needs.ANY),
    Verb("check_alarms", TIMEOUT, "Fail while there is a resource alarm", GROUP, check_alarms,
         _asking("to report any local resource alarms ...")),
    Verb("check_local_alarms", TIMEOUT, "The same", GROUP, check_local_alarms,
         _asking("to report any local resource alarms ...")),
    Verb("alarms", TIMEOUT, "List resource alarms", GROUP, alarms, _asking("to report any known resource alarms ...")),
    Verb("listeners", TIMEOUT, "List where the broker listens", GROUP, listeners,
         _asking("to report its protocol listeners ...")),
    Verb("check_port_connectivity", TIMEOUT, "Connect to every port that the broker listens on", GROUP,
         check_port_connectivity,
         lambda request: f"Testing TCP connections to all active listeners on node {request.node} ..."),
    Verb("check_port_listener", f"<port> {TIMEOUT}", "Fail unless the broker listens on a port", GROUP,
         check_port_listener,
         lambda request: (
             f"Asking node {request.node} if there's an active listener on port {request.arguments[0]} ..."
         ), 1, 1, check=positive),
    Verb("check_protocol_listener", f"<protocol> {TIMEOUT}", "Fail unless a protocol is spoken", GROUP,
         check_protocol_listener,
         lambda request: (
             f"Asking node {request.node} if there's an active listener for protocol {request.arguments[0]} ..."
         ), 1, 1),
    Verb("check_virtual_hosts", TIMEOUT, "Fail unless all virtual hosts run: they do", GROUP, check_virtual_hosts,
         lambda request: f"Checking if all vhosts are running on node {request.node} ..."),
    Verb("server_version", TIMEOUT, "Show the RabbitMQ version whose behaviour is in force", GROUP, server_version,
         _asking("for its RabbitMQ version..."), needs=Needs.ANY),
    Verb("erlang_version", TIMEOUT, "Show what the broker runs on, which is Python", GROUP, erlang_version,
         _asking("for its Erlang/OTP version..."), needs=Needs.ANY, options=(Option("--details", bool),)),
    Verb("memory_breakdown", "[--unit <unit>] [--timeout <timeout>]", "Show what memory is used for", GROUP,
         memory_breakdown, lambda request: f"Reporting memory breakdown on node {request.node}...",
         options=(Option("--unit"),), check=unit_checked),
    Verb("node_health_check", TIMEOUT, "Check everything, as older versions did", "Deprecated", node_health_check,
         lambda request: (
             f"{DEPRECATED}Timeout: {int(request.options.get('timeout', 70))} seconds ...\n"
             f"Checking health of node {request.node} ..."
         )),
    Verb("check_if_node_is_quorum_critical", TIMEOUT, "Fail if others depend on this node: there are none", GROUP,
         single_node,
         lambda request: f"Checking if node {request.node} is critical for quorum of any quorum queues ..."),
    Verb("check_if_node_is_mirror_sync_critical", TIMEOUT, "Fail if mirrored queues depend on it: there are none",
         GROUP, single_node,
         lambda request: (
             f"Checking if node {request.node} is critical for data safety of any classic mirrored queues ..."
         )),
    Verb("discover_peers", TIMEOUT, "Look for other nodes: there are none", "Cluster", discover_peers,
         lambda _: "Discovering peers nodes ..."),
)  # fmt: skip
